"""Jobs that no phone of their crew has shown to know: the red part of the dispatcher's list.

A job leaves it when a phone shows to know after all, when the matter is over, or when a person
settles it, by name and with a reason. Nothing else ends it: silence is no answer.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.permissions import Permission
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.identity.models import User
from app.notifications.errors import AlarmNotRed
from app.notifications.ladder_models import Alarm, AlarmReply, Ladder
from app.notifications.policy import WITHDRAWN
from app.notifications.steps import tell_board
from app.organisation.models import Crew
from app.work_orders.models import Assignment, WorkOrder

MOST = 500
SETTLED = "settled"


def _not_moot() -> ColumnElement[bool]:
    """The crew still holds the order; a farewell counts while it does not."""
    holds = exists().where(
        col(Assignment.order_id) == col(Alarm.order_id),
        col(Assignment.crew_id) == col(Alarm.crew_id),
        col(Assignment.ended_at).is_(None),
    )
    return or_(
        and_(col(Alarm.kind) == WITHDRAWN, ~holds), and_(col(Alarm.kind) != WITHDRAWN, holds)
    )


async def unheard(session: AsyncSession, principal: Principal) -> list[dict[str, Any]]:
    """Red alarms of orders in the caller's scope, the oldest first."""
    statement = (
        select(Alarm, WorkOrder, Crew, Ladder)
        .join(WorkOrder, col(WorkOrder.id) == col(Alarm.order_id))
        .join(Crew, col(Crew.id) == col(Alarm.crew_id))
        .join(Ladder, col(Ladder.id) == col(Alarm.ladder_id))
        .where(
            col(Alarm.red_at).is_not(None),
            col(Alarm.closed_at).is_(None),
            _not_moot(),
            scoped(principal, Permission.NOTIFICATIONS_READ, WorkOrder.station_id),
        )
        .order_by(col(Alarm.red_at))
        .limit(MOST)
    )
    rows = (await session.exec(statement)).all()
    noted = await _replies(session, [alarm.id for alarm, *_ in rows])
    return [
        {
            "alarm_id": alarm.id,
            "order_id": order.id,
            "serial": order.serial,
            "service_class": order.service_class,
            "station_id": order.station_id,
            "crew_id": crew.id,
            "crew_code": crew.code,
            "kind": alarm.kind,
            "ladder": ladder.name,
            "steps_taken": alarm.steps_taken,
            "since": alarm.created_at,
            "red_at": alarm.red_at,
            "noted": noted.get(alarm.id, []),
        }
        for alarm, order, crew, ladder in rows
    ]


async def _replies(
    session: AsyncSession, alarm_ids: Collection[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    query = (
        select(AlarmReply, User)
        .join(User, col(User.id) == col(AlarmReply.by))
        .where(col(AlarmReply.alarm_id).in_(alarm_ids))
        .order_by(col(AlarmReply.at), col(AlarmReply.id))
    )
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for reply, user in (await session.exec(query)).all():
        found[reply.alarm_id].append(_told(reply, user))
    return found


def _told(reply: AlarmReply, user: User) -> dict[str, Any]:
    return reply.model_dump() | {"by_name": user.display_name}


async def reply(
    session: AsyncSession, principal: Principal, alarm_id: UUID, kind: str, reason: str
) -> dict[str, Any]:
    """Take note of a red alarm, or settle it, which takes it from the list.

    Raises NotFound outside the scope, and AlarmNotRed when it is none, or is over.
    """
    alarm = await session.get(Alarm, alarm_id)
    if alarm is None or not principal.covers(Permission.ORDERS_DISPATCH, alarm.station_id):
        raise NotFound()
    await session.refresh(alarm, with_for_update=True)
    if alarm.red_at is None or alarm.closed_at is not None:
        raise AlarmNotRed(ended=alarm.closed_why)
    now = clock.now()
    said = AlarmReply(alarm_id=alarm.id, kind=kind, reason=reason, by=principal.id, at=now)
    session.add(said)
    if kind == SETTLED:
        alarm.closed_at, alarm.closed_why = now, SETTLED
    await session.flush()
    await tell_board(session, alarm.order_id, alarm.station_id)
    return _told(said, await session.get_one(User, principal.id))
