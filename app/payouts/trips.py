"""Which order of a trip has its distance: the first that the crew arrived at in a building."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.work_orders.models import Assignment, WorkOrder, WorkOrderEvent

_EARLIER = text(
    "SELECT w.serial FROM work_orders w"
    " JOIN work_order_events e ON e.order_id = w.id AND e.action = 'arrived' AND e.id < :known"
    " JOIN assignments a ON a.id = e.assignment_id AND a.crew_id = :crew"
    " LEFT JOIN LATERAL (SELECT x.at, x.action FROM work_order_events x"
    "   WHERE x.order_id = e.order_id AND x.seq > e.seq AND x.id < :known"
    "   AND x.to_state NOT IN ('ONSITE','WORKING') ORDER BY x.seq LIMIT 1) ended ON true"
    " WHERE w.building_id = :building AND w.id <> :order"
    " AND (e.at, e.order_id) < (:arrived_at, :order)"
    " AND (ended.at IS NULL OR ended.at >= :since)"
    " AND (ended.action IS NULL OR ended.action = 'completed')"
    " ORDER BY e.at DESC, e.order_id DESC LIMIT 1"
)


async def last_event(
    session: AsyncSession, order_id: UUID, action: str, assignment_id: UUID, known: int
) -> WorkOrderEvent | None:
    """The last `action` of an assignment among the events before the event number `known`."""
    statement = (
        select(WorkOrderEvent)
        .where(
            WorkOrderEvent.order_id == order_id,
            WorkOrderEvent.action == action,
            WorkOrderEvent.assignment_id == assignment_id,
            col(WorkOrderEvent.id) < known,
        )
        .order_by(col(WorkOrderEvent.seq).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def same_trip_as(
    session: AsyncSession,
    order: WorkOrder,
    assignment: Assignment,
    arrived_at: datetime,
    known: int,
    minutes: int,
) -> str | None:
    """The serial of the order in the same building from which the crew came to this one.

    It was there still, or had finished at most `minutes` before. Only events before the event
    number `known` count, so that what is decided once is decided the same for ever.
    """
    if order.building_id is None:
        return None
    found = await session.execute(
        _EARLIER,
        {
            "known": known,
            "crew": assignment.crew_id,
            "building": order.building_id,
            "order": order.id,
            "arrived_at": arrived_at,
            "since": arrived_at - timedelta(minutes=minutes),
        },
    )
    serial: str | None = found.scalar_one_or_none()
    return serial
