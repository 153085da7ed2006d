"""The answer: who goes where and when, what it costs, and why the rest stays behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

TERMS = ("unserved", "late", "waiting", "travel", "overtime", "move", "area", "spread", "income")
"""The terms of a plan's price, in the order in which they are shown."""


class Visit(NamedTuple):
    """One stop of a route; all in seconds, times from the problem's time zero."""

    order_id: str
    travel_s: int
    """Driving from the previous stop."""
    arrival_s: int
    setup_s: int
    """Set-up paid here; 0 when the crew was already in the building."""
    wait_s: int
    """Idle time between the previous finish and this start: not driving, set-up or rest."""
    start_s: int
    finish_s: int
    late_s: int
    """How far the start lies behind the order's soft deadline."""


class TakenBreak(NamedTuple):
    """When a crew rests."""

    start_s: int
    finish_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What one crew does, in order."""

    crew_id: str
    visits: tuple[Visit, ...] = ()
    breaks: tuple[TakenBreak, ...] = ()
    end_s: int = 0
    """When the crew is done (and at its end place, if it has one); `ready_s` if it does nothing."""
    travel_s: int = 0
    """All driving, the way home included."""
    load_s: int = 0
    """Driving, set-up and work of this route, without what the crew had done before."""
    overtime_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an order is not in the plan: a stable code, its numbers, and a sentence to show."""

    code: str
    detail: Mapping[str, object] = field(default_factory=dict, hash=False)
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One route per crew, in the problem's order of crews, and the orders left out."""

    routes: tuple[Route, ...]
    unassigned: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict, hash=False)
    price: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Term (see `TERMS`) -> price in seconds."""
    total: int = 0
    parts: Mapping[str, int] = field(default_factory=dict, hash=False)
    """What each part of `solve` took off the price, in seconds, how many rounds it went, and how
    many searches went side by side. A part that did not run is not there."""

    @property
    def sequences(self) -> dict[str, tuple[str, ...]]:
        """Crew id -> its order ids: what a later `solve` takes as a warm start."""
        return {
            route.crew_id: tuple(visit.order_id for visit in route.visits) for route in self.routes
        }

    @property
    def crew_of(self) -> dict[str, str]:
        """Planned order id -> crew id."""
        return {visit.order_id: route.crew_id for route in self.routes for visit in route.visits}
