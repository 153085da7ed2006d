"""The service-level clocks again: what runs in which state, and what marks begin and end it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.catalogue.working_time import Limit
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ, differ_in
from app.work_orders.models import OrderClock, WorkOrder, WorkOrderEvent

CHECK = "clocks"
OVER = frozenset({"CLOSED", "CANCELLED", "MERGED"})

IN_STATE = {"K1": {"NEW", "RETURNED"}, "K2": {"SENT"}, "K7": {"DONE"}, "K8": {"REVISIT"}}
"""Dispatch, acceptance, review and call-back are waited for while the order stands there."""
BEGIN = {
    "submitted": ("K4", "K6", "SAFE"),
    "accepted": ("K3",),
    "arrived": ("K5",),
}
END = {
    "contacted": ("K3",),
    "transferred": ("K3",),
    "returned": ("K3",),
    "held": ("K3",),
    "arrived": ("K3", "K4"),
    "restored": ("K5",),
    "made_safe": ("SAFE",),
    "completed": ("K5", "K6", "SAFE"),
}
ONLY_ONCE = frozenset({"K5"})
"""Restoration counts from the first arrival, whoever comes after."""
NOT_YET = frozenset({"K5", "K6", "SAFE"})
"""What a rejected completion did not end after all; the review's time is no one's but K7's."""
SERVED_ELSEWHERE = frozenset({"K4", "K5", "K6", "SAFE"})
"""What goes on after a split as if the order had never been merged."""
FROM_THE_SLOT = {"K4", "K6"}
"""Whose net time begins with the slot that the customer wished for."""


@dataclass(slots=True)
class Run:
    """One span; the names are the columns'."""

    started_at: datetime
    stopped_at: datetime | None = None
    paused_s: int = 0
    paused_since: datetime | None = None
    stopped_by: str | None = None

    def pause(self, at: datetime) -> None:
        """A hold that counts from before the span began pauses it from its beginning."""
        if self.paused_since is None:
            self.paused_since = max(at, self.started_at)

    def go_on(self, at: datetime) -> None:
        """What lay before a base counts as paused already."""
        if self.paused_since is None:
            return
        base = self.started_at + timedelta(seconds=self.paused_s)
        stood_s = (at - max(self.paused_since, base)) / timedelta(seconds=1)
        self.paused_s += max(0, round(stood_s))
        self.paused_since = None

    def begin_anew(self, base: datetime) -> None:
        before_s = round((base - self.started_at) / timedelta(seconds=1))
        self.paused_s = max(self.paused_s, before_s)

    def stop(self, at: datetime, by: str) -> None:
        self.go_on(at)
        self.stopped_at = max(at, self.started_at)
        self.stopped_by = by

    def take_up(self, at: datetime) -> None:
        """The completion that ended it was rejected."""
        self.paused_since = self.stopped_at
        self.stopped_at = self.stopped_by = None
        self.go_on(at)

    def due_at(self, limit: Limit | None) -> datetime | None:
        if limit is None or self.paused_since is not None:
            return None
        return limit.due_at(self.started_at + timedelta(seconds=self.paused_s))


