"""Supervision and undecided requests reach those above: a chief first, then managers (D06)."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.ids import new_id
from app.notifications import outbox, policy, recipients, repository
from app.notifications.models import Notification
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import Action

COMPANY = 2
"""The level from which managers answer, and are told by text as well."""


async def tell_above(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """A message to each who owes the reply, once per duty or request, and one to the staff's group.

    Level 1 goes to the chiefs on call, the rest to the managers; who acted is told nothing.
    """
    if event.action == Action.SUPERVISED.value:
        about, kind, level = "duty_id", policy.SUPERVISED, int(event.payload["level"])
    elif event.action == Action.APPROVAL_ESCALATED.value:
        about, kind, level = "approval_id", policy.ESCALATED, COMPANY
    else:
        return
    subject = str(event.payload[about])
    to_staff = False
    for user_id in await _answerers(session, order, level, event.actor_id):
        data = {"kind": kind, "order_id": str(order.id), about: subject}
        told = _message(order, f"{kind}:{subject}:{user_id}", user_id, kind, data)
        if not await repository.add_once(session, told):
            continue
        channels = (outbox.PUSH, outbox.SMS) if level >= COMPANY else (outbox.PUSH,)
        for channel in channels:
            await outbox.enqueue(
                session, channel, about=told.id, step=0, notification_id=told.id, user_id=user_id
            )
        if not to_staff:
            to_staff = await outbox.enqueue(
                session, outbox.STAFF, about=told.id, step=0, notification_id=told.id
            )


async def _answerers(
    session: AsyncSession, order: WorkOrder, level: int, actor_id: UUID | None
) -> list[UUID]:
    """Nobody else above is no reason for silence: then the chiefs hear of it."""
    above = await recipients.managers(session, order.station_id) if level >= COMPANY else []
    told = [each.user_id for each in above if each.user_id != actor_id]
    if told:
        return told
    chiefs = await recipients.chiefs(session, order.station_id)
    return [each.user_id for each in chiefs if each.user_id != actor_id]


def _message(
    order: WorkOrder, key: str, user_id: UUID, kind: str, data: dict[str, str]
) -> Notification:
    return Notification(
        id=new_id(),
        key=key,
        user_id=user_id,
        order_id=order.id,
        kind=kind,
        data=data,
        state="queued",
        created_at=clock.now(),
    )
