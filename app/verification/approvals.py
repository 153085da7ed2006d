"""Two-person decisions: every request and every decision stands in a row and in an event."""

from collections.abc import Iterator
from datetime import datetime

from app.verification.assignments import holders
from app.verification.case import Case
from app.verification.difference import Difference, differ, differ_in, shown
from app.verification.table import DECIDED, PAGE
from app.work_orders.models import Approval, WorkOrderEvent

CHECK = "approvals"
KIND = {
    "hold_requested": "hold",
    "held": "hold",
    "hold_refused": "hold",
    "cancel_requested": "cancel",
    "cancelled": "cancel",
    "cancel_refused": "cancel",
}
WOULD = {"hold": "held", "cancel": "cancelled"}


def check_approvals(case: Case) -> Iterator[Difference]:
    """Holds and cancellations were asked by one person and decided by another (19, 23)."""
    stored = {str(row.id): row for row in case.approvals}
    asked: set[str] = set()
    decided: set[str] = set()
    holding = holders(case.events)
    for event in case.done(*KIND):
        approval_id = str(event.payload.get("approval_id"))
        subject = f"{case.order.serial} #{event.seq} {event.action}"
        row = stored.get(approval_id)
        if row is None:
            yield Difference(CHECK, subject, "no approval", f"approval {approval_id}")
        elif event.action in DECIDED:
            if approval_id in decided:
                yield Difference(CHECK, subject, "decided twice", "decided once")
            decided.add(approval_id)
            held = holding[event.seq]
            yield from _decision(subject, event, row, held.assigned_at if held else None)
        else:
            asked.add(approval_id)
            yield from _request(subject, event, row)
    for event in case.done("approval_escalated"):
        subject = f"{case.order.serial} #{event.seq} {event.action}"
        row = stored.get(str(event.payload.get("approval_id")))
        escalated_at = row.escalated_at if row else None
        yield from differ(CHECK, subject, escalated_at, event.at)
    for event in case.events:
        voided = event.payload.get("voided_approval_id")
        if voided is not None:
            decided.add(voided)
            yield from _void(case, event, stored.get(voided))
    for approval_id, row in stored.items():
        yield from _row(case, row, approval_id in asked, approval_id in decided)


def _request(subject: str, event: WorkOrderEvent, row: Approval) -> Iterator[Difference]:
    expected = {
        "action": KIND[event.action],
        "requested_by": event.actor_id,
        "requested_at": event.at,
    }
    yield from differ_in(CHECK, subject, row, expected)


def _decision(
    subject: str, event: WorkOrderEvent, row: Approval, assigned_at: datetime | None
) -> Iterator[Difference]:
    expected = {
        "action": KIND[event.action],
        "decided_by": event.actor_id,
        "approved": DECIDED[event.action],
    }
    yield from differ_in(CHECK, subject, row, expected)
    if row.requested_by == event.actor_id:
        yield Difference(CHECK, f"{subject} by", shown(event.actor_id), "another than who asked")
    if event.action == "held":
        # From the request on, or from when the present crew got the order if that was later.
        since = max(row.requested_at, assigned_at or row.requested_at)
        yield from differ_in(CHECK, subject, event, {"at": since})


def _void(case: Case, event: WorkOrderEvent, row: Approval | None) -> Iterator[Difference]:
    """A request ends undecided when the order goes where what it asks for cannot be done."""
    subject = f"{case.order.serial} #{event.seq} {event.action} voids"
    if row is None:
        said = str(event.payload["voided_approval_id"])
        yield Difference(CHECK, subject, "no approval", f"approval {said}")
        return
    yield from differ_in(CHECK, subject, row, {"approved": False, "decided_by": None})
    if event.to_state in PAGE[WOULD[row.action]].sources:
        yield Difference(CHECK, subject, f"{row.action} still possible", "a waiting request")


def _row(case: Case, row: Approval, asked: bool, decided: bool) -> Iterator[Difference]:
    subject = f"{case.order.serial} approval {row.id}"
    if not asked:
        yield Difference(CHECK, subject, f"{row.action} asked", "nothing: no event tells of it")
    if (row.decided_at is not None) != decided:
        stored = "decided" if row.decided_at else "waiting"
        yield Difference(CHECK, subject, stored, "decided" if decided else "waiting")
