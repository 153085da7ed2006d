"""Queries over orders, always inside the caller's row scope."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.organisation.models import Crew, CrewMember
from app.work_orders.models import (
    Approval,
    Assignment,
    OrderClock,
    ReplyDuty,
    WorkOrder,
    WorkOrderEvent,
)
from app.work_orders.states import ENDED, State


def own_orders(principal: Principal) -> ColumnElement[bool]:
    """Orders that one of the technician's crews holds or has held, joint crews of before too."""
    joined = (
        select(col(CrewMember.crew_id))
        .join(Crew, col(Crew.id) == col(CrewMember.crew_id))
        .where(col(CrewMember.technician_id) == principal.technician_id, col(Crew.kind) == "joint")
    )
    return exists(
        select(Assignment.id).where(  # type: ignore[call-overload]
            col(Assignment.order_id) == col(WorkOrder.id),
            col(Assignment.crew_id).in_(principal.crew_ids) | col(Assignment.crew_id).in_(joined),
        )
    )


def in_scope(principal: Principal, permission: Permission) -> ColumnElement[bool]:
    return scoped(principal, permission, col(WorkOrder.station_id), own_orders(principal))


async def find(
    session: AsyncSession,
    order_id: UUID,
    *,
    scope: ColumnElement[bool] | None,
    lock: bool = False,
) -> WorkOrder | None:
    """The order, or None outside `scope`; `lock` takes its row lock and rereads it."""
    statement = select(WorkOrder).where(col(WorkOrder.id) == order_id)
    if scope is not None:
        statement = statement.where(scope)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await session.execute(statement)).scalar_one_or_none()


class Twin(NamedTuple):
    """What the caller is offered instead of another order."""

    id: UUID
    serial: str
    state: str


async def find_open_twin(session: AsyncSession, premises_id: UUID, group: str) -> Twin | None:
    """An open order at the same premises and fault group; a draft cannot be urged, so is none."""
    row = await sql.first(
        session,
        "SELECT id, serial, state FROM work_orders WHERE premises_id = :premises"
        " AND fault_group = :group AND state <> ALL(:over) ORDER BY id DESC LIMIT 1",
        {
            "premises": premises_id,
            "group": group,
            "over": [state.value for state in (*ENDED, State.DRAFT)],
        },
    )
    return Twin(*row) if row else None


async def serialise_reports(session: AsyncSession, key: str) -> None:
    """Two calls about the same trouble wait for each other until this transaction ends."""
    await sql.rows(session, "SELECT pg_advisory_xact_lock(hashtextextended(:key, 7))", {"key": key})


async def page(
    session: AsyncSession,
    principal: Principal,
    *,
    station_ids: frozenset[UUID] | None,
    states: Sequence[str],
    crew_id: UUID | None,
    due_before: datetime | None,
    waiting_approval: bool | None,
    premises_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[WorkOrder]:
    """Newest first; `before` is the last id of the page before."""
    statement = select(WorkOrder).where(in_scope(principal, Permission.ORDERS_READ))
    if station_ids is not None:
        statement = statement.where(col(WorkOrder.station_id).in_(station_ids))
    if states:
        statement = statement.where(col(WorkOrder.state).in_(states))
    if premises_id is not None:
        statement = statement.where(col(WorkOrder.premises_id) == premises_id)
    if crew_id is not None:
        statement = statement.join(
            Assignment, col(Assignment.id) == col(WorkOrder.assignment_id)
        ).where(col(Assignment.crew_id) == crew_id)
    if due_before is not None:
        statement = statement.where(col(WorkOrder.due_at) < due_before)
    if waiting_approval is not None:
        waits = exists(
            select(Approval.id).where(  # type: ignore[call-overload]
                col(Approval.order_id) == col(WorkOrder.id), col(Approval.decided_at).is_(None)
            )
        )
        statement = statement.where(waits if waiting_approval else ~waits)
    if before is not None:
        statement = statement.where(col(WorkOrder.id) < before)
    statement = statement.order_by(col(WorkOrder.id).desc()).limit(limit)
    return list((await session.execute(statement)).scalars())


async def events(session: AsyncSession, order_id: UUID) -> list[WorkOrderEvent]:
    statement = (
        select(WorkOrderEvent)
        .where(col(WorkOrderEvent.order_id) == order_id)
        .order_by(col(WorkOrderEvent.seq))
    )
    return list((await session.execute(statement)).scalars())


async def clocks(session: AsyncSession, order_id: UUID) -> list[OrderClock]:
    statement = (
        select(OrderClock)
        .where(col(OrderClock.order_id) == order_id)
        .order_by(col(OrderClock.clock), col(OrderClock.span))
    )
    return list((await session.execute(statement)).scalars())


async def places(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> dict[UUID, tuple[float, float]]:
    """(lon, lat) of each order."""
    rows = await sql.rows(
        session,
        "SELECT id, ST_X(location::geometry) AS lon, ST_Y(location::geometry) AS lat"
        " FROM work_orders WHERE id = ANY(:ids)",
        {"ids": list(order_ids)},
    )
    return {row.id: (row.lon, row.lat) for row in rows}


async def holders(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> dict[UUID, tuple[Assignment, str, str]]:
    """Current assignment with the crew's code and name, by order."""
    rows = await session.execute(
        select(Assignment, col(Crew.code), col(Crew.name))
        .join(Crew, col(Crew.id) == col(Assignment.crew_id))
        .where(col(Assignment.order_id).in_(order_ids), col(Assignment.ended_at).is_(None))
    )
    return {row[0].order_id: (row[0], row[1], row[2]) for row in rows}


async def pending_approvals(
    session: AsyncSession, principal: Principal, limit: int
) -> list[tuple[Approval, WorkOrder]]:
    statement = (
        select(Approval, WorkOrder)
        .join(WorkOrder, col(WorkOrder.id) == col(Approval.order_id))
        .where(
            col(Approval.decided_at).is_(None),
            in_scope(principal, Permission.ORDERS_APPROVE),
        )
        .order_by(col(Approval.requested_at))
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await session.execute(statement)]


async def reply_duties(
    session: AsyncSession,
    principal: Principal,
    *,
    open_only: bool,
    order_id: UUID | None,
    level: int | None,
    limit: int,
) -> list[tuple[ReplyDuty, WorkOrder]]:
    """Urges and supervisions in scope, what is due first before the rest."""
    statement = (
        select(ReplyDuty, WorkOrder)
        .join(WorkOrder, col(WorkOrder.id) == col(ReplyDuty.order_id))
        .where(in_scope(principal, Permission.ORDERS_APPROVE))
    )
    if open_only:
        statement = statement.where(col(ReplyDuty.answered_at).is_(None))
    if order_id is not None:
        statement = statement.where(col(ReplyDuty.order_id) == order_id)
    if level is not None:
        statement = statement.where(col(ReplyDuty.level) == level)
    statement = statement.order_by(col(ReplyDuty.due_at), col(ReplyDuty.id)).limit(limit)
    return [(row[0], row[1]) for row in await session.execute(statement)]
