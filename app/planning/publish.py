"""Puts a plan in force, without what changed under it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed
from app.planning import policy, reason_rows, repository, snapshot_rows
from app.planning.borders import Borders, settled
from app.planning.models import PlanningRun
from app.planning.outcome import Outcome
from app.planning.reading import facts_of
from app.planning.snapshot import Facts, Job, Snapshot

CREW_BUSY = ("crew_busy",)
"""Left out because its lent crew has got work of its own station meanwhile."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An order that the plan does not speak of any more, and which facts changed."""

    job: Job
    changed: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        return {
            "order_id": str(self.job.id),
            "serial": self.job.serial,
            "changed": list(self.changed),
        }


async def publish(
    session: AsyncSession, run_id: UUID, snapshot: Snapshot, outcome: Outcome
) -> list[LeftOut]:
    """Replace the plan of the run's stations; returns the orders left out of it.

    The orders are locked and read again: one that was sent, cancelled, pinned, rebooked or
    otherwise changed while the search ran keeps no visit from this plan. Such a change has raised
    the station's `dirty_seq`, so the next run deals with it.
    """
    borders = await settled(session, snapshot, outcome.served)
    jobs = (*snapshot.jobs, *snapshot.beyond)
    now = await snapshot_rows.lock_facts(session, [job.id for job in jobs])
    left_out = [
        LeftOut(job, why)
        for job in jobs
        if (why := _changed(job.facts, now.get(job.id)) or _elsewhere(job, outcome, borders))
    ]
    gone = {each.job.id for each in left_out}
    await repository.replace_plan(
        session,
        borders.stations,
        [visit for order_id, visit in outcome.visits.items() if order_id not in gone],
        [row for order_id, row in outcome.unplanned.items() if order_id not in gone],
    )
    seqs = {each: snapshot.dirty_seqs[each] for each in borders.stations}
    await repository.note_planned(session, seqs, snapshot.at)
    for station_id in {each.job.station_id for each in left_out if each.changed == CREW_BUSY}:
        await repository.raise_dirty(session, station_id)
    run = await session.get_one(PlanningRun, run_id)
    run.state = "published"
    run.dirty_seq = snapshot.dirty_seqs.get(snapshot.station_id)
    run.result = outcome.result | {"left_out": [each.shown() for each in left_out]}
    run.finished_at = clock.now()
    session.add(run)
    await keep(session, outcome)
    await tell(session, run)
    return left_out


async def answer(session: AsyncSession, run_id: UUID, outcome: Outcome) -> None:
    """Note what a "what if" run found; the plan in force stays as it is."""
    run = await session.get_one(PlanningRun, run_id)
    run.state, run.step = "answered", "done"
    run.result = outcome.result | {"left_out": []}
    run.finished_at = clock.now()
    session.add(run)
    await keep(session, outcome)


async def keep(session: AsyncSession, outcome: Outcome) -> None:
    """Keep the run's problem for questions, and forget those of older runs."""
    if outcome.problem is not None:
        kept = policy.KEPT_PROBLEMS[outcome.problem.publish]
        await reason_rows.keep_problem(session, outcome.problem, kept)


async def tell(session: AsyncSession, run: PlanningRun) -> None:
    """Boards of the station hear that a run ended."""
    await feed.append(session, "planning_run", run.id, after=[feed.station_token(run.station_id)])


def _elsewhere(job: Job, outcome: Outcome, borders: Borders) -> tuple[str, ...]:
    """Why another station's plan keeps this one from speaking of the order."""
    if job.station_id not in borders.stations:
        return ("planned_since",)
    visit = outcome.visits.get(job.id)
    return CREW_BUSY if visit is not None and visit.crew_id in borders.busy else ()


def _changed(before: Facts, row: Any) -> tuple[str, ...]:
    if row is None:
        return ("gone",)
    now = facts_of(row)
    return tuple(name for name in Facts._fields if getattr(before, name) != getattr(now, name))
