"""What a plan costs by the rules of the rich instances: our own reading of them, for every solver.

A technician's day is a sequence of stops. Lunch lies in one gap between stops, also before the
first or after the last; of all gaps that keep every window the one with the least lateness counts.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Instance = Mapping[str, Any]
Routes = Sequence[Sequence[int]]


class PlanBroken(ValueError):
    """The plan breaks a hard rule."""


class Price(NamedTuple):
    """The parts of J and JF, in seconds."""

    unserved: int
    late: float
    travel: int
    spread: float
    missed: int

    @property
    def j(self) -> float:
        """The objective in minutes."""
        return (self.unserved + self.late + self.travel) / 60

    @property
    def jf(self) -> float:
        """The objective with fairness, in minutes."""
        return (self.unserved + self.late + self.travel + self.spread) / 60


def price(instance: Instance, routes: Routes, *, fairness: float = 0.1) -> Price:
    """Return the price of one list of order numbers per technician; raises `PlanBroken`."""
    orders, technicians = instance["orders"], instance["techs"]
    if len(routes) != len(technicians):
        raise PlanBroken(f"{len(routes)} routes for {len(technicians)} technicians")
    served = [number for route in routes for number in route]
    if len(served) != len(set(served)):
        raise PlanBroken("an order is served twice")
    late, travel, works = 0.0, 0, []
    for number, (technician, route) in enumerate(zip(technicians, routes, strict=True)):
        stops = [orders[each] for each in route]
        if any(not set(stop["skills"]) <= set(technician["skills"]) for stop in stops):
            raise PlanBroken(f"technician {number} lacks a skill")
        legs = _legs(instance["T"], technician, stops)
        least = _least_lateness(technician, stops, legs)
        if least is None:
            raise PlanBroken(f"technician {number} cannot keep the times of {list(route)}")
        late += least
        travel += sum(legs)
        works.append(sum(legs) + sum(stop["svc"] for stop in stops))
    mean = sum(works) / len(works)
    left_out = [order for number, order in enumerate(orders) if number not in set(served)]
    return Price(
        unserved=sum(order["P"] for order in left_out),
        late=late,
        travel=travel,
        spread=fairness * sum(abs(work - mean) for work in works),
        missed=len(left_out),
    )


def _legs(seconds: Sequence[Sequence[int]], technician: Any, stops: Sequence[Any]) -> list[int]:
    places = [technician["loc"], *(stop["loc"] for stop in stops), technician["loc"]]
    if not stops:
        return []
    return [seconds[here][there] for here, there in itertools.pairwise(places)]


def _least_lateness(technician: Any, stops: Sequence[Any], legs: Sequence[int]) -> float | None:
    if not stops:
        return 0.0
    return min(_days(technician, stops, legs), default=None)


def _days(technician: Any, stops: Sequence[Any], legs: Sequence[int]) -> Iterator[float]:
    """The price of lateness of each way to place lunch that keeps all rules."""
    lunch = technician["lunch"]
    for gap in range(len(legs)) if lunch else [-1]:
        late = _day(technician, stops, legs, gap)
        if late is not None:
            yield late


def _day(technician: Any, stops: Sequence[Any], legs: Sequence[int], gap: int) -> float | None:
    now, late = technician["v0"], 0.0
    for position, leg in enumerate(legs):
        if position == gap:
            earliest, latest, lasts = technician["lunch"]
            if now > latest:
                return None
            now = max(now + leg, earliest) + lasts
        else:
            now += leg
        if position == len(stops):
            return late if now <= technician["v1"] else None
        stop = stops[position]
        now = max(now, stop["a"])
        if now > stop["b"]:
            return None
        late += stop["w"] * max(0, now - stop["d"])
        now += stop["svc"]
    return late
