"""An order's columns, folded from its events alone."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.verification.case import Case
from app.verification.difference import Difference, differ, differ_in
from app.verification.table import (
    HANDED_OUT,
    MOST_REBOOKINGS,
    MOST_TRANSFERS,
    PAGE,
)
from app.work_orders.models import WorkOrderEvent

CHECK = "states"


@dataclass(slots=True)
class Standing:
    """What the events make of an order; the names are the columns'."""

    state: str | None = None
    reported_at: datetime | None = None
    hold_reason: str | None = None
    hold_until: datetime | None = None
    held_from: str | None = None
    preferred_crew_id: UUID | None = None
    pinned: bool = False
    urges: int = 0
    supervision_level: int = 0
    transfers: int = 0
    rebookings: int = 0
    merged_into: UUID | None = None

    def take(self, event: WorkOrderEvent) -> None:
        """Live through one event."""
        if event.action in {"drafted", "submitted"}:
            self.reported_at = event.at
        if event.action in HANDED_OUT:
            self.preferred_crew_id, self.pinned = None, False
        self.urges += event.action == "urged"
        if event.action == "supervised":
            self.supervision_level = max(self.supervision_level, event.payload["level"])
        elif event.action == "supervision_answered":
            self.supervision_level = event.payload["remaining"]
        self.transfers += event.action == "transferred"
        self.rebookings += event.action == "rebooked"
        self._hold(event)
        if event.action == "pinned":
            self.preferred_crew_id = identifier(event.payload.get("crew_id"))
            self.pinned = self.preferred_crew_id is not None
        if event.action in {"merged", "split"}:
            self.merged_into = identifier(event.payload.get("into_order_id"))
        self.state = event.to_state

    def _hold(self, event: WorkOrderEvent) -> None:
        if event.action == "held":
            self.hold_reason = event.payload["reason"]
            self.hold_until = datetime.fromisoformat(event.payload["until"])
            self.held_from = event.from_state
            held_by = identifier(event.payload.get("crew_id"))
            self.preferred_crew_id = held_by or self.preferred_crew_id
        elif event.action == "resumed":
            self.hold_reason = self.hold_until = self.held_from = None


def identifier(value: Any) -> UUID | None:
    return UUID(value) if value else None


def check_states(case: Case) -> Iterator[Difference]:
    """Each event continues its predecessor by a line of the page; the last is where it stands."""
    serial = case.order.serial
    standing = Standing()
    for event in case.events:
        subject = f"{serial} #{event.seq} {event.action}"
        yield from differ(CHECK, f"{subject} from_state", event.from_state, standing.state)
        yield from _by_the_page(subject, event, standing)
        standing.take(event)
    if not case.events:
        yield Difference(CHECK, serial, f"state {case.order.state} without events", "drafted")
        return
    yield from differ_in(CHECK, serial, case.order, asdict(standing))
    yield from _appointment(case)
    yield from _limits(case, standing)


def _by_the_page(subject: str, event: WorkOrderEvent, standing: Standing) -> Iterator[Difference]:
    step = PAGE.get(event.action)
    if step is None:
        yield Difference(CHECK, subject, event.action, "an action of DOMAIN section 7")
        return
    if not step.leads(event.from_state, event.to_state):
        said = f"{event.from_state or 'nothing'} -> {event.to_state}"
        allowed = f"{'/'.join(sorted(step.sources))} -> {'/'.join(sorted(step.targets))}"
        yield Difference(CHECK, subject, said, f"{allowed} (row {step.row})")
    if event.action == "resumed" and event.to_state not in {"NEW", standing.held_from}:
        yield Difference(CHECK, subject, event.to_state, f"NEW or {standing.held_from}")


def _appointment(case: Case) -> Iterator[Difference]:
    moves = case.done("rebooked")
    if not moves:
        return
    slot = moves[-1].payload
    expected = {
        "appointment_from": datetime.fromisoformat(slot["from"]),
        "appointment_to": datetime.fromisoformat(slot["to"]),
    }
    yield from differ_in(CHECK, case.order.serial, case.order, expected)


def _limits(case: Case, standing: Standing) -> Iterator[Difference]:
    serial, order = case.order.serial, case.order
    if standing.transfers > MOST_TRANSFERS:
        yield Difference(CHECK, f"{serial} transfers", str(standing.transfers), "at most 2")
    if standing.rebookings > MOST_REBOOKINGS:
        yield Difference(CHECK, f"{serial} rebookings", str(standing.rebookings), "at most 2")
    if order.rework_of is not None and case.events[0].payload.get("rework_of") != str(
        order.rework_of
    ):
        said = case.events[0].payload.get("rework_of")
        yield from differ(CHECK, f"{serial} rework_of", order.rework_of, said)
