"""The service-level clocks K1-K8: pure steps over spans (DOMAIN section 7).

A span runs from `started_at` to `stopped_at`; gross is all of it, net leaves out the pauses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.work_orders.states import Action as A
from app.work_orders.states import State

STARTS: dict[A, tuple[str, ...]] = {
    A.SUBMITTED: ("K1", "K4", "K6", "SAFE"),
    A.SENT: ("K2",),
    A.RESENT: ("K2",),
    A.TRANSFERRED: ("K2",),
    A.WITHDRAWN: ("K1",),
    A.REFUSED: ("K1",),
    A.ACCEPT_EXPIRED: ("K1",),
    A.RETURNED: ("K1",),
    A.ACCEPTED: ("K3",),
    A.ARRIVED: ("K5",),
    A.COMPLETED: ("K7",),
    A.REJECTED: ("K6",),
    A.PASSED: ("K8",),
}
"""Which clocks a new span of which begins with the action."""

STOPS: dict[A, tuple[str, ...]] = {
    A.SENT: ("K1",),
    A.ACCEPTED: ("K2",),
    A.RESENT: ("K2",),
    A.REFUSED: ("K2",),
    A.ACCEPT_EXPIRED: ("K2",),
    A.WITHDRAWN: ("K2",),
    A.TRANSFERRED: ("K3",),
    A.RETURNED: ("K3",),
    A.CONTACTED: ("K3",),
    A.ARRIVED: ("K3", "K4"),
    A.RESTORED: ("K5",),
    A.MADE_SAFE: ("SAFE",),
    A.COMPLETED: ("K5", "K6", "SAFE"),
    A.REJECTED: ("K7",),
    A.PASSED: ("K7",),
}
"""Which running clocks the action stops; an action that ends the order stops them all."""

ENDS_ALL = frozenset({A.CANCELLED, A.CLOSED, A.REWORKED, A.SOLVED_BY_PHONE})

HOLD_PAUSES: Mapping[str, frozenset[str]] = {
    "customer_absent": frozenset({"K4", "K5", "K6"}),
    "quote_refused": frozenset({"K5", "K6"}),
    "waiting_parts": frozenset({"K5", "K6"}),
    "waiting_window": frozenset({"K5", "K6"}),
    "other_owner": frozenset({"K5", "K6"}),
    "weather_red": frozenset({"K4", "K5", "K6"}),
}
"""Which clocks' net time each hold reason stops (the hold table of DOMAIN section 7)."""


@dataclass(frozen=True, slots=True)
class Span:
    """One run of one clock; `number` counts from 1 within the order."""

    clock: str
    number: int
    started_at: datetime
    stopped_at: datetime | None = None
    paused_s: int = 0
    paused_since: datetime | None = None

    @property
    def running(self) -> bool:
        return self.stopped_at is None

    def gross_s(self, until: datetime) -> int:
        """Seconds from start to stop, or to `until` while it runs."""
        return max(0, round(((self.stopped_at or until) - self.started_at).total_seconds()))

    def net_s(self, until: datetime) -> int:
        """Gross seconds without the pauses."""
        open_pause = 0
        if self.paused_since is not None:
            open_pause = round(((self.stopped_at or until) - self.paused_since).total_seconds())
        return max(0, self.gross_s(until) - self.paused_s - max(0, open_pause))

    def due_at(self, limit_s: int | None) -> datetime | None:
        """When the net time reaches the limit; None while paused or without a limit."""
        if limit_s is None or self.paused_since is not None:
            return None
        return self.started_at + timedelta(seconds=limit_s + self.paused_s)


def _closed_pause(span: Span, at: datetime) -> Span:
    if span.paused_since is None:
        return span
    pause = max(0, round((at - span.paused_since).total_seconds()))
    return replace(span, paused_s=span.paused_s + pause, paused_since=None)


def _stopped(span: Span, at: datetime) -> Span:
    return replace(_closed_pause(span, at), stopped_at=max(at, span.started_at))


def advance(
    spans: Iterable[Span],
    action: A,
    to_state: State,
    at: datetime,
    hold_reason: str | None = None,
) -> list[Span]:
    """The spans after `action` led to `to_state` at `at`; `hold_reason` tells what pauses."""
    result: list[Span] = []
    stops = STOPS.get(action, ())
    pauses = HOLD_PAUSES.get(hold_reason or "", frozenset()) if action is A.HELD else frozenset()
    for span in spans:
        if span.running and (action in ENDS_ALL or span.clock in stops):
            span = _stopped(span, at)
        elif span.running and action is A.RESUMED:
            span = _closed_pause(span, at)
        elif span.running and span.clock in pauses and span.paused_since is None:
            span = replace(span, paused_since=max(at, span.started_at))
        elif span.running and action is A.HELD and span.clock in {"K1", "K2", "K3"}:
            span = _stopped(span, at)
        result.append(span)
    for clock in _started_by(action, to_state, result):
        number = 1 + sum(1 for span in result if span.clock == clock)
        result.append(Span(clock, number, at))
    return result


def _started_by(action: A, to_state: State, spans: list[Span]) -> tuple[str, ...]:
    clocks = STARTS.get(action, ())
    if action is A.RESUMED:
        clocks = {State.NEW: ("K1",), State.SENT: ("K2",)}.get(to_state, ())
    running = {span.clock for span in spans if span.running}
    started_before = {span.clock for span in spans}
    once = {"K5"}  # a second arrival after a transfer does not restart restoration
    return tuple(
        clock
        for clock in clocks
        if clock not in running and not (clock in once and clock in started_before)
    )
