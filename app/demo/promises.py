"""What the service promised of arrivals, and how far the crews were from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median
from typing import Any


@dataclass(frozen=True, slots=True)
class Promise:
    """What the service said of one arrival, shortly after the crew set out."""

    order_id: str
    asked_at: datetime
    arrive_at: datetime
    earliest_at: datetime
    latest_at: datetime
    source: str

    @classmethod
    def of(cls, told: Mapping[str, Any], asked_at: datetime) -> "Promise":
        """From the answer of `GET /work-orders/{id}/eta`."""
        times = {
            name: datetime.fromisoformat(told[name])
            for name in ("arrive_at", "earliest_at", "latest_at")
        }
        return cls(order_id=told["order_id"], asked_at=asked_at, source=told["source"], **times)

    def missed_min(self, arrived_at: datetime) -> float:
        """Minutes by which the crew came after the promised instant; negative before it."""
        return (arrived_at - self.arrive_at).total_seconds() / 60

    def held(self, arrived_at: datetime) -> bool:
        """Whether the crew came inside the promised spread."""
        return self.earliest_at <= arrived_at <= self.latest_at


def arrival_after(promise: Promise, events: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When the crew of the promise arrived; None when its way ended otherwise."""
    for event in events:
        at = datetime.fromisoformat(event["at"])
        if at > promise.asked_at and event["action"] in ("arrived", "departed"):
            return at if event["action"] == "arrived" else None
    return None


def promise_figures(
    promises: Sequence[Promise], events: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """How far the promised arrivals were from the real ones, in minutes; `events` by order id."""
    kept = [
        (promise, arrived_at)
        for promise in promises
        if (arrived_at := arrival_after(promise, events.get(promise.order_id, ())))
    ]
    if not kept:
        return {"asked": len(promises), "arrived": 0}
    missed = [promise.missed_min(arrived_at) for promise, arrived_at in kept]
    return {
        "asked": len(promises),
        "arrived": len(kept),
        "median_abs_error_min": round(median(map(abs, missed)), 2),
        "mean_abs_error_min": round(fmean(map(abs, missed)), 2),
        "median_late_min": round(median(missed), 2),
        "inside_spread_share": _share(promise.held(at) for promise, at in kept),
        "spread_promises": 0.8,
        "from_roads_share": _share(promise.source == "osrm" for promise, _ in kept),
    }


def _share(each: Iterable[bool]) -> float:
    told = list(each)
    return round(sum(told) / len(told), 4)
