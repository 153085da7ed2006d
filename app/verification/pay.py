"""Pay again, in whole numbers and fractions: what a passed record earns whom (DOMAIN section 5)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from app.catalogue.holidays import day_type
from app.completions.models import CompletionRecord
from app.payouts.models import LedgerEntry, RateCard
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ, differ_in
from app.work_orders.models import WorkOrderEvent

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
    worth: Fraction, point_minor: int, shares: dict[UUID, Fraction], leader: UUID
) -> dict[UUID, Earned]:
    """Points half-up to 0.01 per entry, money half-up to 1 fen, the remainder to the leader."""
    whole = half_up(worth * 100)
    helpers = {who: share for who, share in shares.items() if who != leader}
    hundredths = divided(whole, {who: whole * share for who, share in helpers.items()}, leader)
    value = Fraction(point_minor, 100)
    minor = divided(
        half_up(whole * value), {who: hundredths[who] * value for who in helpers}, leader
    )
    return {who: Earned(hundredths[who], minor[who]) for who in shares}


class PassedRecord(NamedTuple):
    """A passed record, with the event that passed it and the card of its day."""

    record: CompletionRecord
    event: WorkOrderEvent
    card: RateCard | None


def passed_record(case: Case, company: Company) -> PassedRecord | None:
    """The order's passed record, if there is one."""
    for event in case.done("passed"):
        for row in case.records:
            if str(row.id) == str(event.payload.get("record_id")):
                return PassedRecord(row, event, _card(company, row))
    return None


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


def worth_of(case: Case, company: Company, passed: PassedRecord, card: RateCard) -> Fraction:
    """(base x difficulty x time + distance) x outcome, exact; of DOMAIN 5.1 and 5.2."""
    rules, order = card.rules, case.order
    judged = passed.event.payload.get("judgement") or {}
    fault = company.faults[order.fault_code_id]
    per_fen = 100 if rules.get("unit") == "fen" else 1
    base = rules.get("base", {"per_catalogue_point": "1", "faults": {}})
    own = base["faults"].get(fault.code)
    worth = (
        Fraction(own)
        if own is not None
        else Fraction(fault.points) * Fraction(base["per_catalogue_point"])
    )
    if difficulty := rules.get("difficulty"):
        grade = judged.get("difficulty") or difficulty["faults"].get(fault.code, "normal")
        worth *= Fraction(difficulty["factors"][grade])
    if bands := rules.get("time"):
        worth *= _time(case, company, passed, bands)
    if distance := rules.get("distance"):
        worth += _distance(case, company, passed, distance)
    outcome = passed.record.outcome
    factor = rules["outcome_factors"][outcome]
    if outcome == "handed_over":
        factor = judged.get("handed_over", factor)
    return worth * Fraction(factor) / per_fen


def _before(case: Case, passed: PassedRecord, action: str) -> WorkOrderEvent | None:
    """The last such event of the record's crew before the order was passed."""
    found = [
        event
        for event in case.done(action)
        if event.seq < passed.event.seq and event.assignment_id == passed.record.assignment_id
    ]
    return found[-1] if found else None


def _time(case: Case, company: Company, passed: PassedRecord, bands: Mapping[str, Any]) -> Fraction:
    started = _before(case, passed, "started")
    at: datetime = (started.at if started else passed.record.done_at).astimezone(company.zone)
    factors = [Fraction(1)]
    clock = at.time().isoformat()
    begins, ends = bands["night_from"], bands["night_until"]
    if (begins <= clock < ends) if begins <= ends else (clock >= begins or clock < ends):
        factors.append(Fraction(bands["night"]))
    off = {kind: Fraction(bands[kind]) for kind in ("rest", "holiday")}
    if set(off.values()) != {Fraction(1)}:
        kind = day_type(at.date())
        factors += [off[kind]] if kind in off else []
    return max(factors)


def _distance(
    case: Case, company: Company, passed: PassedRecord, distance: Mapping[str, Any]
) -> Fraction:
    order, arrived = case.order, _before(case, passed, "arrived")
    worth = Fraction(distance["zones"].get(order.zone, 0))
    if not worth or arrived is None or order.building_id is None or passed.event.id is None:
        return worth
    crew = next(row.crew_id for row in case.assignments if row.id == passed.record.assignment_id)
    earlier = company.pay.first_of_trip(
        (crew, order.building_id),
        order.id,
        arrived.at,
        passed.event.id,
        distance["same_trip_minutes"],
    )
    return worth if earlier is None else Fraction(0)


def check_pay(case: Case, company: Company) -> Iterator[Difference]:
    """EARN entries of a passed order are its record's, once per person; others have none."""
    serial = case.order.serial
    earned = [entry for entry in case.entries if entry.kind == "EARN"]
    times = Counter(entry.technician_id for entry in earned)
    for who, count in times.items():
        if count > 1:
            yield Difference(CHECK, f"{serial} EARN of {who}", f"{count} entries", "one entry")
    if case.done("followed"):
        yield from _merged(case, earned)
        return
    passed = passed_record(case, company)
    if passed is None or passed.card is None:
        yield from _unearned(case, earned, passed)
        return
    shares = {UUID(each["technician_id"]): Fraction(each["share"]) for each in passed.record.shares}
    expected = earnings(
        worth_of(case, company, passed, passed.card),
        passed.card.point_minor,
        shares,
        company.technician_of[passed.record.completed_by],
    )
    for entry in earned:
        part = expected.get(entry.technician_id)
        yield from _entry(case, company, entry, part, passed, passed.card)
    for who in expected.keys() - times.keys():
        yield Difference(CHECK, f"{serial} EARN of {who}", "nothing", f"{expected[who].minor} fen")
    yield from _standing(case, company, passed, earned)


