"""Pay again: what a passed record earns whom (DOMAIN section 5)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from app.completions.models import CompletionRecord
from app.payouts.models import LedgerEntry, RateCard
from app.verification.arithmetic import Earned, earnings, exact, hundredths
from app.verification.case import Case, Company
from app.verification.difference import Difference, Unlike, differ, differ_in, shown, unlike
from app.work_orders.models import WorkOrderEvent

CHECK = "pay"


class PassedRecord(NamedTuple):
    """A passed record, with the event that passed it, its local day and the card of that day."""

    record: CompletionRecord
    event: WorkOrderEvent
    day: date
    card: RateCard | None


def passed_record(case: Case, company: Company) -> PassedRecord | None:
    """The order's passed record, if there is one."""
    for event in case.done("passed"):
        for row in case.records:
            if str(row.id) == str(event.payload.get("record_id")):
                day = local_day(row, company.zone)
                return PassedRecord(row, event, day, _card(company, day))
    return None


def month_of(day: date) -> str:
    """The month of a local day or time, `2026-01`."""
    return f"{day.year:04d}-{day.month:02d}"


def local_day(record: CompletionRecord, zone: ZoneInfo) -> date:
    """The day of completion where the company works; decides card and month."""
    return record.done_at.astimezone(zone).date()


def _card(company: Company, day: date) -> RateCard | None:
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
        exact(own) if own is not None else exact(fault.points) * exact(base["per_catalogue_point"])
    )
    if difficulty := rules.get("difficulty"):
        grade = judged.get("difficulty") or difficulty["faults"].get(fault.code, "normal")
        worth *= exact(difficulty["factors"][grade])
    if bands := rules.get("time"):
        worth *= _time(case, company, passed, bands)
    if distance := rules.get("distance"):
        worth += _distance(case, company, passed, distance)
    outcome = passed.record.outcome
    factor = rules["outcome_factors"][outcome]
    if outcome == "handed_over":
        factor = judged.get("handed_over", factor)
    return worth * exact(factor) / per_fen


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
    factors = [exact(1)]
    clock = at.time().isoformat()
    begins, ends = bands["night_from"], bands["night_until"]
    if (begins <= clock < ends) if begins <= ends else (clock >= begins or clock < ends):
        factors.append(exact(bands["night"]))
    off = {kind: exact(bands[kind]) for kind in ("rest", "holiday")}
    if any(factor != 1 for factor in off.values()):
        kind = company.day_type(at.date())
        factors += [off[kind]] if kind in off else []
    return max(factors)


def _distance(
    case: Case, company: Company, passed: PassedRecord, distance: Mapping[str, Any]
) -> Fraction:
    order, arrived = case.order, _before(case, passed, "arrived")
    worth = exact(distance["zones"].get(order.zone, 0))
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
    shares = {UUID(each["technician_id"]): exact(each["share"]) for each in passed.record.shares}
    expected = earnings(
        worth_of(case, company, passed, passed.card),
        passed.card.point_minor,
        shares,
        company.technician_of[passed.record.completed_by],
    )
    for entry in earned:
        part = expected.get(entry.technician_id)
        for what, stored, wanted in _entry(case, company, entry, part, passed, passed.card):
            subject = f"{serial} EARN of {entry.technician_id}{what}"
            yield Difference(CHECK, subject, shown(stored), shown(wanted))
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
) -> Iterator[Unlike]:
    if part is None:
        yield "", f"{entry.amount_minor} fen", "nothing: has no share"
        return
    yield from _attribution(case, company, entry)
    if _barred(case, company, entry):
        part = Earned(0, 0)
    yield from unlike(" points", hundredths(entry.points), part.hundredths)
    yield from unlike(" amount_minor", entry.amount_minor, part.minor)
    yield from unlike(" rate_card_id", entry.rate_card_id, card.id)
    yield from unlike(" rule", entry.rule, "piece")
    yield from unlike(" cause", entry.cause, "passed")
    yield from unlike(" refers_to", entry.refers_to, None)
    allowed = company.pay.months(month_of(passed.day), entry.created_at)
    if entry.period not in allowed:
        yield " period", entry.period, " or ".join(sorted(allowed))
    yield from unlike(" record", entry.inputs.get("completion_id"), str(passed.record.id))


def _attribution(case: Case, company: Company, entry: LedgerEntry) -> Iterable[Unlike]:
    """What a line says of a rework is what was decided by then; of before 2026-11 only pending."""
    repeats, said = company.pay.repeats.get(case.order.id), entry.inputs.get("attribution")
    if repeats is None:
        return unlike(" attribution", said, None)
    if said != "pending":
        return unlike(" attribution", said, repeats.cause)
    if repeats.decided_at is not None and repeats.decided_at < entry.created_at:
        return [(" attribution", "pending", str(repeats.cause))]
    return ()


def _barred(case: Case, company: Company, entry: LedgerEntry) -> bool:
    """Who made a rework necessary gets nothing of it, once that is decided."""
    repeats = company.pay.repeats.get(case.order.id)
    if repeats is None or entry.inputs.get("attribution") != "workmanship":
        return False
    return entry.technician_id in company.pay.sharers.get(company.pay.originals[repeats.id], ())


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
        if not waited and (row is not None) != expected:
            subject = f"{case.order.serial} EARN of {entry.technician_id} confirmed"
            yield Difference(CHECK, subject, str(row is not None), str(expected))


def _hours(passed: PassedRecord) -> int:
    """After how many hours without a call-back the card confirms what passed; 0 for never."""
    assert passed.card is not None
    month: Mapping[str, int] = passed.card.rules.get("month") or {}
    return month.get("confirm_hours", 0)
