"""Questions of the kind "and if this order were otherwise": timed without building a new problem.

A `Problem` demands much of its parts when it is made, which is not worth repeating for one order
that has just been called in, or for thirty windows.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import takewhile

from dispatch.model import Crew, Order
from dispatch.plan import Route
from dispatch.price import route_terms
from dispatch.problem import Problem
from dispatch.refused import demand
from dispatch.timing import Walk, time_route


def with_order(problem: Problem, order: Order) -> Problem:
    """Return the problem with this order added, or in the place of the one with its id.

    Everything else is shared with the given problem. Raises `ProblemRefused` for a place that is
    not in the matrix.
    """
    _demand_place(problem, order)
    known = order.id in problem.order_by_id
    orders = (
        tuple(order if each.id == order.id else each for each in problem.orders)
        if known
        else (*problem.orders, order)
    )
    view = copy.copy(problem)
    view.__dict__.update(orders=orders, order_by_id={**problem.order_by_id, order.id: order})
    view.__dict__.pop("pinned_crew", None)  # worked out anew: the order may have another pin
    return view


def _demand_place(problem: Problem, order: Order) -> None:
    count = problem.travel.shape[0]
    demand(
        order.place < count,
        "place_unknown",
        f"order {order.id} is at place {order.place}, the travel matrix has {count}.",
        "Give the row number of a place in the matrix.",
    )


class Retiming:
    """Exact timing with one order (or its crew) other than the problem says.

    `timed` counts the timings: what a search may spend is said in them, not in seconds, so that
    its answer does not depend on how busy the machine is.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = view = copy.copy(problem)
        view.__dict__["order_by_id"] = dict(problem.order_by_id)
        view.__dict__["pinned_crew"] = dict(problem.pinned_crew)
        self.timed = 0
        self._walks: dict[tuple[str, bool], Walk] = {}

    def hold(self, order: Order) -> None:
        """Take this order as it is given here from now on."""
        _demand_place(self.problem, order)
        self.problem.order_by_id[order.id] = order
        if order.pinned_crew is not None:
            self.problem.pinned_crew[order.id] = order.pinned_crew

    def route(
        self, crew: Crew, order_ids: Sequence[str], order: Order, *, limits: bool = True
    ) -> Route | None:
        """Return `time_route` of the sequence with this order in it."""
        self.timed += 1
        known = self.problem.order_by_id
        known[order.id] = order
        walk = self._walks.setdefault((crew.id, limits), Walk())
        usual = [known[name] for name in takewhile(order.id.__ne__, order_ids)]
        walked = walk.shared(crew, usual)
        route = time_route(self.problem, crew, order_ids, limits=limits, walked=walked)
        walk.learn(usual, walked)
        return route

    def terms(self, crew: Crew, route: Route) -> dict[str, int]:
        """Return the route's own terms in thousandths."""
        return route_terms(self.problem, crew, route)
