"""New orders that came while the search ran are inserted into what it found, before publishing.

What changed in the meantime is left out by `publish`; the next run, which either has asked for,
plans both with everything else.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dispatch
from app.core.db import Database
from app.planning.build import Layout, problem_of
from app.planning.load import load
from app.planning.roads import Roads, extended
from app.planning.snapshot import Job, Snapshot
from routing import RoutingEngine

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Solved:
    """A checked plan with all that it was made of."""

    snapshot: Snapshot
    layout: Layout
    roads: Roads
    problem: dispatch.Problem
    plan: dispatch.Plan


@dataclass(frozen=True, slots=True)
class Merged:
    """Which new orders found a place, and which wait for the next run."""

    inserted: Sequence[tuple[Job, str]] = field(default_factory=tuple)
    """(order, crew code)"""
    not_fitting: Sequence[Job] = field(default_factory=tuple)

    @classmethod
    def of(cls, new: Sequence[Job], crew_of: Mapping[str, str]) -> "Merged":
        """What became of the new orders, by the plan's serial -> crew code."""
        return cls(
            inserted=[(job, crew_of[job.serial]) for job in new if job.serial in crew_of],
            not_fitting=[job for job in new if job.serial not in crew_of],
        )

    def shown(self) -> dict[str, Any]:
        return {
            "inserted": [_named(job) | {"crew_code": crew} for job, crew in self.inserted],
            "not_fitting": [_named(job) for job in self.not_fitting],
        }


def _named(job: Job) -> dict[str, Any]:
    return {"order_id": str(job.id), "serial": job.serial}


async def merged(
    database: Database, engine: RoutingEngine, solved: Solved, horizon_s: int
) -> tuple[Solved, Merged]:
    """The plan with the orders that wait by now and that it has not heard of, where they fit.

    Whatever goes wrong here costs nothing but the merge: the plan is then published as it was
    found, and the new orders wait for the next run.
    """
    before, new = solved.snapshot, tuple[Job, ...]()
    try:
        async with database.transaction() as session:
            fresh = await load(session, before.station_id, before.at, horizon_s)
        new = unheard_of(before, fresh)
        if not new:
            return solved, Merged()
        again = await _with(engine, solved, new)
        return await asyncio.to_thread(_inserted, solved, again, new)
    except Exception:
        log.exception("ALERT %d new orders were not merged: they wait for the next run", len(new))
        return solved, Merged(not_fitting=new)


async def _with(engine: RoutingEngine, solved: Solved, new: Sequence[Job]) -> Solved:
    """The same plan among the new orders; roads are asked only for places that are new."""
    known = solved.layout
    layout = known.with_places(job.place for job in new)
    more = layout.places[len(known.places) :]
    at = solved.snapshot.at
    roads = await extended(engine, solved.roads, known.places, more, at)
    snapshot = replace(solved.snapshot, jobs=(*solved.snapshot.jobs, *new))
    return replace(solved, snapshot=snapshot, layout=layout, roads=roads)


def unheard_of(before: Snapshot, fresh: Snapshot) -> tuple[Job, ...]:
    """Orders that wait by now and did not before.

    What came back from a crew's hands is no new order: the plan still drives it there.
    """
    known = {job.id for job in (*before.jobs, *before.beyond)}
    known |= {held.job.id for crew in before.crews for held in crew.held}
    return tuple(job for job in fresh.jobs if job.id not in known)


def _inserted(solved: Solved, again: Solved, new: Sequence[Job]) -> tuple[Solved, Merged]:
    objective = solved.problem.objective
    problem = problem_of(again.snapshot, again.layout, again.roads, objective)
    plan = with_inserted(problem, solved.plan, [job.serial for job in new])
    if plan is None:
        return solved, Merged(not_fitting=new)
    return replace(again, problem=problem, plan=plan), Merged.of(new, plan.crew_of)


def with_inserted(
    problem: dispatch.Problem, plan: dispatch.Plan, serials: Iterable[str]
) -> dispatch.Plan | None:
    """The plan with these orders of its problem wherever serving them is worth it, danger first.

    What it leaves out carries reasons. None when that plan would break a rule.
    """
    insertions = dispatch.Insertions(problem, plan)
    orders = [problem.order_by_id[serial] for serial in serials]
    for order in sorted(orders, key=lambda each: (not each.emergency, -each.priority_penalty)):
        best = next(iter(dispatch.propose(insertions, order, most=1)), None)
        if best is not None and best.net < 0:
            dispatch.place(insertions, best)
    found = _explained(problem, insertions.plan, plan)
    if violations := dispatch.check(problem, found):
        log.error("ALERT a merge broke the plan's rules and was dropped: %s", violations)
        return None
    return found


def _explained(
    problem: dispatch.Problem, plan: dispatch.Plan, before: dispatch.Plan
) -> dispatch.Plan:
    """The plan with the reasons known before, and new ones for what is newly left out."""
    unknown = [name for name in plan.unassigned if not before.unassigned.get(name)]
    reasons = {name: before.unassigned[name] for name in plan.unassigned if name not in unknown}
    reasons |= dispatch.explain(problem, plan, unknown)
    return replace(plan, unassigned=reasons, parts=before.parts)
