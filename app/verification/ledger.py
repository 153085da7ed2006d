"""Each technician's chain of pay lines, its head, and the months made of it."""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from itertools import batched, groupby
from uuid import UUID

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation.models import Technician
from app.payouts.models import LedgerEntry, LedgerHead
from app.verification.case import Case
from app.verification.chain import FIRST_PREV, check_chain, check_rows, check_tail
from app.verification.difference import Difference
from app.verification.reading import rows

CHECK = "ledger"
ENTRY_FIELDS = (
    *("technician_id", "order_id", "kind", "rule", "cause", "period", "points", "amount_minor"),
    *("rate_card_id", "inputs", "explanation_zh", "explanation_en", "refers_to", "seq"),
    "created_at",
)
LINKS = (
    *("id", "technician_id", "seq", "kind", "points", "amount_minor", "refers_to"),
    *("prev_hash", "hash"),
)
PEOPLE_AT_ONCE = 50


async def check_ledger(
    session: AsyncSession, people: Collection[UUID] | None = None, *, hashed: bool = False
) -> AsyncIterator[Difference]:
    """Chains, of these people or all, are whole and end at their heads; no EARN is negative.

    `hashed` says that each line was held against its own hash already (`check_hashes`).
    """
    names = {each.id: each.employee_no for each in await rows(session, Technician)}
    heads = {each.technician_id: each for each in await rows(session, LedgerHead)}
    everybody = names.keys() | heads.keys()
    wanted = everybody if people is None else everybody & set(people)
    for some in batched(sorted(wanted), PEOPLE_AT_ONCE):
        entries = await rows(
            session,
            LedgerEntry,
            col(LedgerEntry.technician_id).in_(some),
            LedgerEntry.technician_id,
            LedgerEntry.seq,
            only=LINKS if hashed else (),
        )
        chains = {
            who: list(chain) for who, chain in groupby(entries, lambda entry: entry.technician_id)
        }
        for who in some:
            chain = (names.get(who, str(who)), chains.get(who, []))
            for difference in _chain(*chain, heads.get(who), () if hashed else ENTRY_FIELDS):
                yield difference


def check_hashes(case: Case) -> list[Difference]:
    """Each line of an order is what its own hash was made of."""
    return check_rows(CHECK, case.order.serial, case.entries, ENTRY_FIELDS)


def _chain(
    name: str, entries: list[LedgerEntry], head: LedgerHead | None, fields: tuple[str, ...]
) -> Iterator[Difference]:
    yield from check_chain(CHECK, name, entries, fields)
    last_seq, last_hash = (head.seq, head.hash) if head is not None else (0, FIRST_PREV)
    yield from check_tail(CHECK, name, entries, last_seq, last_hash)
    yield from _references(name, entries)


def _references(name: str, entries: Iterable[LedgerEntry]) -> Iterator[Difference]:
    """A reversal refers to an older line of the same person."""
    seen: set[int | None] = set()
    for entry in entries:
        if entry.kind == "EARN" and (entry.points < 0 or entry.amount_minor < 0):
            yield Difference(CHECK, f"{name} #{entry.seq}", str(entry.amount_minor), "0 or more")
        if entry.refers_to is not None and entry.refers_to not in seen:
            subject = f"{name} #{entry.seq} refers_to"
            yield Difference(CHECK, subject, str(entry.refers_to), "an older line of this person")
        seen.add(entry.id)
