"""Subscribes to transitions: who must hear of it gets a message in the same transaction."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.ids import new_id
from app.notifications import alarms, outbox, repository
from app.notifications.ladder_models import Alarm
from app.notifications.models import Notification
from app.notifications.policy import TOLD, WITHDRAWN, kinds_by_user
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import Action


@dataclass(frozen=True, slots=True)
class _Happening:
    """An order and what happened to it."""

    order: WorkOrder
    event: WorkOrderEvent

    @property
    def key(self) -> str:
        return f"{self.order.id}:{self.event.seq}"


async def announce(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """A message per crew member concerned, once per event and person, and an alarm per crew.

    A crew of which somebody acted knows already: its others are told without an alarm, and so is
    a crew of the loss of what it never heard of. Message
    data names the order, never a person: `order_version` tells a phone that shows that version
    already that it need not pull.
    """
    telling = TOLD.get(Action(event.action))
    if telling is None:
        return
    lost = await repository.crew_that_lost(session, event) if telling.before else None
    holds = await repository.crew_that_holds(session, order.id) if telling.after else None
    if lost is not None or holds is not None:
        await alarms.end_moot(session, order.id, lost, holds)
    before, after = await _members(session, lost), await _members(session, holds)
    kinds = kinds_by_user(telling, before, after, event.actor_id)
    happening = _Happening(order, event)
    for crew_id, members, kind in ((lost, before, telling.before), (holds, after, telling.after)):
        told = [user for user in sorted(members) if kind and kinds.get(user) == kind]
        if crew_id is not None and kind is not None and told:
            calm = event.actor_id in members or (
                kind == WITHDRAWN and not await _may_know(session, order.id, told)
            )
            await _tell(session, happening, kind, told, None if calm else crew_id)
            kinds = {user: each for user, each in kinds.items() if user not in told}


_MAY_KNOW = """
SELECT EXISTS (
    SELECT FROM notifications n
     WHERE n.order_id = :order AND n.user_id = ANY(:users) AND (
           n.acknowledged_at IS NOT NULL
           OR EXISTS (SELECT FROM devices v
                       WHERE v.user_id = n.user_id AND v.last_seen_at > n.created_at)
           OR EXISTS (SELECT FROM dispatches d
                        LEFT JOIN delivery_attempts a ON a.dispatch_id IN (d.id, d.joined_id)
                       WHERE d.notification_id = n.id AND (
                             a.arrived_at IS NOT NULL
                             OR a.result IN ('started', 'accepted', 'lost')
                             OR d.channel IN ('sms', 'voice') AND d.state IN ('sending', 'sent')))))
"""


async def _may_know(session: AsyncSession, order_id: UUID, user_ids: list[UUID]) -> bool:
    """Whether anything of the order may have reached one of them, by phone, text or call.

    Who never heard of a job needs no ladder to hear that it is gone. But a push that was taken
    may lie on a phone's screen, and a phone that was told the job may not have come back since.
    """
    values = {"order": order_id, "users": user_ids}
    return bool((await session.execute(text(_MAY_KNOW), values)).scalar_one())


async def _members(session: AsyncSession, crew_id: UUID | None) -> list[UUID]:
    return await repository.members(session, crew_id) if crew_id else []


async def _tell(
    session: AsyncSession,
    happening: _Happening,
    kind: str,
    user_ids: list[UUID],
    alarmed_crew: UUID | None,
) -> None:
    begun = None
    if alarmed_crew is not None:
        key = f"{happening.key}:{kind}"
        begun = await alarms.begin(session, happening.order, key, alarmed_crew, kind)
    alarm = begun.alarm if begun else None
    added = [
        row
        for row in (_message(happening, kind, user_id, alarm) for user_id in user_ids)
        if await repository.add_once(session, row)
    ]
    if begun is not None:
        await alarms.take_first_step(session, begun, added)
        return
    for row in added:
        await outbox.enqueue(
            session, outbox.PUSH, about=row.id, step=0, notification_id=row.id, user_id=row.user_id
        )


def _message(happening: _Happening, kind: str, user_id: UUID, alarm: Alarm | None) -> Notification:
    order = happening.order
    return Notification(
        id=new_id(),
        key=f"{happening.key}:{user_id}",
        user_id=user_id,
        order_id=order.id,
        alarm_id=alarm.id if alarm else None,
        kind=kind,
        data={"kind": kind, "order_id": str(order.id), "order_version": str(order.version)},
        state="queued",
        created_at=clock.now(),
    )
