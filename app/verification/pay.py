"""Pay again, in whole numbers and fractions: what a passed record earns whom (DOMAIN section 5)."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from math import floor
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from app.completions.models import CompletionRecord
from app.payouts.models import LedgerEntry, RateCard
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ, differ_in

CHECK = "pay"


class Earned(NamedTuple):
    """One person's part: hundredths of a point, and fen."""

    hundredths: int
    minor: int


def half_up(value: Fraction) -> int:
    """The nearest whole number; a half goes up. For values from 0."""
    return floor(value + Fraction(1, 2))


def divided(whole: int, exact: dict[UUID, Fraction], leader: UUID) -> dict[UUID, int]:
    """The helpers' parts half-up, or down when they exceed the whole; the leader has the rest."""
    parts = {who: half_up(part) for who, part in exact.items()}
    if sum(parts.values()) > whole:
        parts = {who: floor(part) for who, part in exact.items()}
    parts[leader] = whole - sum(parts.values())
    return parts


def earnings(
    base: Fraction, factor: Fraction, point_minor: int, shares: dict[UUID, Fraction], leader: UUID
) -> dict[UUID, Earned]:
    """Points half-up to 0.01 per entry, money half-up to 1 fen, the remainder to the leader."""
    whole = half_up(base * factor * 100)
    helpers = {who: share for who, share in shares.items() if who != leader}
    hundredths = divided(whole, {who: whole * share for who, share in helpers.items()}, leader)
    worth = Fraction(point_minor, 100)
    minor = divided(
        half_up(whole * worth), {who: hundredths[who] * worth for who in helpers}, leader
    )
    return {who: Earned(hundredths[who], minor[who]) for who in shares}


def check_pay(case: Case, company: Company) -> Iterator[Difference]:
    """EARN entries of a passed order are its record's, once per person; others have none."""
    serial = case.order.serial
    earned = [entry for entry in case.entries if entry.kind == "EARN"]
    times = Counter(entry.technician_id for entry in earned)
    for who, count in times.items():
        if count > 1:
            yield Difference(CHECK, f"{serial} EARN of {who}", f"{count} entries", "one entry")
    record = _passed_record(case)
    card = _card(company, record) if record is not None else None
    if record is None or card is None:
        yield from _unearned(case, earned, record)
        return
    expected = _expected(case, company, record, card)
    for entry in earned:
        part = expected.get(entry.technician_id)
        yield from _entry(serial, entry, part, record, card, company.zone)
    for who in expected.keys() - times.keys():
        yield Difference(CHECK, f"{serial} EARN of {who}", "nothing", f"{expected[who].minor} fen")
    yield from _standing(case, earned)


def _unearned(
    case: Case, earned: list[LedgerEntry], record: CompletionRecord | None
) -> Iterator[Difference]:
    serial = case.order.serial
    if record is not None:
        yield Difference(CHECK, f"{serial} rate card", "none in force", f"on {record.done_at}")
    elif case.done("passed"):
        yield Difference(CHECK, f"{serial} passed", "no record", "a completion record")
    for entry in earned:
        subject = f"{serial} EARN of {entry.technician_id}"
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: not passed")


def _passed_record(case: Case) -> CompletionRecord | None:
    passed = {str(event.payload.get("record_id")) for event in case.done("passed")}
    return next((row for row in case.records if str(row.id) in passed), None)


def local_day(record: CompletionRecord, zone: ZoneInfo) -> date:
    """The day of completion where the company works; decides card and month."""
    return record.done_at.astimezone(zone).date()


def _card(company: Company, record: CompletionRecord) -> RateCard | None:
    day = local_day(record, company.zone)
    return next(
        (
            card
            for card in company.cards
            if card.effective_from <= day and (card.effective_to is None or day < card.effective_to)
        ),
        None,
    )


def _expected(
    case: Case, company: Company, record: CompletionRecord, card: RateCard
) -> dict[UUID, Earned]:
    return earnings(
        base=Fraction(company.faults[case.order.fault_code_id].points),
        factor=Fraction(card.rules["outcome_factors"][record.outcome]),
        point_minor=card.point_minor,
        shares={UUID(each["technician_id"]): Fraction(each["share"]) for each in record.shares},
        leader=company.technician_of[record.completed_by],
    )


def _entry(
    serial: str,
    entry: LedgerEntry,
    part: Earned | None,
    record: CompletionRecord,
    card: RateCard,
    zone: ZoneInfo,
) -> Iterator[Difference]:
    subject = f"{serial} EARN of {entry.technician_id}"
    if part is None:
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: has no share")
        return
    yield from differ(CHECK, f"{subject} points", Fraction(entry.points) * 100, part.hundredths)
    expected = {
        "amount_minor": part.minor,
        "rate_card_id": card.id,
        "period": f"{local_day(record, zone):%Y-%m}",
        "rule": "piece",
        "cause": "passed",
        "refers_to": None,
    }
    yield from differ_in(CHECK, subject, entry, expected)
    said = entry.inputs.get("completion_id")
    yield from differ(CHECK, f"{subject} record", said, str(record.id))


def _standing(case: Case, earned: list[LedgerEntry]) -> Iterator[Difference]:
    """Confirmed exactly when the call-back closed the order; a rework leaves it provisional."""
    confirmed = {row.entry_id for row in case.standings if row.standing == "confirmed"}
    closed = bool(case.done("closed"))
    for entry in earned:
        subject = f"{case.order.serial} EARN of {entry.technician_id} confirmed"
        yield from differ(CHECK, subject, entry.id in confirmed, closed)
