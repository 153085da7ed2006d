"""Danger is dispatched at once: inserted into the plan in force, ahead of the next full run."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel.ext.asyncio.session import AsyncSession

import dispatch
from app.core import clock
from app.core.problems import Problem
from app.planning import policy, reason_rows, repository, snapshot_rows
from app.planning.build import Layout, chains, problem_of, warm_start
from app.planning.context import Planner
from app.planning.load_near import load_near
from app.planning.models import PlannedVisit, UnplannedOrder
from app.planning.outcome import told
from app.planning.reading import facts_of
from app.planning.ready import narrowed
from app.planning.rerouted import Setting, reroute, stations, touched
from app.planning.roads import Roads, roads_between
from app.planning.snapshot import Job, Snapshot
from app.planning.why_shown import why_inserted
from app.work_orders import assignments
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from dispatch import wording

log = logging.getLogger(__name__)
REHEARSED = 5
"""Orders that a rehearsal tries: the first may be one that nobody near can have."""


class _NoLongerThere(Exception):
    """The danger order itself changed: what it needs now is for the run that this asked for."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A danger order among the crews near it."""

    setting: Setting
    job: Job
    plan: dispatch.Plan
    proposals: Sequence[dispatch.Proposal]

    @property
    def snapshot(self) -> Snapshot:
        return self.setting.snapshot

    def without(self, broken: dispatch.Proposal) -> "_Case":
        """The case where nobody thinks of this proposal any more, nor any reason names it."""
        return replace(self, proposals=[each for each in self.proposals if each is not broken])


async def dispatch_danger(planner: Planner, order_id: UUID) -> UUID | None:
    """Send a waiting danger order to the crew where it costs least; returns the crew.

    A lower priority that is planned and not sent yet may have to give way: it gets its next best
    place at once, or leaves the plan. Each proposal is checked as a plan; one that the guards
    refuse by now, or whose giver has changed, gives its turn to the next. None leaves the order to
    the full run that its report has asked for.
    """
    case = await _priced(planner, order_id)
    if case is None:
        return None
    for proposal in case.proposals[: policy.DANGER_TRIES]:
        if not await asyncio.to_thread(_keeps_rules, case, proposal):
            case = case.without(proposal)
            continue
        try:
            sent = await _sent(planner, case, proposal)
        except _NoLongerThere:
            return None
        except Problem as refusal:
            log.warning("%s cannot have %s: %s", proposal.crew_id, proposal.order_id, refusal)
            continue
        if sent:
            return case.snapshot.crew_ids[proposal.crew_id]
    log.warning("no crew could be given danger order %s at once", case.job.serial)
    return None


async def rehearse(planner: Planner) -> bool:
    """Price one of the newest waiting orders as if it were danger, and send nothing.

    What a process does for the first time takes it twice as long, so danger's reading, roads,
    proposals and check are done once before. False when no order could be priced.
    """
    async with planner.database.transaction() as session:
        newest = await snapshot_rows.newest_waiting(session, clock.now(), REHEARSED)
    for order_id in newest:
        found = await _near(planner, order_id)
        case = None if found is None else await _case_of(planner, *_as_danger(*found))
        if case is not None and case.proposals:
            return await asyncio.to_thread(_keeps_rules, case, case.proposals[0])
    return False


def _as_danger(job: Job, snapshot: Snapshot) -> tuple[Job, Snapshot]:
    """The same, if the order were danger."""
    danger = replace(job, facts=job.facts._replace(service_class=policy.DANGER))
    jobs = tuple(danger if each.id == job.id else each for each in snapshot.jobs)
    return danger, replace(snapshot, jobs=jobs)


async def _priced(planner: Planner, order_id: UUID) -> _Case | None:
    """Proposals for the order, or None when it does not wait any more."""
    found = await _near(planner, order_id)
    if found is None or found[0].service_class != policy.DANGER:
        return None
    return await _case_of(planner, *found)


async def _near(planner: Planner, order_id: UUID) -> tuple[Job, Snapshot] | None:
    async with planner.database.transaction() as session:
        return await load_near(
            session,
            order_id,
            clock.now(),
            policy.DEFAULT_HORIZON_S,
            policy.DANGER_CREWS,
            policy.DANGER_HELPERS,
        )


async def _case_of(planner: Planner, job: Job, snapshot: Snapshot) -> _Case | None:
    """Ways to serve it, or None without a crew that could have it, or beyond the horizon."""
    if not snapshot.crews or all(each.id != job.id for each in snapshot.jobs):
        return None
    layout = Layout.of(snapshot)
    roads = await roads_between(
        planner.engine, layout.places, chains(snapshot, layout), snapshot.at
    )
    return await asyncio.to_thread(_case, snapshot, layout, roads, job)


