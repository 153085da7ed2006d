"""Rows of months: their acts, their lines, and what in them is not decided."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, or_, text
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.models import LedgerEntry, LedgerStanding, PayAppeal, PayMonthAct
from app.payouts.repository import MONTHS_LOCK


async def lock_months(session: AsyncSession) -> None:
    """Wait for everybody who writes lines of pay, and keep them out until the end."""
    await session.execute(select(func.pg_advisory_xact_lock(MONTHS_LOCK)))


async def acts(session: AsyncSession, month: str) -> Sequence[PayMonthAct]:
    """What was done to a month, oldest first."""
    statement = select(PayMonthAct).where(PayMonthAct.month == month).order_by(col(PayMonthAct.id))
    return (await session.exec(statement)).all()


async def unfinished_before(session: AsyncSession, month: str, act: str) -> str | None:
    """The first earlier month with lines that has not had this act."""
    had = select(PayMonthAct.month).where(PayMonthAct.act == act)
    statement = select(func.min(LedgerEntry.period)).where(
        LedgerEntry.period < month, col(LedgerEntry.period).not_in(had)
    )
    return (await session.exec(statement)).one()


async def totals(session: AsyncSession, month: str) -> dict[str, Any]:
    """Entries, points, fen and people of a month."""
    statement = select(
        func.count(),
        func.coalesce(func.sum(LedgerEntry.points), 0),
        func.coalesce(func.sum(LedgerEntry.amount_minor), 0),
        func.count(func.distinct(LedgerEntry.technician_id)),
    ).where(LedgerEntry.period == month)
    entries, points, minor, people = (await session.execute(statement)).one()
    return {
        "entries": entries,
        "points": str(points),
        "amount_minor": int(minor),
        "technicians": people,
    }


async def people(session: AsyncSession, month: str) -> Sequence[UUID]:
    """Everybody with a line, by id."""
    statement = (
        select(LedgerEntry.technician_id)
        .where(LedgerEntry.period == month)
        .distinct()
        .order_by(col(LedgerEntry.technician_id))
    )
    return (await session.exec(statement)).all()


async def undecided(session: AsyncSession, month: str) -> set[int]:
    """Entries that cannot be locked: under an appeal, or earned and not confirmed.

    They are named though it is a line that carries them which lies in the month, or is contested.
    """
    lies_here = select(func.coalesce(LedgerEntry.refers_to, LedgerEntry.id)).where(
        LedgerEntry.period == month, LedgerEntry.kind == "CARRY"
    )
    here = or_(col(LedgerEntry.period) == month, col(LedgerEntry.id).in_(lies_here))
    contested = aliased(LedgerEntry)
    appealed = (
        select(case((col(contested.kind) == "CARRY", contested.refers_to), else_=contested.id))
        .join(PayAppeal, col(PayAppeal.entry_id) == contested.id)
        .where(col(PayAppeal.company_verdict).is_(None))
    )
    confirmed = select(LedgerStanding.entry_id).where(LedgerStanding.standing == "confirmed")
    statement = select(LedgerEntry.id).where(
        here,
        LedgerEntry.kind != "CARRY",
        or_(col(LedgerEntry.id).in_(appealed), col(LedgerEntry.id).not_in(confirmed)),
    )
    return {each for each in (await session.exec(statement)).all() if each is not None}


async def mark(session: AsyncSession, month: str, standing: str, at: datetime) -> None:
    """Give every line of a month a standing, once."""
    await session.execute(
        text(
            "INSERT INTO ledger_standings (entry_id, standing, why, at)"
            " SELECT id, :standing, :why, :at FROM ledger_entries WHERE period = :month"
            " ORDER BY id ON CONFLICT DO NOTHING"
        ),
        {"standing": standing, "why": f"month {month}", "at": at, "month": month},
    )
