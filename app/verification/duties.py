"""Replies that are owed: every asking and every reply stands in a row and in an event (24, 25)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from app.verification.case import Case
from app.verification.difference import Difference, differ_in
from app.work_orders.models import ReplyDuty, WorkOrderEvent

CHECK = "duties"
ASKED = {"urged": "urge", "supervised": "supervision"}
ANSWERED = frozenset({"urge_answered", "supervision_answered"})


def check_duties(case: Case) -> Iterator[Difference]:
    """Who asked, how often it was the same urge, who replied, and that silence closes nothing."""
    rows = {str(row.id): row for row in case.duties}
    expected: dict[str, dict[str, Any]] = {}
    for event in case.done(*ASKED, *ANSWERED, "urge_merged"):
        duty_id = str(event.payload.get("duty_id"))
        subject = f"{case.order.serial} #{event.seq} {event.action}"
        if event.action in ASKED:
            expected[duty_id] = _begun(event)
        elif duty_id not in expected:
            yield Difference(CHECK, subject, f"duty {duty_id}", "one that was opened before")
        elif event.action == "urge_merged":
            expected[duty_id]["merged"] += 1
            expected[duty_id]["last_at"] = max(expected[duty_id]["last_at"], event.at)
        else:
            expected[duty_id] |= _closed(event)
    for duty_id, told in expected.items():
        subject = f"{case.order.serial} duty {duty_id}"
        row: ReplyDuty | None = rows.pop(duty_id, None)
        if row is None:
            yield Difference(CHECK, subject, "nothing", "a reply that is owed")
        else:
            yield from differ_in(CHECK, subject, row, told)
    for duty_id in rows:
        yield Difference(CHECK, f"{case.order.serial} duty {duty_id}", "a duty", "no event")


def _begun(event: WorkOrderEvent) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": ASKED[event.action],
        "level": event.payload.get("level", 0),
        "reason": event.payload["reason"],
        "opened_at": event.at,
        "opened_by": event.actor_id,
        "last_at": event.at,
        "merged": 0,
        "answered_at": None,
        "answered_by": None,
        "reply": None,
    }
    if "due_at" in event.payload:
        told["due_at"] = datetime.fromisoformat(event.payload["due_at"])
    return told


def _closed(event: WorkOrderEvent) -> dict[str, Any]:
    return {
        "answered_at": event.at,
        "answered_by": event.actor_id,
        "reply": event.payload["reply"],
    }