def _merged(case: Case, earned: list[LedgerEntry]) -> Iterator[Difference]:
    """A merged report pays 0 to whoever repaired the fault, and says with which order."""
    (event,) = case.done("followed")
    for entry in earned:
        subject = f"{case.order.serial} EARN of {entry.technician_id}"
        expected = {"points": Decimal(0), "amount_minor": 0, "rule": "piece", "cause": "followed"}
        yield from differ_in(CHECK, subject, entry, expected)
        said = (entry.inputs.get("completion_id"), entry.inputs.get("with"))
        told = (event.payload["record_id"], event.payload["with_serial"])
        yield from differ(CHECK, f"{subject} record", said, told)
    if not earned:
        yield Difference(CHECK, f"{case.order.serial} EARN", "nothing", "lines of 0")


def _unearned(
    case: Case, earned: list[LedgerEntry], passed: PassedRecord | None
) -> Iterator[Difference]:
    serial = case.order.serial
    if passed is not None:
        on = f"on {passed.record.done_at}"
        yield Difference(CHECK, f"{serial} rate card", "none in force", on)
    elif case.done("passed"):
        yield Difference(CHECK, f"{serial} passed", "no record", "a completion record")
    for entry in earned:
        subject = f"{serial} EARN of {entry.technician_id}"
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: not passed")


def _entry(
    case: Case,
    company: Company,
    entry: LedgerEntry,
    part: Earned | None,
    passed: PassedRecord,
    card: RateCard,
) -> Iterator[Difference]:
    subject = f"{case.order.serial} EARN of {entry.technician_id}"
    if part is None:
        yield Difference(CHECK, subject, f"{entry.amount_minor} fen", "nothing: has no share")
        return
    yield from _attribution(subject, case, company, entry)
    if _barred(case, company, entry):
        part = Earned(0, 0)
    yield from differ(CHECK, f"{subject} points", Fraction(entry.points) * 100, part.hundredths)
    expected = {
        "amount_minor": part.minor,
        "rate_card_id": card.id,
        "rule": "piece",
        "cause": "passed",
        "refers_to": None,
    }
    yield from differ_in(CHECK, subject, entry, expected)
    month = f"{local_day(passed.record, company.zone):%Y-%m}"
    allowed = company.pay.months(month, entry.created_at)
    if entry.period not in allowed:
        yield Difference(CHECK, f"{subject} period", entry.period, " or ".join(sorted(allowed)))
    said = entry.inputs.get("completion_id")
    yield from differ(CHECK, f"{subject} record", said, str(passed.record.id))


def _attribution(
    subject: str, case: Case, company: Company, entry: LedgerEntry
) -> Iterator[Difference]:
    """What a line says of a rework is what was decided by then; of before 2026-11 only pending."""
    repeats, said = company.pay.repeats.get(case.order.id), entry.inputs.get("attribution")
    if repeats is None:
        yield from differ(CHECK, f"{subject} attribution", said, None)
    elif said != "pending":
        yield from differ(CHECK, f"{subject} attribution", said, repeats.cause)
    elif repeats.decided_at is not None and repeats.decided_at < entry.created_at:
        yield Difference(CHECK, f"{subject} attribution", "pending", str(repeats.cause))


def _barred(case: Case, company: Company, entry: LedgerEntry) -> bool:
    """Who made a rework necessary gets nothing of it, once that is decided."""
    repeats = company.pay.repeats.get(case.order.id)
    if repeats is None or entry.inputs.get("attribution") != "workmanship":
        return False
    return entry.technician_id in company.pay.sharers.get(repeats.original_id, ())


def _standing(
    case: Case, company: Company, passed: PassedRecord, earned: list[LedgerEntry]
) -> Iterator[Difference]:
    """Confirmed when the call-back closed the order, a rework was attributed, or time ran out.

    An order that its call-back turned into a rework waits for the attribution, however long.
    """
    confirmed = {row.entry_id: row for row in case.standings if row.standing == "confirmed"}
    decided = any(each.cause is not None for each in company.pay.repeated.get(case.order.id, ()))
    expected = bool(case.done("closed")) or decided
    hours = 0 if case.done("reworked") else _hours(passed)
    for entry in earned:
        row = confirmed.get(entry.id or 0)
        waited = row is not None and hours and row.at - passed.event.at >= timedelta(hours=hours)
        subject = f"{case.order.serial} EARN of {entry.technician_id} confirmed"
        if not waited:
            yield from differ(CHECK, subject, row is not None, expected)


def _hours(passed: PassedRecord) -> int:
    """After how many hours without a call-back the card confirms what passed; 0 for never."""
    assert passed.card is not None
    month: Mapping[str, int] = passed.card.rules.get("month") or {}
    return month.get("confirm_hours", 0)
