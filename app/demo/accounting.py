"""The day's figures, read back through the API as a manager would, and from the push server."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.core import clock
from app.demo.board import IN_FLIGHT
from app.demo.client import Caller
from app.demo.many import some_at_once

_AROUND_SLOT = timedelta(minutes=30)
Json = dict[str, Any]


@dataclass(slots=True)
class Story:
    """One order with everything that was recorded of it."""

    order: Json
    """With clocks."""
    events: list[Json]
    plan_reasons: list[Json]
    planned: bool
    """A visit is planned, but not due yet."""
    files: list[Json]

    def explanation(self) -> str | None:
        """Why the order is not closed, when that is in order; None otherwise."""
        state = self.order["state"]
        if state == "HOLD" and _instant(self.order["hold_until"]) > clock.now():
            return f"held until {self.order['hold_until']} ({self.order['hold_reason']})"
        if state == "CANCELLED" and self.last("cancelled").get("approval_id"):
            return f"cancelled with approval: {self.last('cancelled').get('reason')}"
        if state == "RETURNED":
            why = self.events[-1]["payload"].get("reason")
            return f"returned: {why}" if why else None
        if state == "NEW" and self.plan_reasons:
            return f"not planned: {self.plan_reasons[0]['code']}"
        return None

    def in_flight(self) -> bool:
        """Whether work on it goes on: with a crew, a desk, or planned for later."""
        return self.order["state"] in IN_FLIGHT or (self.order["state"] == "NEW" and self.planned)

    def last(self, action: str) -> Json:
        """The payload of the last event of this action; empty when there is none."""
        found = [event["payload"] for event in self.events if event["action"] == action]
        payload: Json = found[-1] if found else {}
        return payload

    def arrived_in_time(self) -> bool | None:
        """Whether the crew came in time; None while it still may.

        With an appointment that is within 30 minutes around the slot (DOMAIN section 3, H4), else
        before the limit of the arrival clock.
        """
        if self.order["appointment_to"]:
            return self._arrived_in_slot()
        spans = [each for each in self.order["clocks"] if each["clock"] == "K4" and each["due_at"]]
        if not spans:
            return None
        end = _instant(spans[-1]["stopped_at"]) if spans[-1]["stopped_at"] else clock.now()
        in_time = end <= _instant(spans[-1]["due_at"])
        return None if in_time and not spans[-1]["stopped_at"] else in_time

    def _arrived_in_slot(self) -> bool | None:
        earliest = _instant(self.order["appointment_from"]) - _AROUND_SLOT
        latest = _instant(self.order["appointment_to"]) + _AROUND_SLOT
        came = [_instant(each["at"]) for each in self.events if each["action"] == "arrived"]
        if came:
            return earliest <= came[0] <= latest
        return False if clock.now() > latest else None

    def crew_seconds(self) -> float:
        """Business seconds from each departure to the end of that visit."""
        total, since = 0.0, None
        for event in self.events:
            at = _instant(event["at"])
            if event["action"] == "departed":
                since = at
            elif since is not None and event["to_state"] not in ("ENROUTE", "ONSITE", "WORKING"):
                total += (at - since).total_seconds()
                since = None
        return total


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def read_stories(manager: Caller) -> list[Story]:
    """Every order of the company with its history."""
    orders = await manager.pages("/work-orders")
    return await some_at_once([each["id"] for each in orders], lambda key: _story(manager, key))


async def _story(manager: Caller, order_id: str) -> Story:
    order = await manager.get(f"/work-orders/{order_id}")
    timeline = await manager.get(f"/work-orders/{order_id}/timeline")
    evidence = await manager.get(f"/work-orders/{order_id}/evidence")
    plan: Json = {"reasons": [], "visit": None}
    if order["state"] == "NEW":
        plan = await manager.get(f"/work-orders/{order_id}/plan")
    files = [each for each in evidence["files"] if each["state"] == "verified"]
    planned = plan["visit"] is not None
    return Story(order, timeline["events"], plan["reasons"], planned, files)


def order_figures(stories: Sequence[Story], posted: int) -> Json:
    """Counts and shares of orders; reworks are orders too, though nobody posted them."""
    total = len(stories) or 1
    by_state = Counter(story.order["state"] for story in stories)
    open_ones = [story for story in stories if story.order["state"] != "CLOSED"]
    in_flight = [story for story in open_ones if story.in_flight()]
    unexplained = [
        story for story in open_ones if not story.in_flight() and story.explanation() is None
    ]
    return {
        "posted": posted,
        "reworks": sum(story.order["rework_of"] is not None for story in stories),
        "by_state": dict(sorted(by_state.items())),
        "closed_share": round(by_state["CLOSED"] / total, 4),
        "in_flight": len(in_flight),
        "in_flight_share": round(len(in_flight) / total, 4),
        "explained": len(open_ones) - len(in_flight) - len(unexplained),
        "unexplained": len(unexplained),
    }


def arrival_figures(stories: Sequence[Story]) -> Json:
    """Share of orders whose arrival clock kept its limit, of those decided."""
    decided = [kept for story in stories if (kept := story.arrived_in_time()) is not None]
    share = round(sum(decided) / len(decided), 4) if decided else 0.0
    return {"decided": len(decided), "within_limit_share": share}


def evidence_figures(stories: Sequence[Story]) -> Json:
    """Verified files and their bytes."""
    files = [each for story in stories for each in story.files]
    return {"files": len(files), "bytes": sum(each["size_bytes"] for each in files)}