@dataclass(slots=True)
class Watch:
    """Every clock of one order."""

    limits: dict[str, Limit]
    runs: dict[str, list[Run]] = field(default_factory=dict)
    arrive_by: datetime | None = None

    def running(self) -> dict[str, Run]:
        return {
            clock: runs[-1]
            for clock, runs in self.runs.items()
            if runs and runs[-1].stopped_at is None
        }

    def take(self, event: WorkOrderEvent) -> None:
        """Live through one event: stop, pause or go on, then start."""
        for clock, run in self.running().items():
            effect = event.payload.get("clocks", {}).get(clock)
            if self._ends(clock, event):
                run.stop(event.at, event.action)
            elif event.action == "resumed":
                run.go_on(event.at)
                if effect == "rebased":
                    run.begin_anew(event.at)
            elif event.action == "held" and effect is not None:
                run.pause(event.at)
        if event.action == "rejected":
            for clock in NOT_YET & self.runs.keys():
                if self.runs[clock][-1].stopped_by == "completed":
                    self.runs[clock][-1].take_up(event.at)
        if event.action == "split":
            for clock in SERVED_ELSEWHERE & self.runs.keys():
                last = self.runs[clock][-1]
                if last.stopped_by == "merged":
                    last.stopped_at = last.stopped_by = None
        for clock in self._begun_by(event):
            if clock not in self.running() and not (clock in ONLY_ONCE and clock in self.runs):
                self.runs.setdefault(clock, []).append(Run(event.at))
        if event.payload.get("base"):
            for clock in FROM_THE_SLOT & self.running().keys():
                self.running()[clock].begin_anew(datetime.fromisoformat(event.payload["base"]))
        if (arrival := self.running().get("K4")) is not None:
            self.arrive_by = arrival.due_at(self.limits.get("K4"))

    def owe_the_slot(self, order: WorkOrder) -> None:
        """Bookable work has no limit of arrival but its slot and a tolerance (DOMAIN 3, H4)."""
        around, arrivals, ends = self.limits.get("SLOT"), self.runs.get("K4"), order.appointment_to
        if around is None or not arrivals or "K4" in self.limits or ends is None:
            return
        assert order.appointment_from is not None
        counts_from = [arrivals[0].started_at]
        if arrivals[0].paused_s > 0:
            counts_from.append(order.appointment_from)
        slot_s = max(0, round((ends - max(counts_from)) / timedelta(seconds=1)))
        self.limits = {**self.limits, "K4": Limit(slot_s + around.seconds)}

    def _ends(self, clock: str, event: WorkOrderEvent) -> bool:
        if event.to_state in OVER or clock in END.get(event.action, ()):
            return True
        stands_in = IN_STATE.get(clock)
        if stands_in is None:
            return False
        return event.to_state not in stands_in or event.action == "resent"

    def _begun_by(self, event: WorkOrderEvent) -> list[str]:
        if event.to_state in OVER:
            return []
        here = [clock for clock, states in IN_STATE.items() if event.to_state in states]
        return here + list(BEGIN.get(event.action, ()))

    def next_due(self) -> datetime | None:
        """The earliest limit of what still runs."""
        dues = (run.due_at(self.limits.get(clock)) for clock, run in self.running().items())
        return min((due for due in dues if due is not None), default=None)


def check_clocks(case: Case, company: Company) -> Iterator[Difference]:
    """Stored spans, limits and due times are those of the events."""
    order = case.order
    key = (order.service_profile_id, order.service_class, order.domain, order.zone)
    watch = Watch(company.limits.get(key, {}))
    for event in case.events:
        watch.take(event)
    watch.owe_the_slot(order)
    yield from _told(case, company)
    yield from _spans(case, watch)
    over = order.state in OVER
    expected = {
        "due_at": None if over else watch.next_due(),
        "arrive_by": order.appointment_to or watch.arrive_by,
    }
    yield from differ_in(CHECK, order.serial, order, expected)


def _told(case: Case, company: Company) -> Iterator[Difference]:
    """What the events say of clocks is what the policy and the wish of the customer make of it."""
    begun: dict[str, str] = {}
    for event in case.events:
        subject = f"{case.order.serial} #{event.seq} {event.action}"
        said = event.payload.get("clocks", {})
        if event.action == "held":
            holds = company.policies.get(event.payload.get("policy_id", ""), {})
            begun = holds.get(event.payload["reason"], {}).get("clocks", {})
            yield from differ(CHECK, f"{subject} clocks", said, begun)
        elif event.action == "resumed":
            yield from differ(CHECK, f"{subject} clocks", said, begun)
        elif event.action == "rebooked":
            wished = event.payload.get("asked_by") == "customer"
            base = event.payload["from"] if wished else None
            yield from differ(CHECK, f"{subject} base", event.payload.get("base"), base)


def _spans(case: Case, watch: Watch) -> Iterator[Difference]:
    serial = case.order.serial
    stored: dict[tuple[str, int], OrderClock] = {(row.clock, row.span): row for row in case.clocks}
    for clock, runs in watch.runs.items():
        limit = watch.limits.get(clock)
        for number, run in enumerate(runs, start=1):
            subject = f"{serial} {clock} span {number}"
            row = stored.pop((clock, number), None)
            if row is None:
                yield Difference(CHECK, subject, "nothing", f"started {run.started_at}")
                continue
            expected = {
                "started_at": run.started_at,
                "stopped_at": run.stopped_at,
                "paused_s": run.paused_s,
                "paused_since": run.paused_since,
                "stopped_by": run.stopped_by,
                "limit_s": limit.seconds if limit else None,
                "due_at": run.due_at(limit),
            }
            yield from differ_in(CHECK, subject, row, expected)
    for (clock, number), row in stored.items():
        subject = f"{serial} {clock} span {number}"
        yield Difference(CHECK, subject, f"started {row.started_at}", "no such span")
