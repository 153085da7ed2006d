"""A crew's way through the orders in its hands: when it arrives at each, and how sure that is.

Pure: places, seconds and instants in, arrivals out. Variances add along the chain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt
from typing import NamedTuple
from uuid import UUID

from app.planning import policy as planning
from app.planning.build import ON_SITE, day_order
from app.planning.snapshot import Rest
from app.travel import policy
from routing import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """An order in a crew's hands."""

    order_id: UUID
    crew_id: UUID
    """Who holds it: the crew itself, or a joint crew of its members."""
    station_id: UUID
    state: str
    service_class: str
    place: Place
    building: UUID | None
    service_s: int
    assigned_at: datetime
    opens_at: datetime | None = None
    """Before this an agreed slot lets nobody begin."""
    spell_action: str | None = None
    """What began the present spell: departed, arrived, started or rejected."""
    spell_at: datetime | None = None


class Start(NamedTuple):
    """Where a crew was last known to be: position, last_visit or station, and when."""

    kind: str
    place: Place
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewDay:
    """A crew with what it holds, as loaded at one instant."""

    crew_id: UUID
    start: Start
    stops: tuple[Stop, ...]
    begins_at: datetime | None = None
    """The start of the shift that runs or comes next; None for a crew that is at work anyway."""
    rests: tuple[Rest, ...] = ()


class Leg(NamedTuple):
    """One drive: seconds, and who said so."""

    seconds: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When a crew reaches one order. `variance` is in square seconds."""

    stop: Stop
    start: Start
    stops_before: int
    depart_at: datetime
    arrive_at: datetime
    variance: float
    source: str


@dataclass(frozen=True, slots=True)
class Way:
    """What a crew does next: work that runs, then stops in order; `driving` to the first."""

    start: Start
    working: tuple[Stop, ...]
    ahead: tuple[Stop, ...]
    driving: bool

    @property
    def places(self) -> tuple[Place, ...]:
        """The places it drives through, beginning with where it is."""
        return (self.start.place, *(stop.place for stop in self.ahead))


def way(day: CrewDay) -> Way:
    """The crew's way: on the road, or at work, whichever of its acts was the last."""
    ahead = sorted(
        (stop for stop in day.stops if stop.state not in ON_SITE),
        key=lambda stop: day_order(stop.state, stop.service_class, stop.assigned_at),
    )
    working = [stop for stop in day.stops if stop.state in ON_SITE and stop.spell_at]
    working.sort(key=_spell_at)
    driving = bool(ahead) and ahead[0].state == "ENROUTE"
    if driving and working:
        driving = _spell_at(ahead[0]) > _spell_at(working[-1])
    if driving or not working:
        return Way(day.start, (), tuple(ahead), driving)
    last = working[-1]
    return Way(Start("on_site", last.place, last.spell_at), tuple(working), tuple(ahead), False)


def _spell_at(stop: Stop) -> datetime:
    return stop.spell_at or stop.assigned_at


@dataclass(slots=True)
class _Clock:
    """How far the crew has come: the middle of its time, the variance, and by whose word."""

    at: datetime
    variance: float = 0.0
    source: str = "osrm"
    building: UUID | None = None
    rests: list[Rest] = field(default_factory=list)

    def work(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.variance += policy.work_variance(seconds)

    def rest(self) -> None:
        """Take the breaks whose time has come; each is taken once."""
        while self.rests and self.rests[0].opens <= self.at:
            self.at += timedelta(seconds=self.rests.pop(0).duration_s)

    def not_before(self, instant: datetime | None) -> None:
        if instant is not None:
            self.at = max(self.at, instant)

    def wait_for(self, instant: datetime | None) -> None:
        """Wait for a fixed instant: what is uncertain before it vanishes in the wait."""
        if instant is not None and instant > self.at:
            left_s = max(0.0, sqrt(self.variance) - (instant - self.at).total_seconds())
            self.at, self.variance = instant, left_s**2

    def drive(self, leg: Leg) -> None:
        self.at += timedelta(seconds=leg.seconds)
        self.variance += policy.travel_variance(leg.seconds, leg.source)
        if leg.source == "estimate":
            self.source = leg.source


def arrivals(
    day: CrewDay,
    now: datetime,
    leg: Callable[[Place, Place], Leg],
    together: Mapping[UUID, datetime] | None = None,
) -> list[Arrival]:
    """The arrival at each order that the crew has not reached, in the order of its way.

    `together` says when the last of several crews reaches an order that they do together: nobody
    goes on before.
    """
    plan = way(day)
    clock = _Clock(now, building=plan.working[-1].building if plan.working else None)
    clock.rests = _rests_ahead(day, plan, now)
    for stop in plan.working:
        clock.work(_remaining_s(stop, now))
    if not (plan.working or plan.driving):
        clock.wait_for(day.begins_at)
    found, here = [], plan.start.place
    for number, stop in enumerate(plan.ahead):
        if number == 0 and plan.driving:
            arrival = _under_way(plan, stop, now, leg(here, stop.place), clock)
        else:
            arrival = _next(plan, stop, number, leg(here, stop.place), clock)
        found.append(arrival)
        here = stop.place
        clock.not_before((together or {}).get(stop.order_id))
        clock.wait_for(stop.opens_at)
        setup_s = 0 if stop.building and stop.building == clock.building else planning.SETUP_S
        clock.building = stop.building
        clock.work(setup_s + stop.service_s)
    return found


def _rests_ahead(day: CrewDay, plan: Way, now: datetime) -> list[Rest]:
    """Breaks to come. One whose window is open counts if the crew was busy since before it."""
    busy: Sequence[Stop] = plan.working or (plan.ahead[:1] if plan.driving else ())
    since = min((_spell_at(stop) for stop in busy), default=now)
    return [rest for rest in day.rests if rest.opens >= since]


def _remaining_s(stop: Stop, now: datetime) -> int:
    since_s = max(0, int((now - _spell_at(stop)).total_seconds()))
    return planning.remaining_s(stop.service_s, stop.state, stop.spell_action, since_s)


def _under_way(plan: Way, stop: Stop, now: datetime, leg: Leg, clock: _Clock) -> Arrival:
    """The rest of a drive: it counts from when the crew was last seen on the way."""
    departed = _spell_at(stop)
    left_at = max(departed, plan.start.at or departed)
    clock.at = min(left_at, now)
    clock.drive(leg)
    clock.not_before(now + timedelta(seconds=policy.LEAST_DRIVE_S))
    return _arrival(plan, stop, 0, departed, clock)


def _next(plan: Way, stop: Stop, number: int, leg: Leg, clock: _Clock) -> Arrival:
    """A drive that is still to begin: after the breaks, and not so early that the door is shut."""
    clock.rest()
    travel = timedelta(seconds=leg.seconds)
    if stop.opens_at is not None:
        clock.wait_for(stop.opens_at - travel)
    depart_at = clock.at
    clock.drive(leg)
    return _arrival(plan, stop, number, depart_at, clock)


def _arrival(plan: Way, stop: Stop, number: int, depart_at: datetime, clock: _Clock) -> Arrival:
    return Arrival(
        stop=stop,
        start=plan.start,
        stops_before=number + len(plan.working),
        depart_at=depart_at,
        arrive_at=clock.at,
        variance=clock.variance,
        source=clock.source,
    )
