"""Subscribes to transitions: an arrival that is no longer awaited is forgotten at once."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.travel import repository
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import Action

NEWBORN = frozenset({Action.DRAFTED, Action.SUBMITTED})
"""Before anybody could be on the way."""
OTHER_HANDS = frozenset({Action.SENT, Action.RESENT, Action.TRANSFERRED})
"""What gives the order to another crew; its arrival is another one."""


async def forget_arrival(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """Drop the estimate once the order is reached, taken away, given away or over."""
    action = Action(event.action)
    if action in NEWBORN:
        return
    if order.state not in repository.AWAITED or action in OTHER_HANDS:
        await repository.forget(session, [order.id])
