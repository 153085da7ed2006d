"""Sends what is due: a planned visit becomes a dispatch (DOMAIN section 7)."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.problems import Problem
from app.organisation import service as organisation
from app.planning import policy, repository
from app.planning.context import Planner
from app.planning.models import PlannedVisit
from app.work_orders import assignments
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder
from app.work_orders.states import AWAITING_DISPATCH, State
from dispatch import Candidate

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Committed:
    """What the commit step did: orders sent, and those that could not be, with the problem."""

    sent: dict[UUID, UUID] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        sent = [{"order_id": str(o), "crew_id": str(c)} for o, c in self.sent.items()]
        return {"committed": sent, "not_committed": self.refused}


async def commit_due(planner: Planner, station_id: UUID) -> Committed:
    """Send the due visits of a station and all below it, each in a transaction of its own.

    Due is what starts within the commit horizon, and danger at once. A crew with an unaccepted
    order, or with two ahead, gets no other, danger excepted: the rest stays planned.
    """
    due_before = clock.now() + timedelta(seconds=settings.current().commit_horizon_s)
    async with planner.database.transaction() as session:
        stations = await organisation.subtree(session, station_id)
        due = await repository.due_visits(session, stations, due_before)
        ahead = await repository.ahead_of(session, {visit.crew_id for visit in due})
    candidates, capacity = open_choices(due, ahead, clock.now())
    done = Committed()
    if not candidates:
        return done
    chosen = await planner.solver.choose(candidates, capacity)
    for visit in due:
        if str(visit.order_id) in chosen:
            await _send(planner, visit.order_id, visit.crew_id, done)
    return done


def open_choices(
    due: Collection[Any], ahead: Mapping[UUID, tuple[int, int]], at: datetime
) -> tuple[list[Candidate], dict[str, int]]:
    """Candidates and capacity per crew; `ahead` is crew -> (unaccepted, unaccepted + accepted).

    Earlier starts cost less, so that a crew gets its day in order.
    """
    urgent = {visit.order_id for visit in due if visit.service_class == policy.DANGER}
    dangers = Counter(visit.crew_id for visit in due if visit.order_id in urgent)
    free: dict[UUID, int] = {}
    for visit in due:
        unaccepted, in_all = ahead.get(visit.crew_id, (0, 0))
        free[visit.crew_id] = int(unaccepted == 0 and in_all < policy.MOST_AHEAD)
    candidates = [
        Candidate(
            order_id=str(visit.order_id),
            crew_id=str(visit.crew_id),
            cost_s=max(0, int((visit.start_at - at).total_seconds())) + visit.position,
            urgent=visit.order_id in urgent,
        )
        for visit in due
        if visit.order_id in urgent or free[visit.crew_id]
    ]
    return candidates, {str(crew): max(count, dangers[crew]) for crew, count in free.items()}


async def _send(planner: Planner, order_id: UUID, crew_id: UUID, done: Committed) -> None:
    """Transition 4, if the visit still stands; a refusal is reported, and planned around."""
    try:
        async with planner.database.transaction() as session:
            order = await work_orders.locked_any(session, order_id)
            visit = await session.get(PlannedVisit, order_id)
            if State(order.state) not in AWAITING_DISPATCH or visit is None:
                return
            if visit.crew_id != crew_id:
                return
            if not await _may_get(session, order, crew_id):
                return
            await assignments.assign(session, order, crew_id, Act.by_planner(), how="auto")
            home = await repository.station_of(session, crew_id)
            if home != order.station_id:
                await repository.raise_dirty(session, home)
        done.sent[order_id] = crew_id
    except (Problem, DBAPIError) as refusal:
        log.warning("visit of %s by %s was not sent: %s", order_id, crew_id, refusal)
        done.refused.append(_refusal(order_id, crew_id, refusal))
        if isinstance(refusal, Problem):
            await _drop(planner, order_id)


async def _may_get(session: AsyncSession, order: WorkOrder, crew_id: UUID) -> bool:
    """Whether the crew still has room: plans of two stations may send to it at the same time."""
    await repository.lock_crew(session, crew_id)
    if order.service_class == policy.DANGER:
        return True
    unaccepted, in_all = (await repository.ahead_of(session, [crew_id])).get(crew_id, (0, 0))
    return unaccepted == 0 and in_all < policy.MOST_AHEAD


def _refusal(order_id: UUID, crew_id: UUID, refusal: Exception) -> dict[str, Any]:
    known = refusal if isinstance(refusal, Problem) else None
    return {
        "order_id": str(order_id),
        "crew_id": str(crew_id),
        "type": known.type if known else "busy",
        "detail": (known.detail or known.title.en) if known else "the database was busy",
    }


async def _drop(planner: Planner, order_id: UUID) -> None:
    """Take a visit that cannot be sent out of the plan, and ask for a new one."""
    async with planner.database.transaction() as session:
        order = await work_orders.locked_any(session, order_id)
        if State(order.state) in AWAITING_DISPATCH:
            await repository.forget(session, order_id)
            await repository.raise_dirty(session, order.station_id)
