"""Rows of rate cards."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.models import LedgerEntry, RateCard


async def card_on(session: AsyncSession, on: date) -> RateCard | None:
    """The one card in force on a local date."""
    statement = select(RateCard).where(
        RateCard.effective_from <= on,
        or_(col(RateCard.effective_to).is_(None), col(RateCard.effective_to) > on),
    )
    return (await session.exec(statement)).one_or_none()


async def cards(session: AsyncSession) -> Sequence[RateCard]:
    """Every card, oldest first."""
    statement = select(RateCard).order_by(col(RateCard.effective_from))
    return (await session.exec(statement)).all()


async def span_taken(session: AsyncSession, starts: date, ends: date | None) -> bool:
    """Whether a card is in force on any day from `starts` until `ends` (exclusive, None: ever)."""
    taken = func.daterange(RateCard.effective_from, RateCard.effective_to)
    statement = select(RateCard.id).where(taken.op("&&")(func.daterange(starts, ends)))
    return (await session.exec(statement)).first() is not None


async def card(session: AsyncSession, card_id: UUID) -> RateCard:
    """A card by id; there is one."""
    return await session.get_one(RateCard, card_id)


async def card_named(session: AsyncSession, name: str) -> RateCard | None:
    """The card of a name."""
    return (await session.exec(select(RateCard).where(RateCard.name == name))).one_or_none()


async def open_ended_card(session: AsyncSession) -> RateCard | None:
    """The card without an end, under its row lock; there is at most one."""
    statement = select(RateCard).where(col(RateCard.effective_to).is_(None)).with_for_update()
    return (await session.exec(statement)).one_or_none()


async def last_paid_day(session: AsyncSession, card_id: UUID) -> date | None:
    """The last local day of completion that the card has paid for."""
    day = func.max(col(LedgerEntry.inputs)["local_date"].astext)
    statement = select(day).where(LedgerEntry.rate_card_id == card_id, LedgerEntry.kind == "EARN")
    found = (await session.exec(statement)).one()
    return date.fromisoformat(found) if found else None
