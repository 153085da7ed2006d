"""Whether a queued message still says what is so, and to whom, when its turn comes."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.customers import consents
from app.notifications import customer_texts
from app.notifications.customer_models import CustomerMessage
from app.work_orders.models import WorkOrder
from app.work_orders.states import State

_OUTDONE = """
SELECT EXISTS (SELECT FROM customer_messages
 WHERE order_id = :order AND kind = ANY(:kinds) AND (created_at, id) > (:at, :id))
"""


async def lost(session: AsyncSession, row: CustomerMessage) -> str | None:
    """`unwanted` or `moot` when it must not be sent, as its state then says; else None.

    A number that was corrected gets what the wrong one was not sent yet; what a call may have
    carried to the wrong one already is left at that.
    """
    order = await session.get_one(WorkOrder, row.order_id)
    if row.phone != order.caller_phone and row.unsure_since is None:
        row.phone = order.caller_phone
    said = await consents.said_of(session, row.phone)
    if said is not None and not said.allowed:
        return "unwanted"
    if row.phone != order.caller_phone or not await _still_so(session, row, order):
        return "moot"
    return None


async def _still_so(session: AsyncSession, row: CustomerMessage, order: WorkOrder) -> bool:
    """Whether the order stands as the words say, and no later message says it otherwise."""
    kind = customer_texts.catalogue().kinds[row.kind]
    if kind.true_in and State(order.state) not in kind.true_in:
        return False
    if kind.of_visit and order.assignment_id != row.assignment_id:
        return False
    if not kind.outdone_by:
        return True
    values = {
        "order": row.order_id,
        "kinds": list(kind.outdone_by),
        "at": row.created_at,
        "id": row.id,
    }
    return not (await session.execute(text(_OUTDONE), values)).scalar_one()
