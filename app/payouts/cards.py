"""Bringing a rate card into force: versioned, dated, never under what was paid by another."""

from datetime import date, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit
from app.core.permissions import Permission
from app.core.problems import Forbidden
from app.core.scope import Principal
from app.payouts import card_rows
from app.payouts.errors import RateCardInvalid, RateCardRefused
from app.payouts.load import card_from
from app.payouts.models import RateCard


def require_company(principal: Principal) -> None:
    """Raises Forbidden for a station's people: a card pays the whole company."""
    if principal.stations(Permission.RATE_CARDS_WRITE) is not None:
        raise Forbidden(permission=Permission.RATE_CARDS_WRITE.value)


def read_card(text: str) -> RateCard:
    """The card that a TOML text describes; raises RateCardRefused with every fault and its line."""
    try:
        return card_from(text)
    except RateCardInvalid as error:
        raise RateCardRefused(str(error), faults=str(error).splitlines()) from error


async def import_card(session: AsyncSession, text: str, by: Principal | None = None) -> RateCard:
    """Add a card. One without an end that was in force gets its end where this one begins.

    Raises RateCardRefused: for faults in the text, a name that is taken, days that another card
    has, days on which work was paid by another card already, and days that no card would pay.
    """
    card = read_card(text)
    if await card_rows.card_named(session, card.name):
        raise RateCardRefused(f"a card named {card.name} is there already", faults=[])
    before = await card_rows.open_ended_card(session)
    if before is not None and before.effective_from < card.effective_from:
        await _end(session, before, card.effective_from)
    if await card_rows.span_taken(session, card.effective_from, card.effective_to):
        raise RateCardRefused("another card has days of it: cards follow each other", faults=[])
    await _refuse_gaps(session, card)
    session.add(card)
    await session.flush()
    if by is not None:
        await audit.record(session, by, "imported", "rate_card", card.id, name=card.name)
    return card


async def _refuse_gaps(session: AsyncSession, card: RateCard) -> None:
    """Work of a day without a card cannot pass review: cards follow each other without a gap."""
    others = await card_rows.cards(session)
    earlier = [each.effective_to for each in others if each.effective_from < card.effective_from]
    if earlier and earlier[-1] is not None and earlier[-1] < card.effective_from:
        why = f"no card would pay from {earlier[-1]} until {card.effective_from}"
        raise RateCardRefused(why, faults=[])
    later = [each.effective_from for each in others if each.effective_from > card.effective_from]
    ends = card.effective_to
    if ends is not None and (not later or later[0] > ends):
        until = f"until {later[0]}" if later else "on; the card after it ends it by itself"
        raise RateCardRefused(f"no card would pay from {ends} {until}", faults=[])


async def _end(session: AsyncSession, card: RateCard, at: date) -> None:
    last = await card_rows.last_paid_day(session, card.id)
    if last is not None and last >= at:
        later = last + timedelta(days=1)
        why = f"{card.name} has paid work of {last} already: begin on {later} or later"
        raise RateCardRefused(why, faults=[])
    card.effective_to = at
    await session.flush()
