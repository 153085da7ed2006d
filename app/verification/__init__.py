"""`paigong verify`: everything that is stored, folded once more from the events by other code."""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.db import Database
from app.evidence.storage import Storage
from app.verification import inbox, records, serials
from app.verification.approvals import check_approvals
from app.verification.assignments import check_assignments
from app.verification.case import Case, Company, read_cases, read_company
from app.verification.chain import EVENT_FIELDS, check_chain, check_tail
from app.verification.clocks import check_clocks
from app.verification.closings import check_closings, check_standings
from app.verification.difference import Difference
from app.verification.duties import check_duties
from app.verification.files import Wanted, check_evidence, check_stored, wanted
from app.verification.guards import check_guards
from app.verification.ledger import check_ledger
from app.verification.orders import check_states
from app.verification.pay import check_pay
from app.verification.postings import check_months, check_postings
from app.verification.reading import take_snapshot

__all__ = ["Difference", "Folded", "fold", "verify"]

Check = Callable[[Case, Company], Iterable[Difference]]


def _check_events(case: Case, _company: Company) -> Iterable[Difference]:
    order = case.order
    yield from check_chain("chain", order.serial, case.events, EVENT_FIELDS)
    yield from check_tail("chain", order.serial, case.events, order.last_seq, order.last_hash)


CHECKS: dict[str, Check] = {
    "chain": _check_events,
    "states": lambda case, _: check_states(case),
    "guards": check_guards,
    "assignments": lambda case, _: check_assignments(case),
    "approvals": lambda case, _: check_approvals(case),
    "duties": lambda case, _: check_duties(case),
    "clocks": check_clocks,
    "evidence": lambda case, _: check_evidence(case),
    "records": records.check_records,
    "pay": check_pay,
    "postings": check_postings,
}


class Folded(NamedTuple):
    """What the rows say: the differences among them, and the files that must be on the disk."""

    differences: list[Difference]
    files: list[Wanted]


async def verify(database: Database, store: Storage) -> list[Difference]:
    """Every difference between what is stored and what the events say; empty when all is well.

    Rows are read as of one instant while others go on working. The files in `store` are
    hashed when that transaction is over: an open one would hold the change feed back. Evidence
    that was verified stays, so it must still be there then; a recording whose days end in between
    is told once. Writes nothing.
    """
    async with database.transaction() as session:
        folded = await fold(session)
    return folded.differences + await asyncio.to_thread(check_stored, store, folded.files)


async def fold(session: AsyncSession) -> Folded:
    """All that the database alone can tell.

    Give it a transaction in which nothing has been read yet, so that it sees one instant.
    """
    await take_snapshot(session)
    company = await read_company(session)
    found: list[Difference] = []
    files: list[Wanted] = []
    async for case in read_cases(session):
        found += check_case(case, company)
        files += wanted(case)
    found += [difference async for difference in check_ledger(session)]
    found += await check_months(session, company)
    found += await check_standings(session, company)
    everybody = sorted(company.technician_of.values())
    found += [each async for each in check_closings(session, company, everybody)]
    found += await serials.check_serials(session)
    found += await records.check_reworks(session)
    found += await records.check_followed(session)
    found += await inbox.check_strays(session)
    found += await inbox.check_inbox(session)
    found += await inbox.check_messages(session)
    return Folded(found, files)


def check_case(case: Case, company: Company) -> list[Difference]:
    """All checks of one order; rows too damaged to be read are a difference themselves."""
    found: list[Difference] = []
    for name, check in CHECKS.items():
        try:
            found += check(case, company)
        except (LookupError, ValueError, TypeError, ArithmeticError) as error:
            said = f"{type(error).__name__}: {error}"
            found.append(Difference(name, case.order.serial, said, "rows that can be read"))
    return found
