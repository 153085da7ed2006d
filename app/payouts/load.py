"""Loads the shipped rate cards; where a company has a card of its own, that one stays."""

import tomllib
from importlib import resources
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts import repository
from app.payouts.card import CardRules
from app.payouts.errors import RateCardInvalid
from app.payouts.models import RateCard

DEFAULT_CARD = "p_proposal_2026.toml"
_KEYS = frozenset({"name", "effective_from", "point_minor", "source", "rules"})


def card_from(text: str) -> RateCard:
    """The card that a TOML text describes; raises RateCardInvalid, with the line if it has one."""
    try:
        read: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RateCardInvalid(str(error)) from error
    if read.keys() - {"effective_to"} != _KEYS:
        raise RateCardInvalid(
            f"a card has {sorted(_KEYS)}, perhaps effective_to; not {sorted(read)}"
        )
    CardRules.of(read["name"], read["point_minor"], read["rules"])
    return RateCard(**read)


async def load_default_rate_card(session: AsyncSession) -> None:
    """Add the shipped card unless a card is in force in its time already; idempotent."""
    text = resources.files("app.payouts").joinpath("data", DEFAULT_CARD).read_text("utf-8")
    card = card_from(text)
    if not await repository.span_taken(session, card.effective_from, card.effective_to):
        session.add(card)
        await session.flush()
