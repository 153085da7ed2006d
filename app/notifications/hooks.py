"""Subscribes to transitions: who must hear of it gets a message in the same transaction."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, jobs
from app.core.ids import new_id
from app.notifications import repository
from app.notifications.jobs import send_notification
from app.notifications.models import Notification
from app.notifications.policy import TOLD, kinds_by_user
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import Action


async def announce(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """One notification and one job per crew member concerned; once per event and person.

    Message data names the order, never a person: `order_version` tells a phone that shows that
    version already that it need not pull.
    """
    telling = TOLD.get(Action(event.action))
    if telling is None:
        return
    lost = await repository.crew_that_lost(session, event) if telling.before else None
    holds = await repository.crew_that_holds(session, order.id) if telling.after else None
    kinds = kinds_by_user(
        telling,
        await _members(session, lost),
        await _members(session, holds),
        event.actor_id,
    )
    for user_id, kind in sorted(kinds.items()):
        await _queue(session, order, event, user_id, kind)


async def _members(session: AsyncSession, crew_id: UUID | None) -> list[UUID]:
    return await repository.members(session, crew_id) if crew_id else []


async def _queue(
    session: AsyncSession, order: WorkOrder, event: WorkOrderEvent, user_id: UUID, kind: str
) -> None:
    notification = Notification(
        id=new_id(),
        key=f"{order.id}:{event.seq}:{user_id}",
        user_id=user_id,
        order_id=order.id,
        kind=kind,
        data={"kind": kind, "order_id": str(order.id), "order_version": str(order.version)},
        state="queued",
        created_at=clock.now(),
    )
    if await repository.add_once(session, notification):
        await jobs.defer(session, send_notification, notification_id=str(notification.id))
