"""`paigong payouts verify`: the pay checks alone, and every earning made again by the engine."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.replay import replay
from app.verification.case import read_cases, read_company
from app.verification.difference import Difference
from app.verification.ledger import check_ledger
from app.verification.pay import check_pay
from app.verification.postings import check_months, check_postings
from app.verification.reading import take_snapshot


async def check_books(session: AsyncSession) -> tuple[int, list[Difference]]:
    """(entries looked at, differences): nothing is written.

    Each order's earnings, bonuses, deductions and reversals are worked out again from its events
    by other code than paid them; each earning is made again from its own inputs by the engine, to
    the last word; chains and closed months are checked. Begin with it in a fresh transaction.
    """
    await take_snapshot(session)
    company = await read_company(session)
    found: list[Difference] = []
    entries = 0
    async for case in read_cases(session):
        entries += len(case.entries)
        for check in (check_pay, check_postings):
            try:
                found += check(case, company)
            except (LookupError, ValueError, TypeError, ArithmeticError) as error:
                said = f"{type(error).__name__}: {error}"
                found.append(Difference("pay", case.order.serial, said, "rows that can be read"))
    found += [difference async for difference in check_ledger(session)]
    found += await check_months(session, company)
    async for changed in replay(session):
        subject = f"entry {changed.entry_id} {changed.what}"
        found.append(Difference("replay", subject, changed.stored, changed.again))
    return entries, found
