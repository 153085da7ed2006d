"""Arrivals and drives as readers ask for them, inside their scope."""

from collections.abc import Awaitable, Callable, Collection
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.db import Database
from app.core.problems import NotFound
from app.core.scope import Principal
from app.organisation.models import Crew
from app.organisation.positions import KEPT
from app.travel import drive_rows, policy, repository
from app.travel.arrivals import refresh_crews
from app.travel.errors import CrewPlaceUnknown, NoCrewYet, NothingToAwait
from app.travel.models import ArrivalEstimate, Drive
from app.work_orders import assignments
from app.work_orders import service as work_orders
from app.work_orders.models import WorkOrder
from app.work_orders.states import AWAITING_DISPATCH, State
from routing import RoutingEngine

OpenEngine = Callable[[], Awaitable[RoutingEngine]]
"""Opens the process's engine, or gives the one that is open."""
NOT_HELD = AWAITING_DISPATCH | {State.DRAFT, State.HOLD}


async def eta(
    database: Database, engine: OpenEngine, principal: Principal, order_id: UUID
) -> tuple[WorkOrder, Any]:
    """The order and its arrival (a row of `repository.arrival`).

    It is computed on the spot when the worker has not come to it. Raises NotFound, NoCrewYet,
    NothingToAwait and CrewPlaceUnknown.
    """
    order, crew_id, row = await _read(database, principal, order_id)
    if row is None:
        await refresh_crews(database, await engine(), [crew_id])
        order, crew_id, row = await _read(database, principal, order_id)
    if row is None:
        raise CrewPlaceUnknown(crew_id=str(crew_id))
    return order, row


async def _read(
    database: Database, principal: Principal, order_id: UUID
) -> tuple[WorkOrder, UUID, Any]:
    async with database.transaction() as session:
        order = await work_orders.visible(session, principal, order_id)
        if State(order.state) in NOT_HELD:
            raise NoCrewYet(state=order.state)
        held = await assignments.current(session, order)
        if held is None or order.state not in repository.AWAITED:
            raise NothingToAwait(state=order.state)
        return order, held.crew_id, await repository.arrival(session, order_id)


async def awaited(session: AsyncSession, orders: Collection[UUID]) -> dict[UUID, ArrivalEstimate]:
    """Order -> its stored arrival, of those that are still awaited."""
    return {row.order_id: row for row in await repository.awaited(session, orders)}


async def purge_drives(session: AsyncSession) -> None:
    """Forget drives after 400 days, and where exactly they went with the phones' positions."""
    now = clock.now()
    await drive_rows.forget_drives(session, now - policy.DRIVES_KEPT, now - KEPT)


async def drives(
    database: Database, principal: Principal, crew_id: UUID, day: date | None
) -> tuple[Crew, date, list[Drive]]:
    """A crew's drives of one calendar day of the company (None: today); raises NotFound."""
    zone = settings.current().zone
    day = day or clock.now().astimezone(zone).date()
    since = datetime.combine(day, time(), zone)
    async with database.transaction() as session:
        crew = await drive_rows.crew_in_scope(session, principal, crew_id)
        if crew is None:
            raise NotFound()
        until = datetime.combine(day + timedelta(days=1), time(), zone)
        return crew, day, await drive_rows.drives_of(session, crew_id, since, until)
