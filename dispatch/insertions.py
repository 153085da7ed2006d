"""A plan made ready for questions about one more order: filtered at once, timed where it pays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.fit import Roster
from dispatch.model import Crew, Order
from dispatch.plan import Plan, Route
from dispatch.positions import LOOK, Positions, Ranked
from dispatch.price import priced_plan
from dispatch.problem import Problem
from dispatch.proposal import Ejected, Proposal, preference
from dispatch.reach import Reach
from dispatch.refused import demand
from dispatch.tally import Tally
from dispatch.timing import time_route
from dispatch.variant import Retiming

MOST = 8
"""Proposals, unless the caller asks for more or fewer."""
TRIES = 8
"""Timings per order, those included that turned out to break a rule."""


class Found(NamedTuple):
    """Proposals by price; `proven` when no position left out could be cheaper than the first."""

    proposals: tuple[Proposal, ...]
    proven: bool


class Weights(NamedTuple):
    """What decides who may leave its place; one entry per order, in the problem's order."""

    penalty: NDArray[np.int64]
    emergency: NDArray[np.bool_]
    free: NDArray[np.bool_]
    """Neither accepted nor pinned nor in a crew's sequence."""


class Insertions:
    """All positions of a plan, ready for many orders; `place` takes a proposal into the plan.

    Asking changes nothing, so the same object answers "what if" questions too. Not for several
    threads at once.
    """

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.asked = problem
        self.retiming = Retiming(problem)
        self.problem = self.retiming.problem
        by_crew = {route.crew_id: route for route in plan.routes}
        _demand_known(problem, plan)
        routes = [
            by_crew[crew.id] if crew.id in by_crew else accepted_route(problem, crew)
            for crew in problem.crews
        ]
        self.tally = Tally(self.problem, routes)
        self.positions = Positions(self.problem, self.tally)
        self.roster, self.reach = Roster(problem), Reach(problem)
        self.weights = _weights(problem)

    @property
    def routes(self) -> list[Route]:
        """One route per crew, in the problem's order."""
        return self.tally.routes

    @property
    def plan(self) -> Plan:
        """The plan as it stands, priced; what is left out carries no reasons."""
        return priced_plan(self.asked, self.routes)

    def demand_open(self, order: Order) -> None:
        """Refuse an order that is in the plan."""
        demand(
            order.id not in self.tally.planned,
            "order_already_planned",
            f"Order {order.id} is in the plan, with crew {self.tally.planned.get(order.id)}.",
            "Ask for an order that the plan leaves out.",
        )

    def best(
        self,
        order: Order,
        *,
        most: int = MOST,
        tries: int = TRIES,
        rows: NDArray[np.intp] | None = None,
        look: int = LOOK,
        below: int | None = None,
    ) -> Found:
        """Return the cheapest position of each of up to `most` crews, timed exactly.

        `rows` are the crews' numbers in the problem, all that may have the order by default.
        `look` positions are estimated (see `Positions.ranked`). What is sure to cost `below`
        thousandths or more, as `Proposal.exact_added` counts, is left out, and does not speak
        against `proven`.
        """
        open_to = self.open_to(order) if rows is None else rows
        ranked = self.positions.ranked(order, open_to, look=look, below=below)
        found: dict[int, Proposal] = {}
        timed: set[int] = set()
        for place in range(len(ranked.crew)):  # every crew's likeliest position first
            if len(found) >= most or len(timed) >= tries:
                break
            if ranked.crew[place] not in found:
                timed.add(place)
                self._try(order, ranked, place, found)
        proven = self._doubts(order, ranked, timed, found, tries)
        return Found(tuple(sorted(found.values(), key=preference)[:most]), proven)

    def _doubts(
        self,
        order: Order,
        ranked: Ranked,
        timed: set[int],
        found: dict[int, Proposal],
        tries: int,
    ) -> bool:
        """Time what could still be cheaper than the best; True when nothing is left that could.

        Estimates are good, so those positions come first for which breaks would have to move.
        """
        cost = _cost(found)
        first = sum(ranked.likely)
        for place in (*range(first, len(ranked.bound)), *range(first)):
            if place in timed or (cost is not None and ranked.bound[place] >= cost):
                continue
            if len(timed) >= tries:
                return False
            timed.add(place)
            self._try(order, ranked, place, found)
            cost = _cost(found)
        return ranked.cut is None or (cost is not None and ranked.cut >= cost)

    def _try(self, order: Order, ranked: Ranked, place: int, found: dict[int, Proposal]) -> None:
        number = ranked.crew[place]
        proposal = self.at(order, number, ranked.gap[place])
        if proposal is None:
            return
        if number not in found or preference(proposal) < preference(found[number]):
            found[number] = proposal

    def open_to(self, order: Order) -> NDArray[np.intp]:
        """The crews that may have the order, as numbers; a spent budget of moves keeps it home."""
        mask = self.roster.may_have(order)
        owner, most = order.current_crew, self.problem.objective.most_moves
        if owner in self.tally.number and most is not None and self.tally.lost[str(owner)] >= most:
            others = [crew.id for crew in self.problem.crews if crew.id != owner]
            if others and self.problem.counts_as_moved(order, others[0]):
                only = np.zeros_like(mask)
                only[self.tally.number[str(owner)]] = True
                mask &= only
        return np.flatnonzero(mask)

    def at(
        self, order: Order, number: int, position: int, *, crew: Crew | None = None
    ) -> Proposal | None:
        """Return the order at this position of crew `number`, or None when it breaks a rule.

        The crew may be given otherwise than in the problem, say with a longer shift.
        """
        crew, old = crew or self.problem.crews[number], self.routes[number]
        ids = [visit.order_id for visit in old.visits]
        ids.insert(position, order.id)
        route = self.retiming.route(crew, ids, order)
        if route is None:
            return None
        return self.proposal(order, number, route)

    def proposal(
        self, order: Order, number: int, route: Route, ejected: Ejected | None = None
    ) -> Proposal:
        """Price one crew's new route (and that of an ejected order's new crew)."""
        changed = {number: route}
        saved = order.priority_penalty
        if ejected is not None and ejected.route is not None:
            changed[self.tally.number[ejected.route.crew_id]] = ejected.route
        lost = ejected is not None and ejected.crew_id is None
        given_up = self.problem.order_by_id[ejected.order_id] if ejected and lost else None
        unserved = (given_up.priority_penalty if given_up else 0) - saved
        exact = self.tally.difference(changed, unserved)
        terms = self.tally.seconds(exact)
        position = next(n for n, v in enumerate(route.visits) if v.order_id == order.id)
        visit, net = route.visits[position], sum(terms.values())
        return Proposal(
            order_id=order.id,
            crew_id=route.crew_id,
            position=position,
            start_s=visit.start_s,
            finish_s=visit.finish_s,
            terms=terms,
            net=net,
            net_per_mille=sum(exact.values()),
            added=net + saved,
            later=self.tally.later(changed),
            route=route,
            ejected=ejected,
        )

    def drive(self, *routes: Route) -> None:
        """Let crews drive these routes from now on."""
        changed = {self.tally.number[route.crew_id]: route for route in routes}
        self.tally.drive(changed)
        for number in changed:
            self.positions.update(number)

    @contextmanager
    def supposing(self, route: Route) -> Iterator[None]:
        """Let a crew drive this route for as long as the context lasts; no other crew meanwhile."""
        number = self.tally.number[route.crew_id]
        tally, positions = self.tally.kept(number), self.positions.kept(number)
        self.drive(route)
        try:
            yield
        finally:
            self.tally.put_back(number, tally)
            self.positions.put_back(number, positions)


