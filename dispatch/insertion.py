"""Cheapest insertion: the first incumbent, the repair of broken routes and the last polish.

Each order goes where it raises the price least, if that is less than its own penalty. Positions
are ranked as in `insertions`, and only the best few are timed exactly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from dispatch.insertions import Insertions, accepted_route
from dispatch.model import Crew, Order
from dispatch.plan import Plan, Route
from dispatch.price import priced_plan
from dispatch.problem import Problem
from dispatch.proposal import Proposal
from dispatch.reach import candidates
from dispatch.timing import time_route

EXACT_TRIES = 4
"""Positions timed exactly per order, unless the first ones break a rule."""
LAST_TRIES = 48
"""Positions timed exactly before an order is given up."""


class Tour:
    """A plan under construction: one timed route per crew, accepted orders already in.

    `may` (order id -> numbers of the crews that could serve it) saves working it out again.
    """

    def __init__(self, problem: Problem, may: Mapping[str, list[int]] | None = None) -> None:
        self.problem = problem
        self._may = candidates(problem) if may is None else may
        self.routes = [accepted_route(problem, crew) for crew in problem.crews]
        self.planned = set(problem.locked_crew)
        self._insertions: Insertions | None = None

    def follow(self, sequences: Mapping[str, Sequence[str]]) -> None:
        """Drive the given sequences, leaving out what is unknown, taken or breaks a hard rule."""
        for number, crew in enumerate(self.problem.crews):
            wanted = [
                name
                for name in dict.fromkeys(sequences.get(crew.id, ()))
                if name not in self.planned and self._could(name, number)
            ]
            self.routes[number] = route = self._longest(crew, wanted)
            self.planned |= {visit.order_id for visit in route.visits}
        self._insertions = None

    def insert_all(self, orders: Iterable[Order], deadline: float) -> None:
        """Insert each order at its cheapest place, in this order, until the monotonic deadline."""
        for order in orders:
            if time.monotonic() > deadline:
                return
            if order.id in self.planned:
                continue
            place = self.cheapest(order)
            if place is not None and place.net_per_mille < 0:
                self.put(place)

    def cheapest(self, order: Order) -> Proposal | None:
        """Return the cheapest feasible place among the most promising ones, or None."""
        ready = self._ready()
        rows = np.intersect1d(ready.open_to(order), self._may[order.id])
        for tries in (EXACT_TRIES, LAST_TRIES):
            found, proven = ready.best(order, most=1, tries=tries, rows=rows)
            if found or proven:
                return found[0] if found else None
        return None

    def put(self, place: Proposal) -> None:
        """Take one crew's route as it is in `place`."""
        self._ready().drive(place.route)
        self.routes = self._ready().routes
        self.planned.add(place.order_id)

    def plan(self) -> Plan:
        """Return what has been built, priced."""
        return priced_plan(self.problem, self.routes)

    def _ready(self) -> Insertions:
        if self._insertions is None:
            self._insertions = Insertions(self.problem, Plan(routes=tuple(self.routes)))
        return self._insertions

    def _could(self, name: str, number: int) -> bool:
        return number in self._may.get(name, ())

    def _longest(self, crew: Crew, wanted: Sequence[str]) -> Route:
        route = time_route(self.problem, crew, [*crew.locked, *wanted])
        if route is not None:
            return route
        ids = list(crew.locked)
        kept = accepted_route(self.problem, crew)
        for name in wanted:
            longer = time_route(self.problem, crew, [*ids, name])
            if longer is not None:
                kept, ids = longer, [*ids, name]
        return kept


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
