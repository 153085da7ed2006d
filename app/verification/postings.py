"""Lines that follow from decisions and from time: each has its cause, and says the right sum."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.models import LedgerEntry, RateCard
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ
from app.verification.pay import CHECK, half_up

TAKES_BACK = ("REVERSE", "CARRY")
REPEATS = (None, "workmanship", "part")
"""Causes of a repetition after which a repair was none that lasted; None is undecided."""


def check_postings(case: Case, company: Company) -> Iterator[Difference]:
    """Bonuses, deductions, reversals and corrections of one order, and that none is missing."""
    cards = {card.id: card for card in company.cards}
    for entry in case.entries:
        subject = f"{case.order.serial} {entry.kind} {entry.rule} of {entry.technician_id}"
        if entry.kind == "BONUS":
            yield from _bonus(subject, case, company, entry, cards[entry.rate_card_id])
        elif entry.kind == "DEDUCT":
            yield from _deduction(subject, case, company, entry, cards[entry.rate_card_id])
        elif entry.kind == "ADJUST":
            yield from _adjustment(subject, case, company, entry, cards[entry.rate_card_id])
        elif entry.kind == "REVERSE":
            yield from _reversal(subject, case, company, entry)
    yield from _missing(case, company)
    yield from _left(case)


def _target(case: Case, entry: LedgerEntry) -> LedgerEntry | None:
    return next((each for each in case.entries if each.id == entry.refers_to), None)


def _worth(
    subject: str, entry: LedgerEntry, of: LedgerEntry | None, part: Fraction, card: RateCard
) -> Iterator[Difference]:
    """A part of an EARN: half-up to 0.01, then half-up to the fen."""
    if of is None or of.kind != "EARN" or of.technician_id != entry.technician_id:
        yield Difference(CHECK, subject, str(entry.refers_to), "an earning of this person")
        return
    hundredths = half_up(Fraction(of.points) * 100 * part)
    minor = half_up(Fraction(hundredths * card.point_minor, 100))
    yield from differ(CHECK, f"{subject} points", Fraction(entry.points) * 100, hundredths)
    yield from differ(CHECK, f"{subject} fen", entry.amount_minor, minor)


def _bonus(
    subject: str, case: Case, company: Company, entry: LedgerEntry, card: RateCard
) -> Iterator[Difference]:
    bonuses = card.rules.get("bonuses") or {}
    if entry.rule == "rating":
        ratings = [
            str(event.payload.get("rating"))
            for event in case.done("closed")
            if entry.cause == f"revisit:{event.payload.get('revisit_id')}"
        ]
        part = Fraction(bonuses.get("rating", {}).get(ratings[0], 0)) if ratings else Fraction(0)
    else:
        lasting = entry.cause == "window-ended"
        part = Fraction(bonuses.get("first_time_fix", 0) if lasting else 0)
        yield from _lasted(subject, case, company, entry, card)
    if not part:
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: no such cause")
        return
    yield from _worth(subject, entry, _target(case, entry), part, card)


def _lasted(
    subject: str, case: Case, company: Company, entry: LedgerEntry, card: RateCard
) -> Iterator[Difference]:
    """The window had ended, and no repetition stood against it then."""
    days = (card.rules.get("rework_days") or {}).get(case.order.domain, 0)
    done = [row for row in case.records if row.outcome == "fixed"]
    if not done or entry.created_at < done[-1].done_at + timedelta(days=days):
        yield Difference(CHECK, subject, "posted", f"a fixed order and {days} days without another")
    for repeat in company.pay.repeated.get(case.order.id, ()):
        undecided = repeat.decided_at is None or repeat.decided_at > entry.created_at
        known = repeat.proposed_at < entry.created_at
        if known and (undecided or repeat.cause in REPEATS):
            yield Difference(CHECK, subject, "posted", "nothing: it was repeated")


def _deduction(
    subject: str, case: Case, company: Company, entry: LedgerEntry, card: RateCard
) -> Iterator[Difference]:
    """A person found so; never more than the rule says."""
    kind = entry.rule.removeprefix("deduct-")
    finding = next(
        (
            each
            for each in company.pay.findings.get(case.order.id, ())
            if (f"finding:{each.id}", each.kind, each.technician_id)
            == (entry.cause, kind, entry.technician_id)
        ),
        None,
    )
    if finding is None:
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: nobody found so")
        return
    if company.technician_of.get(finding.decided_by) == entry.technician_id:
        yield Difference(CHECK, subject, "found by themselves", "found by another")
    of, part = _target(case, entry), Fraction(card.rules.get("deductions", {}).get(kind, 0))
    if of is None or -Fraction(entry.points) * 100 > half_up(Fraction(of.points) * 100 * part):
        yield Difference(CHECK, f"{subject} points", str(entry.points), f"at most {part}")
    if entry.amount_minor > 0 or entry.points > 0:
        yield Difference(CHECK, subject, str(entry.amount_minor), "0 or less")


def _adjustment(
    subject: str, case: Case, company: Company, entry: LedgerEntry, card: RateCard
) -> Iterator[Difference]:
    """Two different people agreed, on exactly these points."""
    points: Any = None
    for each in company.pay.adjustments.get(case.order.id, ()):
        two = each.decided_by not in (None, each.proposed_by)
        if entry.cause == f"adjustment:{each.id}" and each.approved and two:
            points = each.points
    for appeal in company.pay.appeals.values():
        two = None not in (appeal.station_by, appeal.company_by)
        two = two and appeal.station_by != appeal.company_by
        granted = (appeal.station_verdict, appeal.company_verdict) == ("granted", "granted")
        adds = appeal.points is not None and appeal.points > 0
        if entry.cause == f"appeal:{appeal.id}" and two and granted and adds:
            points = appeal.points
    if points is None:
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: nobody agreed")
        return
    yield from differ(CHECK, f"{subject} points", Fraction(entry.points), Fraction(points))
    minor = half_up(abs(Fraction(points)) * card.point_minor)
    yield from differ(CHECK, f"{subject} fen", abs(entry.amount_minor), minor)


def _reversal(
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
        for each in company.pay.appeals.values()
    )
    if not by_rework and not by_appeal:
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: no such decision")


def _missing(case: Case, company: Company) -> Iterator[Difference]:
    """Each finding has its deduction; after workmanship nothing is left to whoever caused it."""
    serial = case.order.serial
    causes = {entry.cause for entry in case.entries}
    for finding in company.pay.findings.get(case.order.id, ()):
        if f"finding:{finding.id}" not in causes:
            yield Difference(CHECK, f"{serial} {finding.kind}", "nothing", "a deduction")
    for each in company.pay.adjustments.get(case.order.id, ()):
        if each.approved and f"adjustment:{each.id}" not in causes:
            yield Difference(CHECK, f"{serial} adjustment", "nothing", f"{each.points} points")
    own = company.pay.repeats.get(case.order.id)
    for repeat in [*company.pay.repeated.get(case.order.id, ()), *([own] if own else [])]:
        if repeat.cause == "workmanship":
            yield from _taken_back(case, company, str(repeat.id), repeat.original_id)


def _taken_back(
    case: Case, company: Company, decision: str, original_id: UUID
) -> Iterator[Difference]:
    """Lines of the people of the original that stood when it was decided are all reversed."""
    people = company.pay.sharers.get(original_id, frozenset())
    reversed_ = [e for e in case.entries if e.cause.startswith(f"rework:{decision}:")]
    for who in sorted(people):
        lines = [e for e in case.entries if e.technician_id == who and e.kind != "CARRY"]
        earned = [e for e in lines if e.kind == "EARN" and (e.points or e.amount_minor)]
        taken = [e for e in reversed_ if e.technician_id == who]
        before = [e for e in lines if taken and (e.id or 0) < (taken[0].id or 0)]
        if earned and not taken and not any(e.kind == "REVERSE" for e in lines):
            subject = f"{case.order.serial} EARN of {who}"
            yield Difference(CHECK, subject, "stands", "taken back: it was workmanship")
        if taken and sum(e.amount_minor for e in [*before, *taken]):
            left = sum(e.amount_minor for e in [*before, *taken])
            yield Difference(CHECK, f"{case.order.serial} left to {who}", f"{left} fen", "0")


def _left(case: Case) -> Iterator[Difference]:
    """Nothing takes back more than there is of what it refers to."""
    taking: dict[int | None, list[LedgerEntry]] = defaultdict(list)
    for entry in case.entries:
        if entry.kind in TAKES_BACK:
            taking[entry.refers_to].append(entry)

    def rest(entry: LedgerEntry) -> int:
        return entry.amount_minor + sum(rest(each) for each in taking[entry.id])

    for entry in case.entries:
        if entry.kind != "CARRY":
            left, whole = rest(entry), entry.amount_minor
            if not min(0, whole) <= left <= max(0, whole):
                subject = f"{case.order.serial} left of entry {entry.id}"
                yield Difference(CHECK, subject, f"{left} fen", f"between 0 and {whole} fen")


async def check_months(session: AsyncSession, company: Company) -> list[Difference]:
    """What moves between months is not lost, and a locked month is what it was when locked."""
    found = await session.execute(
        text(
            "SELECT technician_id, refers_to, sum(amount_minor) FROM ledger_entries"
            " WHERE kind = 'CARRY' AND rule <> 'carry-dropped' GROUP BY 1, 2"
            " HAVING sum(amount_minor) <> 0"
        )
    )
    lost = [
        Difference(CHECK, f"carried of entry {of}, {who}", f"{minor} fen", "0: out and in again")
        for who, of, minor in found
    ]
    sums = await session.execute(
        text("SELECT period, count(*), sum(amount_minor) FROM ledger_entries GROUP BY 1")
    )
    now: dict[str, tuple[int, int]] = {row[0]: (row[1], int(row[2])) for row in sums}
    return lost + _changed(company.pay.acts, now)


def _changed(acts: Sequence[Any], now: dict[str, tuple[int, int]]) -> list[Difference]:
    found = []
    for act in acts:
        then = (act.totals["entries"], act.totals["amount_minor"])
        if act.act in ("locked", "settled") and now.get(act.month, (0, 0)) != then:
            said = str(now.get(act.month))
            found.append(Difference(CHECK, f"month {act.month} {act.act}", said, str(then)))
    return found
