"""Jobs that no phone of their crew has shown to know: the red part of the dispatcher's list."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.notifications.ladder_models import Alarm, Ladder
from app.notifications.policy import WITHDRAWN
from app.organisation.models import Crew
from app.work_orders.models import Assignment, WorkOrder

MOST = 500


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
        }
        for alarm, order, crew, ladder in (await session.exec(statement)).all()
    ]
