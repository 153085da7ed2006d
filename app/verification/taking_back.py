"""Reversals: each for a decision, of exactly what was left, and none missing after workmanship."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.payouts.models import LedgerEntry, PayAppeal
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ
from app.verification.pay import CHECK

TAKES_BACK = ("REVERSE", "CARRY")


def check_reversal(
    subject: str, case: Case, company: Company, entry: LedgerEntry
) -> Iterator[Difference]:
    """Workmanship of a rework that this order is in, or a granted appeal."""
    way, _, rest = entry.cause.partition(":")
    decision, _, line = rest.partition(":")
    if line != str(entry.refers_to):
        yield Difference(CHECK, f"{subject} cause", entry.cause, f"of line {entry.refers_to}")
    about = [*company.pay.repeated.get(case.order.id, ())]
    own = company.pay.repeats.get(case.order.id)
    about += [own] if own is not None else []
    by_rework = way == "rework" and any(
        str(each.id) == decision and each.cause == "workmanship" for each in about
    )
    by_appeal = way == "appeal" and any(
        str(each.id) == decision and each.company_verdict == "granted"
        for each in appeals_of(case, company)
    )
    if not by_rework and not by_appeal:
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: no such decision")
        return
    target = next((each for each in case.entries if each.id == entry.refers_to), None)
    if target is None or target.technician_id != entry.technician_id:
        yield Difference(CHECK, subject, str(entry.refers_to), "a line of this person")
        return
    points, minor = _rest(
        target, [each for each in case.entries if (each.id or 0) < (entry.id or 0)]
    )
    yield from differ(CHECK, f"{subject} points", entry.points, -points)
    yield from differ(CHECK, f"{subject} fen", entry.amount_minor, -minor)


def _rest(entry: LedgerEntry, entries: Sequence[LedgerEntry]) -> tuple[Decimal, int]:
    """What these leave of an entry: points and fen."""
    points, minor = entry.points, entry.amount_minor
    for each in entries:
        if each.refers_to == entry.id and each.kind in TAKES_BACK:
            back, back_minor = _rest(each, entries)
            points, minor = points + back, minor + back_minor
    return points, minor


def rest_at(entry: LedgerEntry, case: Case, at: datetime) -> int:
    """How many fen of an entry were left at an instant."""
    return _rest(entry, [each for each in case.entries if each.created_at < at])[1]


def appeals_of(case: Case, company: Company) -> list[PayAppeal]:
    """The appeals against lines of an order."""
    found = (company.pay.appeals.get(entry.id or 0) for entry in case.entries)
    return [each for each in found if each is not None]


def check_left(case: Case) -> Iterator[Difference]:
    """Nothing takes back more than there is of what it refers to."""
    taking: dict[int | None, list[LedgerEntry]] = defaultdict(list)
    for entry in case.entries:
        if entry.kind in TAKES_BACK:
            taking[entry.refers_to].append(entry)
    if not taking:
        return

    def rest(entry: LedgerEntry) -> int:
        return entry.amount_minor + sum(rest(each) for each in taking[entry.id])

    for entry in case.entries:
        if entry.kind != "CARRY":
            left, whole = rest(entry), entry.amount_minor
            if not min(0, whole) <= left <= max(0, whole):
                subject = f"{case.order.serial} left of entry {entry.id}"
                yield Difference(CHECK, subject, f"{left} fen", f"between 0 and {whole} fen")


def check_taken_back(
    case: Case, company: Company, decision: str, original_id: UUID
) -> Iterator[Difference]:
    """Lines of the people of the original that stood when it was decided are all reversed."""
    people = company.pay.sharers.get(original_id, frozenset())
    reversed_ = [e for e in case.entries if e.cause.startswith(f"rework:{decision}:")]
    for who in sorted(people):
        lines = [e for e in case.entries if e.technician_id == who and e.kind != "CARRY"]
        earned = [e for e in lines if e.kind == "EARN" and (e.points or e.amount_minor)]
        taken = [e for e in reversed_ if e.technician_id == who]
        before = [
            e
            for e in case.entries
            if taken and e.technician_id == who and (e.id or 0) < (taken[0].id or 0)
        ]
        if earned and not taken and not any(e.kind == "REVERSE" for e in lines):
            subject = f"{case.order.serial} EARN of {who}"
            yield Difference(CHECK, subject, "stands", "taken back: it was workmanship")
        if taken and sum(e.amount_minor for e in [*before, *taken]):
            left = sum(e.amount_minor for e in [*before, *taken])
            yield Difference(CHECK, f"{case.order.serial} left to {who}", f"{left} fen", "0")