def _weights(problem: Problem) -> Weights:
    bound = problem.locked_crew.keys() | problem.pinned_crew.keys()
    return Weights(
        np.array([order.priority_penalty for order in problem.orders], dtype=np.int64),
        np.array([order.emergency for order in problem.orders], dtype=np.bool_),
        np.array([order.id not in bound for order in problem.orders], dtype=np.bool_),
    )


def _cost(found: Mapping[int, Proposal]) -> int | None:
    """The cheapest so far, in thousandths, as the positions' bounds are."""
    return min((each.exact_added for each in found.values()), default=None)


def accepted_route(problem: Problem, crew: Crew) -> Route:
    """The crew's route with nothing but what it has accepted."""
    route = time_route(problem, crew, crew.locked)
    if route is None:  # Problem has made sure that accepted orders can be driven
        raise AssertionError(f"crew {crew.id} cannot drive its accepted orders")
    return route


def _demand_known(problem: Problem, plan: Plan) -> None:
    orders: Sequence[str] = [v.order_id for route in plan.routes for v in route.visits]
    crews = [route.crew_id for route in plan.routes]
    strange = [name for name in orders if name not in problem.order_by_id]
    strange += [name for name in crews if name not in problem.crew_by_id]
    demand(
        not strange,
        "plan_of_another_problem",
        f"The plan speaks of {', '.join(strange[:5])}, which the problem does not hold.",
        "Give a plan of this problem; `replan` makes one of an older plan's sequences.",
    )
