"""Who held the order and when, reconstructed from the events."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.verification.case import Case
from app.verification.difference import Difference, differ, differ_in
from app.verification.table import HANDED_OUT
from app.work_orders.models import WorkOrderEvent

CHECK = "assignments"
LETS_GO = frozenset({"NEW", "RETURNED", "HOLD", "CLOSED", "CANCELLED", "MERGED"})
"""In these states nobody holds the order."""


@dataclass(slots=True)
class Holding:
    """An assignment as the events tell it; the names are the columns'."""

    crew_id: UUID
    how: str
    reason: str | None
    assigned_by: UUID | None
    assigned_at: datetime
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None


@dataclass(slots=True)
class Hands:
    """The fold: every holding by its id, and the one of now."""

    all: dict[UUID, Holding]
    now: UUID | None = None

    def take(self, event: WorkOrderEvent) -> None:
        """Live through one event."""
        resumed_with_crew = event.action == "resumed" and event.to_state not in LETS_GO
        if event.action in HANDED_OUT or resumed_with_crew:
            self._end(event)
            self._begin(event, resumed=resumed_with_crew)
        elif event.to_state in LETS_GO:
            self._end(event)
        if event.action == "accepted" and self.now is not None:
            self.all[self.now].accepted_at = event.at

    def _begin(self, event: WorkOrderEvent, *, resumed: bool) -> None:
        if event.assignment_id is None:
            return  # told as a difference of the event's assignment
        said: dict[str, Any] = event.payload
        back_in_work = resumed and event.to_state != "SENT"
        self.now = event.assignment_id
        self.all[self.now] = Holding(
            crew_id=UUID(said["crew_id"]),
            how="auto" if resumed else said["how"],
            reason="resumed" if resumed else said.get("reason"),
            assigned_by=event.actor_id,
            assigned_at=event.at,
            accepted_at=event.at if back_in_work else None,
        )

    def _end(self, event: WorkOrderEvent) -> None:
        if self.now is not None:
            self.all[self.now].ended_at = event.at
            self.all[self.now].ended_why = event.action
        self.now = None


def holders(events: Iterable[WorkOrderEvent]) -> dict[int, Holding | None]:
    """Who held the order when each event (by seq) came; none for what came before a crew."""
    hands = Hands({})
    found: dict[int, Holding | None] = {}
    for event in events:
        found[event.seq] = hands.all[hands.now] if hands.now is not None else None
        hands.take(event)
    return found


def check_assignments(case: Case) -> Iterator[Difference]:
    """Stored assignments are those of the events; at most one is current and the order names it."""
    serial = case.order.serial
    hands = Hands({})
    for event in case.events:
        before = len(hands.all)
        hands.take(event)
        subject = f"{serial} #{event.seq} {event.action} assignment"
        if event.assignment_id is None and event.action in HANDED_OUT:
            yield Difference(CHECK, subject, "nothing", "a new assignment")
        elif event.action in HANDED_OUT and len(hands.all) == before:
            yield Difference(CHECK, subject, str(event.assignment_id), "a new assignment")
        yield from differ(CHECK, subject, event.assignment_id, hands.now)
    yield from _rows(case, hands)
    yield from differ(CHECK, f"{serial} assignment_id", case.order.assignment_id, hands.now)
    current = [row.id for row in case.assignments if row.ended_at is None]
    yield from differ(CHECK, f"{serial} current", current, [hands.now] if hands.now else [])


def _rows(case: Case, hands: Hands) -> Iterator[Difference]:
    stored = {row.id: row for row in case.assignments}
    for assignment_id, holding in hands.all.items():
        subject = f"{case.order.serial} assignment {assignment_id}"
        row = stored.pop(assignment_id, None)
        if row is None:
            yield Difference(CHECK, subject, "nothing", f"crew {holding.crew_id}")
        else:
            yield from differ_in(CHECK, subject, row, asdict(holding))
    for assignment_id, row in stored.items():
        subject = f"{case.order.serial} assignment {assignment_id}"
        yield Difference(CHECK, subject, f"crew {row.crew_id}", "nothing: no event tells of it")
