"""What people have earned so far and what an order would bring: for plans that share work fairly.

Nothing here is pay: a plan weighs expected points, the ledger alone says what is owed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts import card_rows
from app.payouts.card import CardRules
from app.payouts.facts import rules_of
from app.payouts.models import LedgerEntry

HUNDREDTHS = 100


async def income_so_far(
    session: AsyncSession, technician_ids: Collection[UUID], month: str
) -> dict[UUID, int]:
    """Technician -> points of the month in hundredths, provisional and confirmed, less deductions.

    `month` is local, `2026-01`. Everybody asked for has an entry, 0 without a line of pay.
    """
    statement = (
        select(LedgerEntry.technician_id, func.sum(LedgerEntry.points))
        .where(col(LedgerEntry.technician_id).in_(technician_ids), LedgerEntry.period == month)
        .group_by(col(LedgerEntry.technician_id))
    )
    found = {row[0]: int(row[1] * HUNDREDTHS) for row in (await session.exec(statement)).all()}
    return {each: found.get(each, 0) for each in technician_ids}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a rate card pays for a fixed order by day; the catalogue's points without one."""

    card: CardRules | None

    def points(self, fault_code: str, catalogue_points: Decimal, zone: str | None = None) -> int:
        """Points of the whole order in hundredths, whoever does it: usual difficulty, and way."""
        points = catalogue_points
        if self.card is not None:
            points = self.card.expected_points(fault_code, catalogue_points, zone)
        return int(points * HUNDREDTHS)


async def expected_on(session: AsyncSession, day: date) -> Expected:
    """What orders bring by the card of this local day."""
    row = await card_rows.card_on(session, day)
    return Expected(rules_of(row) if row is not None else None)
