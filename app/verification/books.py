"""`paigong payouts verify`: the pay checks alone, and every earning made again by the engine."""

import gc
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.card import CardRules
from app.payouts.facts import rules_of
from app.payouts.models import LedgerEntry
from app.payouts.replay import compare_order
from app.verification.case import Case, Company, read_cases, read_company
from app.verification.closings import check_closings, check_standings
from app.verification.collecting import collecting_rarely
from app.verification.difference import Difference
from app.verification.ledger import check_hashes, check_ledger
from app.verification.pay import check_pay
from app.verification.postings import check_months, check_postings
from app.verification.reading import take_snapshot

EVENTS = ("started", "arrived", "passed", "followed", "closed", "reworked")
"""What pay rests on."""
COLLECTED_AFTER = 2000
"""Orders; what few cycles their statements left are freed then."""


class Part(NamedTuple):
    """The `number`-th of `of` parts of the books, from 0: a share of the orders and the people."""

    number: int = 0
    of: int = 1


WHOLE = Part()


async def check_books(
    session: AsyncSession, part: Part = WHOLE, snapshot: str | None = None
) -> tuple[int, list[Difference]]:
    """(entries looked at, differences): nothing is written.

    Each order's earnings, bonuses, deductions, reversals and corrections are worked out again from
    its events and decisions by other code than paid them, and so is what each lock of a month
    carried; each earning is made again from its own inputs by the engine, to the last word; chains
    and closed months are checked. Begin with it in a fresh transaction.
    """
    await take_snapshot(session, snapshot)
    company = await read_company(session)
    people = sorted(company.technician_of.values())[part.number :: part.of]
    with collecting_rarely():
        entries, found = await _check_orders(session, company, part)
        found += [difference async for difference in check_ledger(session, people, hashed=True)]
        found += [difference async for difference in check_closings(session, company, people)]
    if part.number == 0:
        found += await check_months(session, company)
        found += await check_standings(session, company)
    return entries, found


async def _check_orders(
    session: AsyncSession, company: Company, part: Part
) -> tuple[int, list[Difference]]:
    cards = {card.id: rules_of(card) for card in company.cards}
    found: list[Difference] = []
    orders = entries = 0
    after, until = await _ids(session, part)
    async for case in read_cases(session, after=after, until=until, events=EVENTS):
        orders += 1
        entries += len(case.entries)
        found += _checked(case, company)
        found += check_hashes(case)
        found += _replayed(case, cards)
        if orders % COLLECTED_AFTER == 0:
            gc.collect()
    return entries, found


def _replayed(case: Case, cards: Mapping[UUID, CardRules]) -> Iterable[Difference]:
    """Earnings that the engine would make otherwise of their own inputs."""
    by_card: dict[UUID, list[LedgerEntry]] = defaultdict(list)
    for entry in case.entries:
        if entry.kind == "EARN":
            by_card[entry.rate_card_id].append(entry)
    for card, entries in by_card.items():
        for each in compare_order(entries, cards[card]):
            yield Difference("replay", f"entry {each.entry_id} {each.what}", *each[2:])


def _checked(case: Case, company: Company) -> Iterable[Difference]:
    for check in (check_pay, check_postings):
        try:
            yield from check(case, company)
        except (LookupError, ValueError, TypeError, ArithmeticError) as error:
            said = f"{type(error).__name__}: {error}"
            yield Difference("pay", case.order.serial, said, "rows that can be read")


async def _ids(session: AsyncSession, part: Part) -> tuple[UUID | None, UUID | None]:
    """The last order before the part, and its own last; None for the ends."""
    statement = text("SELECT id FROM work_orders ORDER BY id OFFSET :before LIMIT 1")
    count = (await session.execute(text("SELECT count(*) FROM work_orders"))).scalar_one()
    ends: list[UUID | None] = []
    for number in (part.number, part.number + 1):
        before = count * number // part.of - 1
        inside = 0 < number < part.of and before >= 0
        row = await session.execute(statement, {"before": before}) if inside else None
        ends.append(row.scalar_one() if row is not None else None)
    return ends[0], ends[1]
