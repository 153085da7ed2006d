"""Rows of push addresses, notifications and attempts."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.core.ids import new_id
from app.notifications.models import DeliveryAttempt, Notification, PushAddress
from app.organisation.models import Technician
from app.work_orders.models import Assignment, WorkOrder, WorkOrderEvent


async def members(session: AsyncSession, crew_id: UUID) -> list[UUID]:
    """User ids of those who are in the crew now."""
    rows = await sql.rows(
        session,
        "SELECT t.user_id FROM technicians t JOIN crew_members m ON m.technician_id = t.id"
        " WHERE m.crew_id = :crew AND m.until IS NULL AND t.active",
        {"crew": crew_id},
    )
    return [row.user_id for row in rows]


async def crew_that_lost(session: AsyncSession, event: WorkOrderEvent) -> UUID | None:
    """The crew whose assignment ended with this very event."""
    statement = (
        select(Assignment.crew_id)
        .where(
            Assignment.order_id == event.order_id,
            Assignment.ended_at == event.at,
            Assignment.ended_why == event.action,
        )
        .order_by(col(Assignment.id).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def crew_that_holds(session: AsyncSession, order_id: UUID) -> UUID | None:
    """The crew of the current assignment."""
    row = await sql.first(
        session,
        "SELECT crew_id FROM assignments WHERE order_id = :order AND ended_at IS NULL",
        {"order": order_id},
    )
    return row.crew_id if row else None


async def holds(session: AsyncSession, order_id: UUID, user_id: UUID) -> bool:
    """Whether the person is in the crew that has the order now."""
    row = await sql.first(
        session,
        "SELECT m.id FROM crew_members m JOIN assignments a ON a.crew_id = m.crew_id"
        " JOIN technicians t ON t.id = m.technician_id WHERE a.order_id = :order"
        " AND a.ended_at IS NULL AND m.until IS NULL AND t.user_id = :user AND t.active LIMIT 1",
        {"order": order_id, "user": user_id},
    )
    return row is not None


async def add_once(session: AsyncSession, notification: Notification) -> bool:
    """Insert unless its key exists; False when it did."""
    return await sql.insert_once(session, "notifications", notification.model_dump())


async def put_address(
    session: AsyncSession,
    *,
    user_id: UUID,
    device_id: UUID,
    provider: str,
    kind: str,
    address: str,
    at: datetime,
) -> PushAddress:
    """Make it this device's only live address at the provider, whoever had it before."""
    statement = (
        insert(PushAddress)
        .values(
            id=new_id(),
            user_id=user_id,
            device_id=device_id,
            provider=provider,
            kind=kind,
            address=address,
            registered_at=at,
        )
        .on_conflict_do_update(
            index_elements=["provider", "kind", "address"],
            set_={
                "user_id": user_id,
                "device_id": device_id,
                "registered_at": at,
                "dead_at": None,
                "dead_why": None,
            },
        )
        .returning(PushAddress)
        .execution_options(populate_existing=True)
    )
    row: PushAddress = (await session.execute(statement)).scalar_one()
    await session.execute(
        update(PushAddress)
        .where(
            col(PushAddress.device_id) == device_id,
            col(PushAddress.provider) == provider,
            col(PushAddress.id) != row.id,
            col(PushAddress.dead_at).is_(None),
        )
        .values(dead_at=at, dead_why="replaced")
    )
    return row


async def bury(
    session: AsyncSession, address_id: UUID, asked_at: datetime, at: datetime, why: str
) -> None:
    """The provider disowned the address; a registration that came since it was asked stands."""
    await session.execute(
        update(PushAddress)
        .where(
            col(PushAddress.id) == address_id,
            col(PushAddress.registered_at) <= asked_at,
            col(PushAddress.dead_at).is_(None),
        )
        .values(dead_at=at, dead_why=why)
    )


_SUM_UP = """
UPDATE notifications n
   SET state = CASE WHEN d.sent THEN 'sent' WHEN d.open THEN 'queued' WHEN d.failed THEN 'failed'
                    WHEN d.no_address THEN 'no_address' ELSE 'moot' END,
       sent_at = CASE WHEN d.sent THEN coalesce(n.sent_at, :at) END
  FROM (SELECT notification_id, bool_or(state = 'sent') AS sent,
               bool_or(state IN ('queued', 'sending')) AS open,
               bool_or(state = 'failed') AS failed, bool_or(state = 'no_address') AS no_address
          FROM dispatches WHERE notification_id = ANY(:ids) GROUP BY notification_id) d
 WHERE n.id = d.notification_id
   AND n.id IN (SELECT id FROM notifications WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE)
"""


async def sum_up(session: AsyncSession, ids: Collection[UUID], at: datetime) -> None:
    """The state of messages as their dispatches make it: one that was sent is enough."""
    await session.flush()
    await sql.rows(session, _SUM_UP, {"ids": list(ids), "at": at})


async def acknowledge(session: AsyncSession, ids: Iterable[UUID], at: datetime) -> None:
    """Stamp those that are not stamped yet.

    The locks are weak ones: whoever climbs holds the alarm, and queues more for these messages.
    """
    locked = (
        select(Notification.id)
        .where(col(Notification.id).in_(list(ids)), col(Notification.acknowledged_at).is_(None))
        .order_by(col(Notification.id))
        .with_for_update(key_share=True)
    )
    await session.execute(
        update(Notification)
        .where(col(Notification.id).in_(locked))
        .values(acknowledged_at=at)
        .execution_options(synchronize_session=False)
    )


async def counts_by_state(
    session: AsyncSession, scope: ColumnElement[bool], since: datetime | None
) -> Sequence[tuple[str, int, int]]:
    """(state, messages, acknowledged) of orders in scope."""
    statement = (
        select(
            Notification.state,
            func.count(),
            func.count(col(Notification.acknowledged_at)),
        )
        .join(WorkOrder, col(WorkOrder.id) == col(Notification.order_id))
        .where(scope)
        .group_by(col(Notification.state))
    )
    if since is not None:
        statement = statement.where(Notification.created_at >= since)
    return [(row[0], row[1], row[2]) for row in (await session.exec(statement)).all()]


async def counts_by_result(
    session: AsyncSession, scope: ColumnElement[bool], since: datetime | None
) -> dict[str, int]:
    """Attempts per result, of orders in scope."""
    statement = (
        select(DeliveryAttempt.result, func.count())
        .join(Notification, col(Notification.id) == col(DeliveryAttempt.notification_id))
        .join(WorkOrder, col(WorkOrder.id) == col(Notification.order_id))
        .where(scope)
        .group_by(col(DeliveryAttempt.result))
    )
    if since is not None:
        statement = statement.where(Notification.created_at >= since)
    return {row[0]: row[1] for row in (await session.exec(statement)).all()}


async def dead_addresses(session: AsyncSession, scope: ColumnElement[bool]) -> int:
    """Addresses of the stations' technicians that providers disowned."""
    statement = (
        select(func.count())
        .select_from(PushAddress)
        .join(Technician, col(Technician.user_id) == col(PushAddress.user_id))
        .where(scope, col(PushAddress.dead_at).is_not(None), PushAddress.dead_why != "replaced")
    )
    return (await session.exec(statement)).one()
