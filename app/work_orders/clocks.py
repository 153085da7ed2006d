"""The service-level clocks K1-K8: pure steps over spans (DOMAIN section 7).

A span runs from `started_at` to `stopped_at`; gross is all of it, net leaves out the pauses and
what lies before the base that a customer's wish gave it. A completion that is rejected ended
nothing: what only it had ended goes on, without the time of the review, which is K7's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from app.catalogue.working_time import Limit
from app.work_orders.states import Action as A
from app.work_orders.states import State

STARTS: dict[A, tuple[str, ...]] = {
    A.SUBMITTED: ("K1", "K4", "K6", "SAFE"),
    A.SENT: ("K2",),
    A.RESENT: ("K2",),
    A.TRANSFERRED: ("K2",),
    A.WITHDRAWN: ("K1",),
    A.SPLIT: ("K1",),
    A.REFUSED: ("K1",),
    A.ACCEPT_EXPIRED: ("K1",),
    A.RETURNED: ("K1",),
    A.ACCEPTED: ("K3",),
    A.ARRIVED: ("K5",),
    A.COMPLETED: ("K7",),
    A.PASSED: ("K8",),
    A.FOLLOWED: ("K8",),
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

ENDS_ALL = frozenset({A.CANCELLED, A.CLOSED, A.REWORKED, A.SOLVED_BY_PHONE, A.MERGED})

UNTIL_COMPLETED = ("K5", "K6", "SAFE")
"""Which runs a completion ends, and its rejection takes up again (DOMAIN 7, rows 13 and 14: the
rejection gives K7 a second span, and no other clock)."""

UNTIL_SERVED = ("K4", "K5", "K6", "SAFE")
"""Which runs a merge ends, and a split takes up again as if it had not been: the customer waited
all the while (DOMAIN 7, rows 21 and 22)."""

ON_REBOOKING = ("K4", "K6")
"""Which net times begin with the appointed slot when it is the customer who wants it so."""

REBASED = "rebased"
"""A net time that stands still during the hold and begins anew when it ends; `paused` goes on."""


@dataclass(frozen=True, slots=True)
class Span:
    """One run of one clock; `number` counts from 1 within the order."""

    clock: str
    number: int
    started_at: datetime
    stopped_at: datetime | None = None
    paused_s: int = 0
    paused_since: datetime | None = None
    stopped_by: A | None = None

    @property
    def running(self) -> bool:
        return self.stopped_at is None

    def gross_s(self, until: datetime) -> int:
        """Seconds from start to stop, or to `until` while it runs."""
        return max(0, round(((self.stopped_at or until) - self.started_at).total_seconds()))

    def net_s(self, until: datetime) -> int:
        """Gross seconds without the pauses."""
        open_pause_s = self.open_pause_s(self.stopped_at or until)
        return max(0, self.gross_s(until) - self.paused_s - open_pause_s)

    def open_pause_s(self, until: datetime) -> int:
        """Seconds of the pause that has not ended; none before a base that lies ahead."""
        if self.paused_since is None:
            return 0
        begun = max(self.paused_since, self.started_at + timedelta(seconds=self.paused_s))
        return max(0, round((until - begun).total_seconds()))

    def due_at(self, limit: Limit | None) -> datetime | None:
        """When the net time reaches the limit; None while paused or without a limit."""
        if limit is None or self.paused_since is not None:
            return None
        return limit.due_at(self.started_at + timedelta(seconds=self.paused_s))


def _closed_pause(span: Span, at: datetime) -> Span:
    paused_s = span.paused_s + span.open_pause_s(at)
    return replace(span, paused_s=paused_s, paused_since=None)


def _only_completed(span: Span) -> bool:
    return span.clock in UNTIL_COMPLETED and span.stopped_by is A.COMPLETED


def _stopped(span: Span, at: datetime, by: A) -> Span:
    return replace(_closed_pause(span, at), stopped_at=max(at, span.started_at), stopped_by=by)


def _taken_up(span: Span, at: datetime) -> Span:
    """The run goes on as if the completion had not been; the time since then counts as paused."""
    reviewed = replace(span, stopped_at=None, stopped_by=None, paused_since=span.stopped_at)
    return _closed_pause(reviewed, at)


def _based(span: Span, base: datetime) -> Span:
    """The span with a net time that begins at `base`: all before counts as paused."""
    before_s = round((base - span.started_at).total_seconds())
    return replace(span, paused_s=max(span.paused_s, before_s))


def advance(
    spans: Iterable[Span],
    action: A,
    to_state: State,
    at: datetime,
    *,
    hold: Mapping[str, str] = MappingProxyType({}),
    base: datetime | None = None,
) -> list[Span]:
    """The spans after `action` led to `to_state` at `at`.

    `hold` says of the hold that begins or ends which clocks it pauses or rebases; `base` is where
    the net time of arrival and total begins, when the customer wants an appointment.
    """
    result: list[Span] = []
    stops = STOPS.get(action, ())
    for span in spans:
        if action is A.REJECTED and _only_completed(span):
            span = _taken_up(span, at)
        elif action is A.SPLIT and span.stopped_by is A.MERGED and span.clock in UNTIL_SERVED:
            span = replace(span, stopped_at=None, stopped_by=None)
        elif span.running and (action in ENDS_ALL or span.clock in stops):
            span = _stopped(span, at, action)
        elif span.running and action is A.RESUMED:
            span = _closed_pause(span, at)
            span = _based(span, at) if hold.get(span.clock) == REBASED else span
        elif span.running and action is A.HELD and span.clock in {"K1", "K2", "K3"}:
            span = _stopped(span, at, action)
        elif span.running and action is A.HELD and span.clock in hold:
            span = replace(span, paused_since=span.paused_since or max(at, span.started_at))
        result.append(span)
    for clock in _started_by(action, to_state, result):
        number = 1 + sum(1 for span in result if span.clock == clock)
        result.append(Span(clock, number, at))
    if base is None:
        return result
    return [
        _based(span, base) if span.running and span.clock in ON_REBOOKING else span
        for span in result
    ]


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
