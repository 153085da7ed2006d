"""Asking for runs and reading them, inside the caller's scope."""

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, jobs, settings
from app.core.permissions import Permission
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.organisation import service as organisation
from app.planning import repository
from app.planning.errors import NothingToPlan
from app.planning.jobs import answer_what_if, lock_of, run_plan
from app.planning.lending import can_come
from app.planning.models import PlannedVisit, PlanningRun, UnplannedOrder
from app.planning.size import demand_plannable
from app.work_orders.models import WorkOrder


async def request_run(
    session: AsyncSession,
    principal: Principal,
    *,
    station_id: UUID,
    horizon_s: int,
    seconds: float | None,
    publish: bool = True,
    changes: dict[str, Any] | None = None,
) -> PlanningRun:
    """Queue a run of a station and all below it; without `publish` it only answers "what if".

    Raises NotFound, for a crew of `changes` elsewhere too, NothingToPlan and PlanTooLarge.
    """
    stations = await organisation.subtree_in_scope(
        session, principal, Permission.PLANNING_RUN, station_id
    )
    await _demand_plannable(session, stations, horizon_s, changes)
    run = PlanningRun(
        station_id=station_id,
        state="queued",
        trigger="manual",
        horizon_s=horizon_s,
        budget_s=seconds if seconds is not None else settings.current().plan_budget_s,
        requested_by=principal.id,
        requested_at=clock.now(),
        publish=publish,
        changes=changes,
    )
    session.add(run)
    await session.flush()
    await jobs.defer(
        session,
        run_plan if publish else answer_what_if,
        lock=lock_of(station_id) if publish else None,
        station_id=str(station_id),
        run_id=str(run.id),
    )
    return run


async def _demand_plannable(
    session: AsyncSession,
    stations: Collection[UUID],
    horizon_s: int,
    changes: dict[str, Any] | None,
) -> None:
    """Refuse what can be seen before anything is loaded; the run itself counts again."""
    at = clock.now()
    crews = await organisation.capabilities(session, stations, at)
    if not crews and not (changes and changes["added_crews"]):
        raise NothingToPlan()
    named = [*changes["without_crews"], *changes["longer_crews"]] if changes else []
    if {UUID(each) for each in named} - {crew.crew_id for crew in crews}:
        raise NotFound()
    orders = await repository.waiting(session, stations, at + timedelta(seconds=horizon_s))
    able = Counter(crew.station_id for crew in crews if can_come(crew))
    demand_plannable((orders.get(each, 0), able[each]) for each in stations)


async def run_of(session: AsyncSession, principal: Principal, run_id: UUID) -> PlanningRun:
    """The run, or NotFound outside the scope."""
    query = select(PlanningRun).where(
        PlanningRun.id == run_id,
        scoped(principal, Permission.PLANNING_READ, col(PlanningRun.station_id)),
    )
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound()
    return found


async def runs(
    session: AsyncSession,
    principal: Principal,
    *,
    station_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[PlanningRun]:
    """Runs in scope, newest first; a station includes all below it; NotFound for a foreign one."""
    query = select(PlanningRun).where(
        scoped(principal, Permission.PLANNING_READ, col(PlanningRun.station_id))
    )
    if station_id is not None:
        below = await organisation.subtree_in_scope(
            session, principal, Permission.PLANNING_READ, station_id
        )
        query = query.where(col(PlanningRun.station_id).in_(below))
    if before is not None:
        query = query.where(col(PlanningRun.id) < before)
    query = query.order_by(col(PlanningRun.id).desc()).limit(limit)
    return list((await session.exec(query)).all())


async def plan_of(
    session: AsyncSession, principal: Principal, order_id: UUID
) -> tuple[WorkOrder, PlannedVisit | None, UnplannedOrder | None]:
    """The order with its planned visit, or with the reasons why it has none; raises NotFound."""
    query = select(WorkOrder).where(
        WorkOrder.id == order_id,
        scoped(principal, Permission.PLANNING_READ, col(WorkOrder.station_id)),
    )
    order = (await session.exec(query)).one_or_none()
    if order is None:
        raise NotFound()
    visit = await session.get(PlannedVisit, order_id)
    return order, visit, await session.get(UnplannedOrder, order_id)
