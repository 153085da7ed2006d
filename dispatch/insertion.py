"""Cheapest insertion: the first incumbent, the repair of broken routes and the last polish.

Each order goes where it raises the price least, if that is less than its own penalty. Positions
are ranked by an estimate, and only the best few are timed exactly.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dispatch.fit import candidates
from dispatch.model import Crew, Order
from dispatch.plan import Plan, Route
from dispatch.price import priced_plan, route_price, spread_price
from dispatch.problem import Problem
from dispatch.timing import time_route

EXACT_TRIES = 48
"""Positions timed exactly per order before it is given up."""
FEASIBLE_TRIES = 8
"""Feasible positions compared per order."""


@dataclass(frozen=True, slots=True)
class Place:
    """One way to serve an order: the crew's route with it, and what that adds (thousandths)."""

    crew: int
    route: Route
    added: int


class Tour:
    """A plan under construction: one timed route per crew, accepted orders already in."""

    def __init__(self, problem: Problem, may: Mapping[str, list[int]] | None = None) -> None:
        self.problem = problem
        self.may = candidates(problem) if may is None else may
        self.routes = [_locked_route(problem, crew) for crew in problem.crews]
        self.loads = [
            crew.load_s + route.load_s
            for crew, route in zip(problem.crews, self.routes, strict=True)
        ]
        self.planned = set(problem.locked_crew)

    def put(self, place: Place) -> None:
        """Take one crew's route as it is in `place`."""
        crew = self.problem.crews[place.crew]
        self.routes[place.crew] = place.route
        self.loads[place.crew] = crew.load_s + place.route.load_s
        self.planned |= {visit.order_id for visit in place.route.visits}

    def follow(self, sequences: Mapping[str, Sequence[str]]) -> None:
        """Drive the given sequences, leaving out what is unknown, taken or breaks a hard rule."""
        for position, crew in enumerate(self.problem.crews):
            wanted = [
                name
                for name in dict.fromkeys(sequences.get(crew.id, ()))
                if name not in self.planned and position in self.may.get(name, ())
            ]
            route = self._longest(crew, wanted)
            self.put(Place(position, route, 0))

    def insert_all(self, orders: Iterable[Order], deadline: float) -> None:
        """Insert each order at its cheapest place, in this order, until the monotonic deadline."""
        for order in orders:
            if time.monotonic() > deadline:
                return
            if order.id in self.planned:
                continue
            place = self.cheapest(order)
            if place is not None and place.added < 1000 * order.priority_penalty:
                self.put(place)

    def cheapest(self, order: Order, crews: Sequence[int] | None = None) -> Place | None:
        """Return the cheapest feasible place among the most promising ones, or None.

        `crews` are positions in the problem; by default all that could serve the order.
        """
        may = self.may[order.id] if crews is None else crews
        ranked = heapq.nsmallest(EXACT_TRIES, self._estimates(order, may))
        best: Place | None = None
        feasible = 0
        for _, position, index in ranked:
            place = self._place(order, position, index)
            if place is None:
                continue
            feasible += 1
            if best is None or place.added < best.added:
                best = place
            if feasible == FEASIBLE_TRIES:
                break
        return best

    def plan(self) -> Plan:
        """Return what has been built, priced."""
        return priced_plan(self.problem, self.routes)

    def _longest(self, crew: Crew, wanted: Sequence[str]) -> Route:
        route = time_route(self.problem, crew, [*crew.locked, *wanted])
        if route is not None:
            return route
        ids = list(crew.locked)
        kept = _locked_route(self.problem, crew)
        for name in wanted:
            longer = time_route(self.problem, crew, [*ids, name])
            if longer is not None:
                kept, ids = longer, [*ids, name]
        return kept

    def _estimates(self, order: Order, may: Sequence[int]) -> Iterable[tuple[int, int, int]]:
        """(estimated price, crew, index in its route) of every position worth timing."""
        problem, rate = self.problem, self.problem.objective.travel_per_mille
        for position in may:
            crew, route = problem.crews[position], self.routes[position]
            flat = 1000 * crew.area_cost.get(order.area or "", 0)
            if order.current_crew not in (None, crew.id):
                flat += 1000 * problem.objective.move
            rests = sum(rest.duration_s for rest in crew.owed_breaks)
            room = crew.hard_end_s - crew.ready_s - rests - route.load_s - order.service_s
            for index, detour, start in positions(problem, crew, route, order):
                shut = order.window is not None and start - rests > order.window[1]
                if shut or detour > room + order.setup_s + _SLACK_S:
                    continue
                late = 0 if order.due_s is None else max(0, start - order.due_s)
                yield flat + rate * detour + order.late_per_mille * late, position, index

    def _place(self, order: Order, position: int, index: int) -> Place | None:
        crew, old = self.problem.crews[position], self.routes[position]
        ids = [visit.order_id for visit in old.visits]
        route = time_route(self.problem, crew, [*ids[:index], order.id, *ids[index:]])
        if route is None:
            return None
        loads = self.loads.copy()
        loads[position] += route.load_s - old.load_s
        added = route_price(self.problem, crew, route) - route_price(self.problem, crew, old)
        added += spread_price(self.problem, loads) - spread_price(self.problem, self.loads)
        return Place(position, route, added)


