"""The price of a plan kept ready, so that the price of a change is known without a sum over all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dispatch.apart import Apart
from dispatch.plan import TERMS, Route
from dispatch.price import route_income, route_terms
from dispatch.problem import Problem


class Kept(NamedTuple):
    """One crew's route and terms as they were, and all crews' sums."""

    sums: Counter[str]
    terms: dict[str, int]
    route: Route
    spread: Apart
    income_spread: Apart


class Tally:
    """One route per crew of the problem, in its order, priced term by term in thousandths.

    `planned` says who has which order, `lost` how many published orders each crew has lost to
    others, `spread` and `income_spread` what unequal workloads and incomes cost.
    """

    def __init__(self, problem: Problem, routes: Sequence[Route]) -> None:
        self.problem = problem
        self.routes = list(routes)
        self.number = {crew.id: number for number, crew in enumerate(problem.crews)}
        pairs = list(zip(problem.crews, self.routes, strict=True))
        loads = np.array([c.load_s + r.load_s for c, r in pairs], dtype=np.int64)
        incomes = np.array([route_income(problem, c, r) for c, r in pairs], dtype=np.int64)
        self.spread = Apart(loads, problem.objective.spread_per_mille)
        self.income_spread = Apart(incomes, problem.objective.income_spread_per_mille)
        self._terms = [route_terms(problem, crew, route) for crew, route in pairs]
        self._sums: Counter[str] = Counter()
        for terms in self._terms:
            self._sums.update(terms)
        self._sums.update(spread=self.spread.price, income=self.income_spread.price)
        self.planned: dict[str, str] = {}
        self.lost: Counter[str] = Counter()
        for route in self.routes:
            self._count(route, 1)

    def difference(self, changed: Mapping[int, Route], unserved: int = 0) -> dict[str, int]:
        """How each term changes, in thousandths, when these crews drive these routes.

        `unserved` is the change in seconds of the penalties for what is left out.
        """
        more = dict.fromkeys(TERMS, 0) | {"unserved": 1000 * unserved}
        for number, route in changed.items():
            now = self._terms[number]
            terms = route_terms(self.problem, self.problem.crews[number], route)
            for term, value in terms.items():
                more[term] += value - now[term]
        return more | self._shared(changed)

    def seconds(self, difference: Mapping[str, int]) -> dict[str, int]:
        """Round as a plan's price is rounded: the change of `Plan.price`, term by term."""
        sums = self._sums
        return {
            term: (sums[term] + more) // 1000 - sums[term] // 1000
            for term, more in difference.items()
        }

    def price(self, unserved: int) -> dict[str, int]:
        """The plan's price per term in seconds, as `Plan.price` has it."""
        terms = {term: self._sums[term] // 1000 for term in TERMS}
        return terms | {"unserved": unserved}

    def later(self, changed: Mapping[int, Route]) -> dict[str, int]:
        """Order id -> seconds by which its work starts later when these routes are driven."""
        before = {v.order_id: v.start_s for number in changed for v in self.routes[number].visits}
        now = {v.order_id: v.start_s for route in changed.values() for v in route.visits}
        return {name: now[name] - was for name, was in before.items() if now.get(name, was) > was}

    def drive(self, changed: Mapping[int, Route]) -> None:
        """Let crews drive these routes from now on."""
        self._sums.update(self.difference(changed))
        loads, incomes = self._totals(changed)
        self.spread = self.spread.with_totals(loads)
        self.income_spread = self.income_spread.with_totals(incomes)
        for number in changed:
            self._count(self.routes[number], -1)
        for number, route in changed.items():
            crew = self.problem.crews[number]
            self._count(route, 1)
            self._terms[number] = route_terms(self.problem, crew, route)
            self.routes[number] = route

    def kept(self, number: int) -> Kept:
        """What `put_back` needs to undo the next `drive` of this crew."""
        terms, route = self._terms[number], self.routes[number]
        return Kept(self._sums.copy(), terms, route, self.spread, self.income_spread)

    def put_back(self, number: int, kept: Kept) -> None:
        """Undo this crew's drive, the only one since."""
        self._count(self.routes[number], -1)
        self._count(kept.route, 1)
        self._sums, self._terms[number], self.routes[number] = kept.sums, kept.terms, kept.route
        self.spread, self.income_spread = kept.spread, kept.income_spread

    def _count(self, route: Route, sign: int) -> None:
        for visit in route.visits:
            order = self.problem.order_by_id[visit.order_id]
            if sign > 0:
                self.planned[order.id] = route.crew_id
            elif self.planned.get(order.id) == route.crew_id:
                del self.planned[order.id]
            if self.problem.counts_as_moved(order, route.crew_id):
                self.lost[str(order.current_crew)] += sign

    def _shared(self, changed: Mapping[int, Route]) -> dict[str, int]:
        """How the terms change that depend on all crews."""
        loads, incomes = self._totals(changed)
        return {
            "spread": self.spread.change_to(loads),
            "income": self.income_spread.change_to(incomes),
        }

    def _totals(self, changed: Mapping[int, Route]) -> tuple[dict[int, int], dict[int, int]]:
        """What these crews will have worked, and earned if that has a price."""
        crews, earned = self.problem.crews, {}
        loads = {number: crews[number].load_s + route.load_s for number, route in changed.items()}
        if self.income_spread.rate:
            for number, route in changed.items():
                earned[number] = route_income(self.problem, crews[number], route)
        return loads, earned
