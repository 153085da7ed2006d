"""What a held-up visit would cost other crews now: the commit step's choices beside the plan's.

Each is priced as the plan is (drive, lateness and waiting of all whom it delays, overtime,
workload, income, the price of a move), by the same insertion as danger, on the plan in force timed
anew.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import dispatch
from app.core import clock, settings
from app.planning import policy
from app.planning.build import OBJECTIVE, Layout, chains, problem_of, seconds, warm_start
from app.planning.commit_rows import Due, Hands, lost_since
from app.planning.context import Planner
from app.planning.held_up import is_free
from app.planning.load import load
from app.planning.nearby import with_free_crews_near
from app.planning.ready import ready
from app.planning.rerouted import Setting
from app.planning.roads import Roads, roads_between
from app.planning.snapshot import CrewNow, Snapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taking:
    """A due visit at the head of another crew's day, beside the place that it has."""

    order_id: str
    from_crew: str
    here: dispatch.Proposal | None
    """Its place with the crew of the plan; None when that cannot keep it any more."""
    here_s: int
    """What it costs there, in seconds of price."""
    left: dispatch.Route
    """That crew's route without it."""
    there: dispatch.Proposal

    @property
    def saved_s(self) -> int:
        """Seconds of price that it saves to hand it over, the price of the move paid."""
        return self.here_s - self.there.added


class Takers:
    """The plan in force around held-up visits, which can be asked and changed."""

    def __init__(
        self, setting: Setting, insertions: dispatch.Insertions, free: Collection[str]
    ) -> None:
        self.setting = setting
        self._insertions = insertions
        self._free = free
        self._until_s = settings.current().commit_horizon_s

    def still(self, visit: Due) -> str | None:
        """The order's name, if the plan in force still has it with the crew of this visit."""
        snapshot = self.setting.snapshot
        has_it = snapshot.published.get(visit.order_id)
        if has_it is None or snapshot.crew_ids.get(has_it.crew_code) != visit.crew_id:
            return None
        return next((job.serial for job in snapshot.jobs if job.id == visit.order_id), None)

    def takings(self, order_id: str) -> list[Taking]:
        """What each free crew would take the visit for now, the cheapest first."""
        insertions = self._insertions
        order = insertions.problem.order_by_id[order_id]
        from_crew = str(order.current_crew)
        number = insertions.tally.number[from_crew]
        old = insertions.routes[number]
        left = self._without(order, number)
        if left is None:
            return []
        insertions.drive(left)
        here = insertions.proposal(order, number, old) if left is not old else None
        here_s = order.priority_penalty if here is None else here.added
        found = [
            Taking(order_id, from_crew, here, here_s, left, there)
            for there in self._places(order, number)
        ]
        insertions.drive(old)
        return sorted(found, key=lambda taking: (taking.there.added, taking.there.crew_id))

    def take(self, taking: Taking) -> bool:
        """Go on from a plan in which the visit was handed over.

        False where the independent check refuses that plan: then it is as before.
        """
        insertions = self._insertions
        routes = (taking.left, taking.there.route)
        before = [insertions.routes[insertions.tally.number[each.crew_id]] for each in routes]
        insertions.drive(*routes)
        # The insertion says no reasons for what it leaves out; the next run does.
        broken = [
            each
            for each in dispatch.check(insertions.asked, insertions.plan)
            if each.code != "reason_missing"
        ]
        if broken:
            log.error("ALERT handing %s over broke rules: %s", taking.order_id, broken)
            insertions.drive(*before)
        return not broken

    def _without(self, order: dispatch.Order, number: int) -> dispatch.Route | None:
        """The crew's route without the order; as it is where it cannot keep it, None where no road
        leads past it."""
        insertions = self._insertions
        crew, old = insertions.problem.crews[number], insertions.routes[number]
        ids = [visit.order_id for visit in old.visits]
        if order.id not in ids:
            return old
        ids.remove(order.id)
        return insertions.retiming.route(crew, ids, order)

    def _places(self, order: dispatch.Order, number: int) -> list[dispatch.Proposal]:
        """The order as the next thing that each free crew does after what it has accepted."""
        insertions = self._insertions
        crews = insertions.problem.crews
        found = []
        for row in insertions.open_to(order).tolist():
            if row == number or crews[row].id not in self._free:
                continue
            place = insertions.at(order, row, len(crews[row].locked))
            if place is not None and place.start_s <= self._until_s:
                found.append(place)
        return found


async def takers_of(planner: Planner, station_id: UUID, visits: Sequence[Due]) -> Takers | None:
    """Who else could take these visits of a station's orders; None when there is nobody to ask.

    A visit that a newer plan has moved meanwhile is not among them.

    No transaction is open while roads are asked and prices are worked out.
    """
    async with planner.database.transaction() as session:
        snapshot = await load(session, station_id, clock.now(), policy.DEFAULT_HORIZON_S)
    wanted = {visit.order_id: visit.crew_id for visit in visits}
    ids = snapshot.crew_ids
    jobs = [
        job
        for job in snapshot.jobs
        if job.id in wanted
        and (has_it := snapshot.published.get(job.id)) is not None
        and ids.get(has_it.crew_code) == wanted[job.id]
    ]
    free = frozenset(crew.code for crew in snapshot.crews if is_free(_hands(crew)))
    near = with_free_crews_near(snapshot, jobs, free, policy.COMMIT_CREWS)
    if near is None:
        return None
    codes = {crew.id: crew.code for crew in near.crews}
    async with planner.database.transaction() as session:
        lost = await lost_since(session, visits, codes)
    layout = Layout.of(near)
    roads = await roads_between(planner.engine, layout.places, chains(near, layout), near.at)
    return await asyncio.to_thread(_ready, near, layout, roads, free, lost)


def _ready(
    snapshot: Snapshot,
    layout: Layout,
    roads: Roads,
    free: Collection[str],
    lost: Mapping[str, int],
) -> Takers:
    rates = replace(OBJECTIVE, move=policy.HAND_OVER_S)
    problem = _slowed(problem_of(snapshot.at_one_price(), layout, roads, rates), snapshot)
    insertions = ready(problem, warm_start(snapshot))
    insertions.tally.lost.update(lost)
    return Takers(Setting(snapshot, layout, roads, problem), insertions, free)


def _slowed(problem: dispatch.Problem, snapshot: Snapshot) -> dispatch.Problem:
    """The problem in which crews that do not answer are counted on only later."""
    waits = {crew.code: _unanswered_s(crew, snapshot.at) for crew in snapshot.crews}
    crews = tuple(
        replace(crew, available_from_s=crew.available_from_s + waits[crew.id])
        for crew in problem.crews
    )
    return replace(problem, crews=crews)


def _unanswered_s(crew: CrewNow, at: datetime) -> int:
    """How much longer the crew is expected not to answer what it was sent."""
    waited = [seconds(held.assigned_at, at) for held in crew.held if held.state == "SENT"]
    return policy.unanswered_s(max(waited, default=0))


def _hands(crew: CrewNow) -> Hands:
    own = [held.state for held in crew.held if not held.part]
    sent = own.count("SENT")
    return Hands(unaccepted=sent, ahead=sent + own.count("ACCEPTED"))
