"""Closing a month: draft, publication, lock and settlement, each an act of a person (DOMAIN 5.9).

From publication on a month takes only what its appeals decide; from the lock on it takes nothing.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.holidays import is_working_day
from app.core import clock, settings
from app.core.permissions import Permission
from app.core.problems import Forbidden
from app.core.scope import Principal
from app.payouts import closing, facts, ledger, month_rows, questions, repository, sweep
from app.payouts.card import CardRules
from app.payouts.errors import MonthNotReady
from app.payouts.models import PayMonthAct
from app.payouts.policy import next_month

DRAFT, PUBLISHED, LOCKED, SETTLED = "draft", "published", "locked", "settled"
BEFORE = {DRAFT: (None, DRAFT), PUBLISHED: (DRAFT,), LOCKED: (PUBLISHED,), SETTLED: (LOCKED,)}


def last_day(month: str) -> date:
    """The last local day of a month."""
    return date.fromisoformat(f"{next_month(month)}-01") - timedelta(days=1)


def after_working_days(begins: datetime, days: int) -> datetime:
    """The end of the local day that is so many working days after the instant's own day."""
    zone = settings.current().zone
    day = begins.astimezone(zone).date()
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return datetime.combine(day + timedelta(days=1), time(0), zone)


async def rules_of_month(session: AsyncSession, month: str) -> CardRules:
    """The card in force on its last day decides limits and terms; raises RateCardMissing."""
    return (await facts.card_on(session, last_day(month)))[1]


async def state(session: AsyncSession, month: str) -> tuple[str, Sequence[PayMonthAct]]:
    """Where a month stands (`open` before its first draft), and every act, oldest first."""
    acts = await month_rows.acts(session, month)
    return (acts[-1].act if acts else "open"), acts


async def act(session: AsyncSession, principal: Principal, month: str, wanted: str) -> PayMonthAct:
    """Take the next step of a month. Raises MonthNotReady, which says why not yet.

    The whole company is closed at once, by somebody who may close it for the whole company.
    """
    if principal.stations(Permission.PAYOUTS_CLOSE) is not None or principal.is_api_key:
        raise Forbidden(permission=Permission.PAYOUTS_CLOSE.value)
    await month_rows.lock_months(session)
    now_at, acts = await state(session, month)
    if (acts[-1].act if acts else None) not in BEFORE[wanted]:
        raise MonthNotReady(f"{month} is {now_at}", why="order", state=now_at)
    await _check(session, month, wanted, acts)
    return await _write(session, principal, month, wanted, await _STEPS[wanted](session, month))


async def _check(
    session: AsyncSession, month: str, wanted: str, acts: Sequence[PayMonthAct]
) -> None:
    if clock.now().astimezone(settings.current().zone).date() <= last_day(month):
        raise MonthNotReady(f"{month} is not over", why="not over", state="open")
    if wanted == LOCKED:
        published = next(each.at for each in acts if each.act == PUBLISHED)
        ends = after_working_days(
            published, (await rules_of_month(session, month)).month.appeal_days
        )
        if clock.now() < ends:
            why = f"appeals may come until {ends.isoformat()}"
            raise MonthNotReady(why, why="appeals", state=PUBLISHED)
    earlier = await month_rows.unfinished_before(session, month, LOCKED)
    if wanted in (PUBLISHED, LOCKED) and earlier is not None:
        raise MonthNotReady(f"{earlier} comes first", why="earlier month", state=earlier)


async def _write(
    session: AsyncSession, principal: Principal, month: str, act: str, found: dict[str, Any]
) -> PayMonthAct:
    row = PayMonthAct(
        month=month,
        act=act,
        at=clock.now(),
        by=principal.id,
        by_name=principal.name,
        totals=await month_rows.totals(session, month) | found,
    )
    session.add(row)
    await session.flush()
    return row


async def _draft(session: AsyncSession, month: str) -> dict[str, Any]:
    """Bring in what time alone brings, and find what a person should look at."""
    await sweep.confirm_waited(session)
    await sweep.add_for_lasting(session)
    rules = await rules_of_month(session, month)
    return {"questions": await questions.find(session, month, rules.limits)}


async def _publish(session: AsyncSession, month: str) -> dict[str, Any]:
    """Look once more: lines may have come since the last draft."""
    rules = await rules_of_month(session, month)
    return {"questions": await questions.find(session, month, rules.limits)}


async def _lock(session: AsyncSession, month: str) -> dict[str, Any]:
    """Move out what is undecided, keep deductions to their limit, then nothing more comes in."""
    rules = await rules_of_month(session, month)
    undecided = await month_rows.undecided(session, month)
    carried = 0
    for technician_id in await month_rows.people(session, month):
        lines = await repository.entries_of_month(session, month, technician_id)
        closed = closing.close(lines, month, undecided, rules.limits)
        posted = await ledger.append(session, closed.drafts)
        at, why = clock.now(), f"closing of {month}"
        await ledger.confirm_lines(
            session, [each for each in posted if each.rule != closing.OPEN], why=why, at=at, by=None
        )
        carried += len(posted)
    await month_rows.mark(session, month, LOCKED, clock.now())
    return {"carried": carried, "undecided": len(undecided)}


async def _settle(session: AsyncSession, month: str) -> dict[str, Any]:
    await month_rows.mark(session, month, SETTLED, clock.now())
    return {}


_STEPS = {DRAFT: _draft, PUBLISHED: _publish, LOCKED: _lock, SETTLED: _settle}
