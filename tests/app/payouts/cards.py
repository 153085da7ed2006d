"""Rate cards of the tests."""

from datetime import date
from typing import Any

from sqlalchemy import delete
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.card import OUTCOMES
from app.payouts.models import RateCard

RULES: dict[str, Any] = {
    "outcome_factors": dict.fromkeys(sorted(OUTCOMES), "1"),
    "default_shares": {"leader": "0.55", "helpers": "0.45"},
}


def card(name: str, starts: date, ends: date | None, point_minor: int = 500) -> RateCard:
    """Every outcome earns all points."""
    return RateCard(
        name=name,
        effective_from=starts,
        effective_to=ends,
        point_minor=point_minor,
        rules=RULES,
        source="test",
    )


async def without_cards(session: AsyncSession) -> None:
    """Take away the card that the world brings, for tests that lay down their own."""
    await session.execute(delete(RateCard))
