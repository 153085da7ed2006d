"""Reports of one fault are repaired once: merged into the order that goes on (DOMAIN 7, 21, 22)."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.scope import Principal
from app.work_orders import service
from app.work_orders.acts import Act
from app.work_orders.errors import NotMergeable
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import ENDED, Action, State
from app.work_orders.transitions import transition

REPAIRED = frozenset({"fixed", "fixed_by_phone"})
"""Outcomes after which a fault is gone; where none was found, one may be at another's door."""
_TOO_LATE = ENDED | {State.DRAFT, State.REVISIT}
"""Where an order has not begun, or is repaired already."""


async def merge(
    session: AsyncSession,
    principal: Principal,
    order_id: UUID,
    into_id: UUID,
    act: Act,
    reason: str,
) -> WorkOrder:
    """Merge an order into another one of the caller's scope; returns it.

    Its clocks stop, its crew hears that it is gone, its customer that it is repaired with the
    other. Raises NotFound, NotMergeable and IllegalTransition.
    """
    if order_id == into_id:
        raise NotMergeable(why="it is the same order")
    locked = {
        each: await service.locked(session, principal, Permission.ORDERS_DISPATCH, each)
        for each in sorted((order_id, into_id))  # two merges crosswise would wait for each other
    }
    order, main = locked[order_id], locked[into_id]
    if why := await _obstacle(session, order, main):
        raise NotMergeable(why=why)
    said = {"into_order_id": str(main.id), "into_serial": main.serial, "reason": reason}
    await transition(session, order, Action.MERGED, act, **said)
    return order


async def _obstacle(session: AsyncSession, order: WorkOrder, main: WorkOrder) -> str | None:
    if State(main.state) in _TOO_LATE:
        return f"{main.serial} is {main.state}"
    if order.domain != main.domain:
        return "one is heat, the other power"
    if order.service_class == "E1" and main.service_class != "E1":
        return f"{order.serial} is danger, {main.serial} is not"
    if await _merged_into(session, order.id):
        return f"others are merged into {order.serial}"
    return None


async def _merged_into(session: AsyncSession, main_id: UUID) -> Sequence[WorkOrder]:
    statement = (
        select(WorkOrder)
        .where(WorkOrder.merged_into == main_id, WorkOrder.state == State.MERGED.value)
        .order_by(col(WorkOrder.id))
        .with_for_update()
    )
    return (await session.exec(statement)).all()


async def repaired_with(session: AsyncSession, order_id: UUID) -> UUID:
    """The order whose repair a merged report shares; any other order is its own."""
    order = await session.get_one(WorkOrder, order_id)
    return order.merged_into or order.id


async def split(session: AsyncSession, order: WorkOrder, act: Act, reason: str) -> None:
    """Dispatch a merged order by itself; raises IllegalTransition for one that is not merged."""
    await transition(session, order, Action.SPLIT, act, reason=reason)


async def follow(session: AsyncSession, main: WorkOrder, event: WorkOrderEvent) -> None:
    """The repair passed: each merged report waits for the call-back of its own customer.

    What passed and repaired nothing (nobody at home, handed over) ends no other's fault.
    """
    if event.payload["outcome"] not in REPAIRED:
        await part(session, main, event)
        return
    said = {"with_order_id": str(main.id), "with_serial": main.serial}
    said["record_id"] = event.payload["record_id"]
    for order in await _merged_into(session, main.id):
        await transition(session, order, Action.FOLLOWED, Act.by_timer(), **said)


async def part(session: AsyncSession, main: WorkOrder, event: WorkOrderEvent) -> None:
    """Nobody repaired the main order: each merged report is dispatched by itself."""
    for order in await _merged_into(session, main.id):
        reason = f"{main.serial}: {event.action}"
        await transition(session, order, Action.SPLIT, Act.by_timer(), reason=reason)
