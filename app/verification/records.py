"""Completion records, reviews and call-backs: one row per event, and the same said in both."""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.models import FaultCode
from app.completions.contributions import Contribution
from app.completions.models import CompletionRecord
from app.verification.assignments import holders
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ, differ_in, shown
from app.work_orders.models import WorkOrderEvent

CHECK = "records"
DECISION = {"passed": "passed", "rejected": "rejected"}
FILE_LETTERS = frozenset("BFGCWX")
READING_LETTERS = frozenset("RTPVIM")
PERMIT_LEVEL = 4
MOST_TRIES = 3
"""Then an order is closed as unreached (16)."""


def check_records(case: Case, company: Company) -> Iterator[Difference]:
    """Events 13 to 17 and the rows they wrote tell the same story."""
    yield from _completions(case, company)
    yield from _reviews(case)
    yield from _revisits(case)


def _completions(case: Case, company: Company) -> Iterator[Difference]:
    stored = {str(row.id): row for row in case.records}
    fault = company.faults.get(case.order.fault_code_id)
    holding = holders(case.events)
    for attempt, event in enumerate(case.done("completed"), start=1):
        subject = f"{case.order.serial} #{event.seq} completed"
        row = stored.pop(str(event.payload.get("record_id")), None)
        if row is None:
            yield Difference(CHECK, subject, "no record", f"{event.payload.get('record_id')}")
            continue
        expected = {
            "attempt": attempt,
            "assignment_id": event.assignment_id,
            "completed_by": event.actor_id,
            "done_at": event.at,
            "outcome": event.payload.get("outcome"),
            "cause_code": event.payload.get("cause_code"),
        }
        yield from differ_in(CHECK, subject, row, expected)
        files = [each["file_id"] for each in row.manifest]
        yield from differ(CHECK, f"{subject} files", files, event.payload.get("files"))
        yield from _shares(subject, row)
        held = holding[event.seq]
        crew = company.members.get(held.crew_id, []) if held else []
        strangers = {each["technician_id"] for each in row.shares}.difference(
            str(member.technician_id) for member in crew
        )
        for stranger in sorted(strangers):
            yield Difference(CHECK, f"{subject} shares", stranger, "members of the crew")
        if fault is not None:
            noted = _noted(case, event, row)
            yield from _demanded(subject, row, noted, fault, event.client_at or event.at)
        yield from _arrival(subject, case, event, row)
    for record_id in stored:
        yield Difference(CHECK, f"{case.order.serial} record {record_id}", "a record", "no event")


def _noted(case: Case, done: WorkOrderEvent, row: CompletionRecord) -> list[Contribution]:
    """What the crew had contributed when the record was written."""
    before = {
        event.payload.get("contribution_id") for event in case.done("noted") if event.seq < done.seq
    }
    return [
        each
        for each in case.contributions
        if each.assignment_id == row.assignment_id and str(each.id) in before
    ]


def _arrival(
    subject: str, case: Case, done: WorkOrderEvent, row: CompletionRecord
) -> Iterator[Difference]:
    """An arrival that nothing proved is shown by a photo."""
    arrivals = [event for event in case.done("arrived") if event.seq < done.seq]
    if not arrivals or not arrivals[-1].payload.get("photo_wanted"):
        return
    files = [*row.manifest, *(each for noted in _noted(case, done, row) for each in noted.files)]
    if all(each["kind"] != "A" for each in files):
        yield Difference(CHECK, f"{subject} arrival", "unproved", "a photo of kind A")


def _shares(subject: str, row: CompletionRecord) -> Iterator[Difference]:
    shares = [Fraction(each["share"]) for each in row.shares]
    yield from differ(CHECK, f"{subject} sum of shares", sum(shares), Fraction(1))
    if any(share < 0 for share in shares):
        yield Difference(CHECK, f"{subject} shares", "a negative share", "none below 0")


def _demanded(
    subject: str,
    row: CompletionRecord,
    noted: list[Contribution],
    fault: FaultCode,
    done_at: datetime,
) -> Iterator[Difference]:
    """What DOMAIN section 4 demands of a repair that was done, and a permit closed by `done_at`.

    `done_at` is the device's own time where there is one: its clock told `closed_at` too.
    """
    if row.outcome != "fixed":
        return
    letters = set(fault.evidence) | {"F"}
    files = [*row.manifest, *(each for more in noted for each in more.files)]
    readings = [*row.readings, *(each for more in noted for each in more.readings)]
    shown_kinds = {each["kind"] for each in files}
    read_kinds = {each["kind"] for each in readings}
    for letter in sorted((letters & FILE_LETTERS) - shown_kinds):
        yield Difference(CHECK, f"{subject} files", "/".join(sorted(shown_kinds)), letter)
    for letter in sorted((letters & READING_LETTERS) - read_kinds):
        yield Difference(CHECK, f"{subject} readings", "/".join(sorted(read_kinds)), letter)
    closed_at: Any = (row.permit or {}).get("closed_at")
    permit = "W" in letters or fault.safety_level >= PERMIT_LEVEL
    if permit and (closed_at is None or datetime.fromisoformat(closed_at) > done_at):
        yield Difference(CHECK, f"{subject} permit", shown(closed_at), "closed by completion")


