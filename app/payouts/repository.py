"""Rows of the ledger, and of the orders that it pays for."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, true
from sqlalchemy import select as select_many
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.core.chain import GENESIS
from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.organisation.models import Technician
from app.payouts.models import (
    UNIT,
    LedgerEntry,
    LedgerHead,
    LedgerStanding,
    PayMonthAct,
    RateCard,
)
from app.work_orders.models import WorkOrder, WorkOrderEvent

MONTHS_LOCK = 20260107
"""Shared by who writes lines of pay, exclusive for who closes a month."""
_RANK = case({"confirmed": 1, "locked": 2, "settled": 3}, value=col(LedgerStanding.standing))
STANDING: ColumnElement[str] = func.coalesce(
    select(LedgerStanding.standing)
    .where(LedgerStanding.entry_id == LedgerEntry.id)
    .order_by(_RANK.desc())
    .limit(1)
    .correlate(LedgerEntry)
    .scalar_subquery(),
    "provisional",
)
"""An entry's latest standing; without a row it is provisional."""


REPAIRED = ("fixed", "fixed_by_phone", "no_fault_found")
"""Outcomes that a new report of the same fault contradicts."""


class Repair(NamedTuple):
    """An order that was passed, and when its work was done."""

    order_id: UUID
    done_at: datetime


async def last_repair(session: AsyncSession, order: WorkOrder) -> Repair | None:
    """The last passed repair of the order's fault group at its premises, before its report.

    A merged report had the repair of the order that it followed. Where nobody got to work, or a
    part was left to others, there is nothing to repeat.
    """
    row = await sql.first(
        session,
        "SELECT c.order_id, c.done_at FROM work_orders o"
        " JOIN completion_records c ON c.order_id = coalesce(o.merged_into, o.id)"
        " JOIN reviews r ON r.completion_id = c.id WHERE o.premises_id = :premises"
        " AND o.fault_group = :group AND o.id <> :order AND r.decision = 'passed'"
        " AND c.outcome = ANY(:repaired) AND c.done_at <= :reported_at"
        " ORDER BY c.done_at DESC, c.order_id DESC LIMIT 1",
        {
            "premises": order.premises_id,
            "group": order.fault_group,
            "order": order.id,
            "repaired": list(REPAIRED),
            "reported_at": order.reported_at,
        },
    )
    return Repair(*row) if row is not None else None


