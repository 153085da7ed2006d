"""A command that nobody could read is refused; the desk hears that something was said."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.problems import NotFound
from app.core.scope import Principal
from app.mobile import flags
from app.mobile.flags import Doubt
from app.mobile.schemas import Received
from app.work_orders import service as work_orders
from app.work_orders.models import WorkOrder


async def tell(session: AsyncSession, principal: Principal, received: Received) -> None:
    """Flag `command_unreadable` to the chief, with the order where it is one of the caller's."""
    order = await _order(session, principal, received.order_id)
    await flags.put(
        session,
        principal,
        order.station_id if order else None,
        Doubt("command_unreadable", {"errors": received.errors}),
        str(received.id),
        order_id=order.id if order else None,
        command_id=received.id,
    )


async def _order(
    session: AsyncSession, principal: Principal, order_id: UUID | None
) -> WorkOrder | None:
    if order_id is None:
        return None
    try:
        return await work_orders.visible(session, principal, order_id)
    except NotFound:
        return None
