"""Lines of pay that ought to be there: for decisions, for good ratings, for work that lasted."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from app.payouts.models import LedgerEntry, PayAppeal
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ
from app.verification.pay import CHECK, passed_record
from app.verification.taking_back import appeals_of, check_taken_back, rest_at

REPEATS = (None, "workmanship", "part")
"""Causes of a repetition after which a repair was none that lasted; None is undecided."""


def check_missing(case: Case, company: Company) -> Iterator[Difference]:
    """Each decision has its line, each rating and each repair that lasted its bonus."""
    serial = case.order.serial
    causes = {entry.cause for entry in case.entries}
    for finding in company.pay.findings.get(case.order.id, ()):
        if f"finding:{finding.id}" not in causes:
            yield Difference(CHECK, f"{serial} {finding.kind}", "nothing", "a deduction")
    for each in company.pay.adjustments.get(case.order.id, ()):
        if each.approved and f"adjustment:{each.id}" not in causes:
            yield Difference(CHECK, f"{serial} adjustment", "nothing", f"{each.points} points")
    yield from _appeals(case, company)
    yield from _bonuses(case, company)
    own = company.pay.repeats.get(case.order.id)
    if own is not None:
        original_id = company.pay.originals[own.id]
        yield from differ(CHECK, f"{serial} repeats", own.original_id, original_id)
    for repeat in [*company.pay.repeated.get(case.order.id, ()), *([own] if own else [])]:
        if repeat.cause == "workmanship":
            original_id = company.pay.originals[repeat.id]
            yield from check_taken_back(case, company, str(repeat.id), original_id)


def _appeals(case: Case, company: Company) -> Iterator[Difference]:
    """A granted appeal brought back what was taken, or added what was agreed or asked for it."""
    lines = {entry.id: entry for entry in case.entries}
    for appeal in appeals_of(case, company):
        if appeal.company_verdict == "granted" and not _answered(
            case, company, appeal, lines[appeal.entry_id]
        ):
            subject = f"{case.order.serial} appeal against entry {appeal.entry_id}"
            yield Difference(CHECK, subject, "nothing", "a line: it was granted")


def _answered(case: Case, company: Company, appeal: PayAppeal, entry: LedgerEntry) -> bool:
    causes = {each.cause for each in case.entries}
    if appeal.points is None:
        assert appeal.company_at is not None
        posted = f"appeal:{appeal.id}:{entry.id}" in causes
        return posted or rest_at(entry, case, appeal.company_at) == 0
    asked = company.pay.adjustments.get(case.order.id, ())
    return f"appeal:{appeal.id}" in causes or any(
        (each.technician_id, each.points, each.proposed_by)
        == (entry.technician_id, appeal.points, appeal.company_by)
        for each in asked
    )


def _bonuses(case: Case, company: Company) -> Iterator[Difference]:
    """Whoever still had pay of the order when a bonus fell due has got it."""
    passed = passed_record(case, company)
    if passed is None or passed.card is None:
        return
    bonuses: Mapping[str, Any] = passed.card.rules.get("bonuses") or {}
    due: dict[str, datetime | None] = {"rating": None, "first-time-fix": None}
    for event in case.done("closed"):
        if Fraction((bonuses.get("rating") or {}).get(str(event.payload.get("rating")), 0)):
            due["rating"] = event.at
    if Fraction(bonuses.get("first_time_fix", 0)) and passed.record.outcome == "fixed":
        days = (passed.card.rules.get("rework_days") or {}).get(case.order.domain, 0)
        due["first-time-fix"] = _lasted(case, company, passed.record.done_at, days)
    for rule, at in due.items():
        got = {each.technician_id for each in case.entries if each.rule == rule}
        for entry in case.entries:
            owed = entry.kind == "EARN" and entry.points > 0 and entry.technician_id not in got
            if not owed or at is None or not _stands(entry, case):
                continue
            if rest_at(entry, case, at) > 0:
                subject = f"{case.order.serial} {rule} of {entry.technician_id}"
                yield Difference(CHECK, subject, "nothing", "a bonus")


def _stands(entry: LedgerEntry, case: Case) -> bool:
    """No reversal of it, not even of the same instant."""
    return not any(e.kind == "REVERSE" and e.refers_to == entry.id for e in case.entries)


def _lasted(case: Case, company: Company, done_at: datetime, days: int) -> datetime | None:
    """The last draft of a month, which brought in all that had lasted by then, if this had."""
    drafts = [act.at for act in company.pay.acts if act.act == "draft"]
    closed = [event.at for event in case.done("closed")]
    if not drafts or not closed or max(closed) >= max(drafts):
        return None
    if done_at + timedelta(days=days) >= max(drafts):
        return None
    for repeat in company.pay.repeated.get(case.order.id, ()):
        if repeat.cause in REPEATS or repeat.decided_at is None or repeat.decided_at >= max(drafts):
            return None
    return max(drafts)