async def closed_months(session: AsyncSession) -> set[str]:
    """Months that are published or further; none is closed while this transaction lasts."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(MONTHS_LOCK)))
    statement = select(PayMonthAct.month).where(PayMonthAct.act != "draft").distinct()
    return set((await session.exec(statement)).all())


async def locked_heads(
    session: AsyncSession, technician_ids: Collection[UUID]
) -> dict[UUID, LedgerHead]:
    """The chains' ends under row locks, taken in ascending technician id; made where absent."""
    people = sorted(technician_ids)
    if not people:
        return {}
    new = [{"technician_id": each, "seq": 0, "hash": GENESIS} for each in people]
    await session.execute(insert(LedgerHead).values(new).on_conflict_do_nothing())
    statement = (
        select(LedgerHead)
        .where(col(LedgerHead.technician_id).in_(people))
        .order_by(col(LedgerHead.technician_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {head.technician_id: head for head in (await session.exec(statement)).all()}


async def entries_of(session: AsyncSession, order_ids: Collection[UUID]) -> Sequence[LedgerEntry]:
    """Every entry of these orders, oldest first."""
    statement = (
        select(LedgerEntry)
        .where(col(LedgerEntry.order_id).in_(order_ids))
        .order_by(col(LedgerEntry.id))
    )
    return (await session.exec(statement)).all()


async def entries_of_month(
    session: AsyncSession, month: str, technician_id: UUID | None = None
) -> Sequence[LedgerEntry]:
    """Every entry of a month, or of one person in it, by person and place in their chain."""
    statement = (
        select(LedgerEntry)
        .where(LedgerEntry.period == month)
        .order_by(col(LedgerEntry.technician_id), col(LedgerEntry.seq))
    )
    if technician_id is not None:
        statement = statement.where(LedgerEntry.technician_id == technician_id)
    return (await session.exec(statement)).all()


async def passed_orders(
    session: AsyncSession, order_ids: Collection[UUID]
) -> Sequence[tuple[WorkOrder, WorkOrderEvent]]:
    """The orders among these that were passed, each with the event."""
    statement = (
        select(WorkOrder, WorkOrderEvent)
        .join(WorkOrderEvent, col(WorkOrderEvent.order_id) == WorkOrder.id)
        .where(col(WorkOrder.id).in_(order_ids), WorkOrderEvent.action == "passed")
        .order_by(col(WorkOrder.id))
    )
    return (await session.exec(statement)).all()


async def technicians(session: AsyncSession, ids: Collection[UUID]) -> Sequence[Technician]:
    """These people."""
    return (await session.exec(select(Technician).where(col(Technician.id).in_(ids)))).all()


async def add_standings(
    session: AsyncSession,
    entry_ids: Sequence[int],
    standing: str,
    *,
    why: str,
    at: datetime,
    by: UUID | None,
) -> Collection[int]:
    """One row per entry that has none of this standing; returns those entries."""
    if not entry_ids:
        return ()
    rows = [
        {"entry_id": each, "standing": standing, "why": why, "at": at, "by": by}
        for each in entry_ids
    ]
    statement = (
        insert(LedgerStanding)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(col(LedgerStanding.entry_id))
    )
    return tuple((await session.execute(statement)).scalars())


def in_scope(principal: Principal) -> ColumnElement[bool]:
    """Technicians whose pay the principal may read: of their stations, or themselves."""
    own = col(Technician.id) == principal.technician_id
    return scoped(principal, Permission.PAYOUTS_READ, Technician.station_id, own=own)


KEPT_UNIT: ColumnElement[str | None] = col(LedgerEntry.inputs)[UNIT].astext
"""The unit that an entry was written with; null in an entry from before there were units."""


class Unit(NamedTuple):
    """A settlement unit, and the stations that are settled under it now."""

    code: str
    station_ids: Collection[UUID]


def of_unit(unit: Unit | None) -> ColumnElement[bool]:
    """Entries, joined with their technicians, that are settled under a unit; None are all."""
    if unit is None:
        return true()
    here_now = col(Technician.station_id).in_(unit.station_ids)
    return or_(KEPT_UNIT.is_not_distinct_from(unit.code), and_(KEPT_UNIT.is_(None), here_now))


async def stations_of(session: AsyncSession, technicians: Collection[UUID]) -> dict[UUID, UUID]:
    """Technician -> the station where they belong now."""
    query = select(Technician.id, Technician.station_id).where(col(Technician.id).in_(technicians))
    return {row[0]: row[1] for row in (await session.exec(query)).all()}


async def technician_in_scope(
    session: AsyncSession, principal: Principal, technician_id: UUID
) -> Technician | None:
    statement = select(Technician).where(Technician.id == technician_id, in_scope(principal))
    return (await session.exec(statement)).first()


async def paid_technicians(
    session: AsyncSession,
    principal: Principal,
    period: str,
    unit: Unit | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Technician]:
    """Technicians in scope with an entry of the unit in the period, ascending id, after `after`."""
    paid = exists().where(
        col(LedgerEntry.technician_id) == col(Technician.id),
        col(LedgerEntry.period) == period,
        of_unit(unit),
    )
    statement = select(Technician).where(in_scope(principal), paid)
    if after is not None:
        statement = statement.where(col(Technician.id) > after)
    statement = statement.order_by(col(Technician.id)).limit(limit)
    return (await session.exec(statement)).all()


class EntryRow(NamedTuple):
    """An entry with the names that a statement shows."""

    entry: LedgerEntry
    serial: str
    card: str
    standing: str


async def statement_rows(
    session: AsyncSession, technician_ids: Collection[UUID], period: str, unit: Unit | None
) -> list[EntryRow]:
    """The period's entries of these technicians and the unit, each chain in order."""
    statement: Any = (
        select(LedgerEntry, WorkOrder.serial, RateCard.name, STANDING)
        .join(WorkOrder, col(WorkOrder.id) == LedgerEntry.order_id)
        .join(RateCard, col(RateCard.id) == LedgerEntry.rate_card_id)
        .join(Technician, col(Technician.id) == LedgerEntry.technician_id)
        .where(
            col(LedgerEntry.technician_id).in_(technician_ids),
            LedgerEntry.period == period,
            of_unit(unit),
        )
        .order_by(col(LedgerEntry.technician_id), col(LedgerEntry.seq))
    )
    return [EntryRow(*row) for row in (await session.execute(statement)).all()]


async def totals_by_station(
    session: AsyncSession, principal: Principal, period: str, unit: Unit | None
) -> Sequence[Any]:
    """Rows (station_id, unit, standing, entries, points, amount_minor) of the period in scope.

    `unit` is None for entries from before there were units.
    """
    statement = (
        select_many(
            col(Technician.station_id),
            KEPT_UNIT.label("unit"),
            STANDING.label("standing"),
            func.count().label("entries"),
            func.sum(LedgerEntry.points).label("points"),
            func.sum(LedgerEntry.amount_minor).label("amount_minor"),
        )
        .join(Technician, col(Technician.id) == LedgerEntry.technician_id)
        .where(col(LedgerEntry.period) == period, in_scope(principal), of_unit(unit))
        .group_by(col(Technician.station_id), KEPT_UNIT, STANDING)
    )
    return list((await session.execute(statement)).all())


async def count_paid(
    session: AsyncSession, principal: Principal, period: str, unit: Unit | None
) -> int:
    """How many technicians in scope have an entry of the unit in the period."""
    statement = (
        select(func.count(func.distinct(LedgerEntry.technician_id)))
        .join(Technician, col(Technician.id) == LedgerEntry.technician_id)
        .where(LedgerEntry.period == period, in_scope(principal), of_unit(unit))
    )
    return (await session.exec(statement)).one()
