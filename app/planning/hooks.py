"""Subscribes to transitions: what makes a plan stale asks for a new one."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import jobs
from app.planning import policy, repository, wishes
from app.planning.jobs import danger_lock_of, send_danger
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import Action

A = Action
STALE_AFTER = frozenset(
    {
        *(A.SUBMITTED, A.RESUMED, A.WITHDRAWN, A.REFUSED, A.ACCEPT_EXPIRED, A.RETURNED),
        *(A.CANCELLED, A.SOLVED_BY_PHONE, A.REBOOKED, A.PINNED, A.HELD, A.COMPLETED),
        *(A.SENT, A.RESENT, A.TRANSFERRED, A.MERGED, A.SPLIT),
    }
)
"""What changes who can do what when; what the planner itself sent was planned so."""
UNPLANS = frozenset(
    {A.SENT, A.HELD, A.CANCELLED, A.SOLVED_BY_PHONE, A.RESUMED, A.REBOOKED, A.PINNED, A.MERGED}
)
"""What takes an order's visit out of the plan at once: it no longer waits, or waits otherwise."""

AT_ONCE = frozenset({A.SUBMITTED, A.RESUMED, A.REFUSED, A.ACCEPT_EXPIRED, A.RETURNED, A.SPLIT})
"""After these danger waits for a crew that nobody at the desk is about to choose."""


async def plan_is_stale(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """Forget the order's visit where it no longer holds, and ask for a plan of its station."""
    action = Action(event.action)
    if action in UNPLANS:
        await repository.forget(session, order.id)
    if action in STALE_AFTER and event.actor_kind != "planner":
        await wishes.wish(session, order.station_id)
    if action in AT_ONCE and order.service_class == policy.DANGER:
        lock = danger_lock_of(order.station_id)
        await jobs.defer(session, send_danger, lock=lock, order_id=str(order.id))