def _reviews(case: Case) -> Iterator[Difference]:
    stored = {str(row.completion_id): row for row in case.reviews}
    latest: str | None = None
    for event in case.done("completed", *DECISION):
        if event.action == "completed":
            latest = event.payload.get("record_id")
            continue
        subject = f"{case.order.serial} #{event.seq} {event.action}"
        yield from differ(CHECK, f"{subject} record", event.payload.get("record_id"), latest)
        row = stored.pop(str(event.payload.get("record_id")), None)
        if row is None:
            yield Difference(CHECK, subject, "no review", f"a review of {latest}")
            continue
        expected = {
            "decision": DECISION[event.action],
            "reviewed_by": event.actor_id,
            "reason": event.payload.get("reason"),
            "judgement": event.payload.get("judgement"),
        }
        yield from differ_in(CHECK, subject, row, expected)
    for completion_id in stored:
        subject = f"{case.order.serial} review of {completion_id}"
        yield Difference(CHECK, subject, "a review", "no event")


def _revisits(case: Case) -> Iterator[Difference]:
    stored = {str(row.id): row for row in case.revisits}
    told: set[str] = set()
    for event in case.done("revisit_tried", "closed", "reworked"):
        subject = f"{case.order.serial} #{event.seq} {event.action}"
        revisit_id = str(event.payload.get("revisit_id"))
        told.add(revisit_id)
        row = stored.get(revisit_id)
        if row is None:
            yield Difference(CHECK, subject, "no call-back", f"call-back {revisit_id}")
            continue
        expected: dict[str, Any] = {
            "called_by": event.actor_id,
            "attempt": event.payload.get("attempt"),
        }
        if event.action == "revisit_tried":
            expected["reached"] = False
        else:
            expected["rating"] = event.payload.get("rating")
            expected["solved"] = _solved(event.action, row.attempt)[row.reached]
        yield from differ_in(CHECK, subject, row, expected)
        said = event.payload.get("rework_order_id")
        rework = str(row.rework_order_id) if row.rework_order_id else None
        yield from differ(CHECK, f"{subject} rework", rework, said)
    for revisit_id in stored.keys() - told:
        subject = f"{case.order.serial} call-back {revisit_id}"
        yield Difference(CHECK, subject, "a call-back", "no event")


def _solved(action: str, attempt: int) -> dict[bool, bool | str | None]:
    """What `solved` must be, by reached or not: only a third try closes without an answer."""
    unreached = None if action == "closed" and attempt >= MOST_TRIES else "an answer"
    return {True: action == "closed", False: unreached}


async def check_reworks(session: AsyncSession) -> list[Difference]:
    """A rework points back to the closed order whose call-back opened it, and that to it (17)."""
    found = await session.execute(
        text(
            "SELECT child.serial, parent.serial, parent.state, revisit.id"
            " FROM work_orders child LEFT JOIN work_orders parent ON parent.id = child.rework_of"
            " LEFT JOIN revisits revisit ON revisit.rework_order_id = child.id"
            " AND revisit.order_id = parent.id"
            " WHERE child.rework_of IS NOT NULL"
            " AND (revisit.id IS NULL OR parent.state <> 'CLOSED') ORDER BY child.serial"
        )
    )
    missing = [
        Difference(CHECK, f"{child} rework_of", f"{parent} ({state})", "a closed order's rework")
        for child, parent, state, _ in found
    ]
    found = await session.execute(
        text(
            "SELECT parent.serial, revisit.rework_order_id FROM revisits revisit"
            " JOIN work_orders parent ON parent.id = revisit.order_id"
            " LEFT JOIN work_orders child ON child.id = revisit.rework_order_id"
            " AND child.rework_of = parent.id"
            " WHERE revisit.rework_order_id IS NOT NULL AND child.id IS NULL"
            " ORDER BY parent.serial"
        )
    )
    return missing + [
        Difference(CHECK, f"{parent} rework {child_id}", "points elsewhere", f"back to {parent}")
        for parent, child_id in found
    ]


async def check_followed(session: AsyncSession) -> list[Difference]:
    """A merged report follows a record that repaired; none is left behind one that ended (22)."""
    found = await session.execute(
        text(
            "SELECT twin.serial, r.outcome FROM work_order_events f"
            " JOIN work_orders twin ON twin.id = f.order_id"
            " LEFT JOIN completion_records r ON r.id = (f.payload->>'record_id')::uuid"
            "  AND r.order_id = (f.payload->>'with_order_id')::uuid"
            " WHERE f.action = 'followed' AND (r.outcome LIKE 'fixed%') IS NOT TRUE"
            " ORDER BY twin.serial"
        )
    )
    wrong = [
        Difference(CHECK, f"{serial} followed", shown(outcome), "a repair")
        for serial, outcome in found
    ]
    found = await session.execute(
        text(
            "SELECT twin.serial, main.serial, main.state FROM work_orders twin"
            " JOIN work_orders main ON main.id = twin.merged_into WHERE twin.state = 'MERGED'"
            " AND main.state IN ('REVISIT', 'CLOSED', 'CANCELLED') ORDER BY twin.serial"
        )
    )
    return wrong + [
        Difference(CHECK, f"{serial} merged into {main}", state, "an order that goes on")
        for serial, main, state in found
    ]