def _case(snapshot: Snapshot, layout: Layout, roads: Roads, job: Job) -> _Case:
    """Ways to serve it beside what is planned, the cheapest first."""
    published = {
        crew: [name for name in names if name != job.serial]
        for crew, names in warm_start(snapshot).items()
    }
    planned = {name for names in published.values() for name in names}
    everything = problem_of(snapshot, layout, roads)
    plan = dispatch.replan(narrowed(everything, planned), published)
    problem = narrowed(everything, planned | {job.serial})
    found = dispatch.insert(problem, plan, job.serial)
    return _Case(Setting(snapshot, layout, roads, problem), job, plan, found)


def _keeps_rules(case: _Case, proposal: dispatch.Proposal) -> bool:
    problem = case.setting.problem
    violations = dispatch.check(problem, dispatch.applied(problem, case.plan, proposal))
    if violations:
        log.error("ALERT the insertion of %s broke its rules: %s", proposal.order_id, violations)
    return not violations


async def _sent(planner: Planner, case: _Case, proposal: dispatch.Proposal) -> bool:
    """Whether it was sent; a database that stumbles over others' work is asked once more."""
    try:
        return await _send(planner, case, proposal)
    except (DBAPIError, StaleDataError) as stumble:
        log.warning("sending %s is tried again: %s", proposal.order_id, stumble)
    return await _send(planner, case, proposal)


async def _send(planner: Planner, case: _Case, proposal: dispatch.Proposal) -> bool:
    """Transition 4 under the locks of the plans and orders that it touches, in `publish`'s order.

    False when the order that should leave has changed since the snapshot; raises _NoLongerThere
    when the danger order has.
    """
    names = [case.job.serial, *([proposal.ejected.order_id] if proposal.ejected else [])]
    written = touched(case.setting, proposal.routes, *names)
    leaving = written.get(proposal.ejected.order_id) if proposal.ejected else None
    crew_id = case.snapshot.crew_ids[proposal.crew_id]
    async with planner.database.transaction() as session:
        await repository.lock_plans(session, stations(case.setting, proposal.routes, written))
        now = await snapshot_rows.lock_facts(session, [job.id for job in written.values()])
        if _changed(case.job, now.get(case.job.id)):
            raise _NoLongerThere
        if leaving is not None and _changed(leaving, now.get(leaving.id)):
            return False
        order = await work_orders.locked_any(session, case.job.id)
        if leaving is not None:
            await _give_way(session, case, proposal, leaving)
        await reroute(session, case.setting, proposal)
        reason = _reason(proposal, case.proposals)
        act = Act.by_planner()
        await assignments.assign(session, order, crew_id, act, how="auto", reason=reason)
        why = why_inserted(case.setting, proposal, case.proposals)
        await reason_rows.keep(session, order, crew_id, None, why)
        # Whatever run is solving now does not know of it: another one has to follow.
        home = await repository.station_of(session, crew_id)
        for station_id in sorted({order.station_id, home}):
            await repository.raise_dirty(session, station_id)
    return True


def _changed(job: Job, row: Any) -> bool:
    return row is None or facts_of(row) != job.facts


async def _give_way(
    session: AsyncSession, case: _Case, proposal: dispatch.Proposal, leaving: Job
) -> None:
    """A lower priority that found no other place leaves the plan, with its reason."""
    out = proposal.ejected
    if out is None or out.crew_id is not None:
        return  # its new place is written with the routes
    visit = await session.get(PlannedVisit, leaving.id)
    if visit is None or visit.crew_id != case.snapshot.crew_ids[out.from_crew]:
        return  # a newer plan has moved it meanwhile
    run_id = visit.run_id
    await repository.forget(session, leaving.id)
    session.add(UnplannedOrder(order_id=leaving.id, run_id=run_id, reasons=[_gave_way(proposal)]))
    await session.flush()


def _gave_way(proposal: dispatch.Proposal) -> dict[str, Any]:
    assert proposal.ejected is not None
    crew = proposal.ejected.from_crew
    return told(wording.reason("gave_way", crew_id=crew, for_order=proposal.order_id))


def _reason(proposal: dispatch.Proposal, others: Sequence[dispatch.Proposal]) -> str:
    """What the order's history says: the price, the next ones, and who had to give way."""
    said = f"danger at once: {_priced_words(proposal)}"
    if proposal.ejected is not None:
        said += f", {proposal.ejected.order_id} gives way"
    rest = [_priced_words(each) for each in others if each is not proposal]
    return said + (f"; next {', '.join(rest[:3])}" if rest else "")


def _priced_words(proposal: dispatch.Proposal) -> str:
    return f"{proposal.crew_id} +{round(proposal.added / 60)} min"