_SLACK_S = 3600
"""The room of a route is a bound only up to set-ups that an insertion saves elsewhere."""


def positions(
    problem: Problem, crew: Crew, route: Route, order: Order
) -> Iterable[tuple[int, int, int]]:
    """(index, detour, estimated start) of each position behind the accepted orders."""
    rows, visits = problem.legs, route.visits
    stops = [crew.ready_place, *(problem.order_by_id[v.order_id].place for v in visits)]
    frees = [crew.ready_s, *(visit.finish_s for visit in visits)]
    for index in range(len(crew.locked), len(visits) + 1):
        here = stops[index]
        there = stops[index + 1] if index < len(visits) else crew.end_place
        drive = rows[here][order.place]
        start = max(order.opens_s, frees[index] + drive)
        if there is None:
            yield index, drive, start
        else:
            yield index, drive + rows[order.place][there] - rows[here][there], start


def _locked_route(problem: Problem, crew: Crew) -> Route:
    route = time_route(problem, crew, crew.locked)
    if route is None:  # Problem has made sure that accepted orders can be driven
        raise AssertionError(f"crew {crew.id} cannot drive its accepted orders")
    return route


def urgency(order: Order) -> tuple[bool, int, int]:
    """Sort key: emergencies, then the dearest to leave out, then the soonest due."""
    due = order.due_s if order.due_s is not None else 10**9
    return (not order.emergency, -order.priority_penalty, due)


def thrift(order: Order) -> tuple[bool, float, int]:
    """Sort key: emergencies, then the dearest to leave out per second of work."""
    return (not order.emergency, -order.priority_penalty / (order.service_s + 600), -order.opens_s)


def slimness(order: Order) -> tuple[bool, int, int]:
    """Sort key: emergencies, then the soonest that must be done."""
    close = order.window[1] if order.window else 10**9
    return (not order.emergency, min(close, order.due_s or 10**9), -order.priority_penalty)


SORTS: tuple[Callable[[Order], tuple[bool, float, float]], ...] = (urgency, thrift, slimness)


def build(problem: Problem, may: Mapping[str, list[int]], deadline: float, sort: int = 0) -> Plan:
    """Return the plan of cheapest insertion in the order of `SORTS[sort]`."""
    tour = Tour(problem, may)
    tour.insert_all(sorted(problem.orders, key=SORTS[sort]), deadline)
    return tour.plan()


def mend(
    problem: Problem,
    may: Mapping[str, list[int]],
    sequences: Mapping[str, Sequence[str]],
    deadline: float,
) -> Plan:
    """Return the plan of the given sequences without what breaks a rule, then filled up."""
    tour = Tour(problem, may)
    tour.follow(sequences)
    tour.insert_all(sorted(problem.orders, key=urgency), deadline)
    return tour.plan()
