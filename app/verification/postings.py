"""Lines that follow from decisions and from time: each has its cause, and says the right sum."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.models import LedgerEntry, RateCard
from app.verification.arithmetic import exact, half_up, hundredths
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ
from app.verification.missing import REPEATS, check_missing
from app.verification.pay import CHECK, month_of
from app.verification.taking_back import appeals_of, check_left, check_reversal


def check_postings(case: Case, company: Company) -> Iterator[Difference]:
    """Bonuses, deductions, reversals and corrections of one order, and that none is missing."""
    cards = {card.id: card for card in company.cards}
    for entry in case.entries:
        if entry.kind in ("EARN", "CARRY"):
            continue
        subject = f"{case.order.serial} {entry.kind} {entry.rule} of {entry.technician_id}"
        if entry.kind == "BONUS":
            yield from _bonus(subject, case, company, entry, cards[entry.rate_card_id])
        elif entry.kind == "DEDUCT":
            yield from _deduction(subject, case, company, entry, cards[entry.rate_card_id])
        elif entry.kind == "ADJUST":
            yield from _adjustment(subject, case, company, entry, cards[entry.rate_card_id])
        elif entry.kind == "REVERSE":
            yield from check_reversal(subject, case, company, entry)
        yield from _period(subject, case, company, entry)
    yield from check_missing(case, company)
    yield from check_left(case)


def _period(subject: str, case: Case, company: Company, entry: LedgerEntry) -> Iterator[Difference]:
    """The open month of the day; what an appeal decides goes into its own until that is locked."""
    at, way = entry.created_at, entry.cause.partition(":")[0]
    for event in case.done("closed") if way == "revisit" else ():
        if entry.cause == f"revisit:{event.payload.get('revisit_id')}":
            at = event.at
    allowed = company.pay.months(month_of(at.astimezone(company.zone)), entry.created_at)
    for appeal in appeals_of(case, company) if way == "appeal" else ():
        if entry.cause.startswith(f"appeal:{appeal.id}"):
            allowed |= company.pay.still_open(appeal.month, entry.created_at)
    if entry.period not in allowed:
        yield Difference(CHECK, f"{subject} period", entry.period, " or ".join(sorted(allowed)))


def _target(case: Case, entry: LedgerEntry) -> LedgerEntry | None:
    return next((each for each in case.entries if each.id == entry.refers_to), None)


def _worth(
    subject: str, entry: LedgerEntry, of: LedgerEntry | None, part: Fraction, card: RateCard
) -> Iterator[Difference]:
    """A part of an EARN: half-up to 0.01, then half-up to the fen."""
    if of is None or of.kind != "EARN" or of.technician_id != entry.technician_id:
        yield Difference(CHECK, subject, str(entry.refers_to), "an earning of this person")
        return
    points = half_up(hundredths(of.points) * part)
    minor = half_up(Fraction(points * card.point_minor, 100))
    if (hundredths(entry.points), entry.amount_minor) != (points, minor):
        yield from differ(CHECK, f"{subject} points", hundredths(entry.points), points)
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
        part = exact(bonuses.get("rating", {}).get(ratings[0], 0) if ratings else 0)
    else:
        lasting = entry.cause == "window-ended"
        part = exact(bonuses.get("first_time_fix", 0) if lasting else 0)
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
    if of is None or of.kind != "EARN" or of.technician_id != entry.technician_id:
        yield Difference(CHECK, subject, str(entry.refers_to), "an earning of this person")
        return
    before = [each for each in _of_person(case, entry) if (each.id or 0) < (entry.id or 0)]
    points = half_up(hundredths(of.points) * part)
    minor = half_up(Fraction(points * card.point_minor, 100))
    points = min(points, max(0, sum(hundredths(each.points) for each in before)))
    minor = min(minor, max(0, sum(each.amount_minor for each in before)))
    yield from differ(CHECK, f"{subject} points", hundredths(entry.points), -points)
    yield from differ(CHECK, f"{subject} fen", entry.amount_minor, -minor)


def _of_person(case: Case, entry: LedgerEntry) -> list[LedgerEntry]:
    return [
        each
        for each in case.entries
        if each.technician_id == entry.technician_id and each.kind != "CARRY"
    ]


def _adjustment(
    subject: str, case: Case, company: Company, entry: LedgerEntry, card: RateCard
) -> Iterator[Difference]:
    """Two different people agreed on these points; on an appeal the first may name more."""
    points: Any = None
    for each in company.pay.adjustments.get(case.order.id, ()):
        two = each.decided_by not in (None, each.proposed_by)
        if entry.cause == f"adjustment:{each.id}" and each.approved and two:
            points = each.points
    for appeal in appeals_of(case, company):
        two = None not in (appeal.station_by, appeal.company_by)
        two = two and appeal.station_by != appeal.company_by
        granted = (appeal.station_verdict, appeal.company_verdict) == ("granted", "granted")
        adds = appeal.points is not None and 0 < appeal.points <= (appeal.station_points or 0)
        if entry.cause == f"appeal:{appeal.id}" and two and granted and adds:
            points = appeal.points
    if points is None:
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: nobody agreed")
        return
    yield from differ(CHECK, f"{subject} points", Fraction(entry.points), Fraction(points))
    minor = half_up(abs(Fraction(points)) * card.point_minor)
    yield from differ(CHECK, f"{subject} fen", abs(entry.amount_minor), minor)


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
