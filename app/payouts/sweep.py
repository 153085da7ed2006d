"""What time alone brings: confirmation after the waiting hours, and the bonus for lasting work."""

from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.db import Database
from app.core.i18n import Text
from app.payouts import card_rows, due, facts, ledger, repository
from app.payouts.card import CardRules
from app.payouts.drafts import remaining
from app.payouts.models import LedgerEntry
from app.payouts.policy import month_of
from app.payouts.posting import FIRST_TIME, Why, bonus

AT_ONCE = 200
"""Orders per look."""
NO_ORDER = UUID(int=0)
"""Before all."""


async def sweep(database: Database) -> None:
    """Bring in all that is due."""
    async with database.transaction() as session:
        await confirm_waited(session)
    async with database.transaction() as session:
        await add_for_lasting(session)


async def confirm_waited(session: AsyncSession) -> int:
    """Confirm lines of passed orders whose call-back did not end within the card's hours.

    Orders that a call-back turned into a rework wait for its attribution. Returns how many orders.
    """
    now, done = clock.now(), 0
    for card in await card_rows.cards(session):
        hours = facts.rules_of(card).month.confirm_hours
        if not hours:
            continue
        before = now - timedelta(hours=hours)
        why, after = f"no call-back within {hours} h", NO_ORDER
        while found := await due.unconfirmed(session, card.id, before, after, AT_ONCE):
            after = found[-1]
            for order_id in found:
                done += bool(await ledger.confirm(session, order_id, why=why, at=now, by=None))
    return done


async def add_for_lasting(session: AsyncSession) -> int:
    """Post the bonus for fixed orders whose rework window ended without a repetition.

    A repetition counts unless it was attributed to the user, the network or a new fault; one that
    is not attributed yet makes the bonus wait. Returns how many lines were added.
    """
    now, added = clock.now(), 0
    for card in await card_rows.cards(session):
        rules = facts.rules_of(card)
        if not rules.bonuses.first_time_fix:
            continue
        for domain in ("heat", "power"):
            days = rules.rework_days.of(domain)
            before, after = now - timedelta(days=days), NO_ORDER
            while found := await due.lasting(session, card.id, domain, before, after, AT_ONCE):
                after = found[-1]
                for order_id in found:
                    added += await _add(session, order_id, rules, days)
    return added


async def _add(session: AsyncSession, order_id: UUID, rules: CardRules, days: int) -> int:
    if not await due.lock_free(session, order_id):
        return 0  # somebody decides on it now: its bonus comes with the next sweep
    standing = await repository.entries_of(session, {order_id})
    today = clock.now().astimezone(settings.current().zone).date()
    period = await ledger.open_month(session, month_of(today))
    why = Why(
        cause="window-ended",
        period=period,
        text=Text(f"{days} 天内未返工", f"nothing came back within {days} days"),
        inputs={"window_days": days, "rate_card": rules.name},
        unit=rules.unit,
    )
    earned: list[LedgerEntry] = [
        each for each in standing if each.kind == "EARN" and remaining(each, standing).points > 0
    ]
    drafts = [
        bonus(each, FIRST_TIME, rules.bonuses.first_time_fix, rules.point_minor, why)
        for each in earned
    ]
    posted = await ledger.append(session, drafts)
    if posted:
        await ledger.confirm(
            session, posted[0].order_id, why="window ended", at=clock.now(), by=None
        )
    return len(posted)
