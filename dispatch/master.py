"""The master problem: one route per crew out of many, decided for all crews at once by CP-SAT.

Local search changes a few routes at a time and prices what is global (fairness of workload and of
income, moves away from the published plan) as it passes by; here they are constraints and terms of
one model. Neighbourhoods of related crews are solved at every budget, the whole pool only with
seconds to spare. A hint is no guarantee: anything but FEASIBLE or OPTIMAL keeps the incumbent.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dispatch.price import income_price, route_income, route_price, spread_price
from dispatch.timing import time_route

if TYPE_CHECKING:
    from dispatch.plan import Plan, Route
    from dispatch.problem import Problem

CREWS = 8
"""Crews in a neighbourhood."""
COLUMNS = 60
"""Routes per crew that a neighbourhood chooses from."""
NEIGHBOURHOOD_S = 0.3
WHOLE_S = 4.0
"""Seconds from which the whole pool is tried: with less it returns UNKNOWN."""
COUNTED = 4
"""Neighbourhoods of a budget that counts rounds instead of seconds."""
Column = tuple[int, tuple[int, ...]]


class Priced(NamedTuple):
    """A route that a crew could drive; prices in thousandths."""

    crew: int
    orders: tuple[int, ...]
    price: int
    load_s: int
    income: int


class Master:
    """Improves an incumbent from a pool of routes; the pool may hold routes that break a rule."""

    def __init__(self, problem: Problem, plan: Plan, pool: Collection[Column], seed: int) -> None:
        self.problem = problem
        self.at = {order.id: number for number, order in enumerate(problem.orders)}
        self.dice = np.random.default_rng(seed)
        self.known: dict[Column, Priced | None] = {}
        self.incumbent = [
            self._of(number, route)
            for number, route in enumerate(plan.routes)
        ]  # fmt: skip
        self.by_crew: dict[int, list[tuple[int, ...]]] = {}
        for crew, orders in sorted(pool):
            self.by_crew.setdefault(crew, []).append(orders)
        self.visits = np.zeros((len(problem.crews), len(problem.orders)), dtype=np.int32)
        for crew, columns in self.by_crew.items():
            for orders in columns:
                self.visits[crew, list(orders)] = 1

    @property
    def sequences(self) -> dict[str, tuple[str, ...]]:
        """The incumbent's order ids per crew id."""
        names = [order.id for order in self.problem.orders]
        return {
            crew.id: tuple(names[x] for x in column.orders)
            for crew, column in zip(self.problem.crews, self.incumbent, strict=True)
        }

    def improve(self, until: float | None) -> int:
        """Improve the incumbent until the monotonic instant; returns what was gained, thousandths.

        Without an instant it solves COUNTED neighbourhoods within deterministic limits.
        """
        before = self._price(self.incumbent)
        if len(self.by_crew) > 0 and len(self.problem.orders) > 0:
            if until is not None and until - time.monotonic() >= WHOLE_S:
                self._choose(range(len(self.incumbent)), until - time.monotonic() - 1.0, 40)
            for group in self._groups(until):
                left = NEIGHBOURHOOD_S if until is None else until - time.monotonic()
                self._choose(group, min(left, NEIGHBOURHOOD_S), COLUMNS, counted=until is None)
        return before - self._price(self.incumbent)

    def _groups(self, until: float | None) -> Iterator[Sequence[int]]:
        """Neighbourhoods: a crew and those whose routes held the same orders."""
        starts = self.dice.permutation(len(self.incumbent))
        alone = len(self.incumbent) <= CREWS
        for number, start in enumerate(starts):
            enough = number >= (1 if alone else COUNTED)
            if enough if until is None else (time.monotonic() > until - 0.05 or (alone and enough)):
                return
            shared = self.visits @ self.visits[start]
            shared[start] = np.iinfo(np.int32).max
            yield [int(crew) for crew in np.argsort(-shared, kind="stable")[:CREWS]]

    def _choose(
        self, group: Sequence[int], seconds: float, most: int, *, counted: bool = False
    ) -> None:
        """Take the best routes for these crews if CP-SAT finds any; the other crews stay."""
        from dispatch.master_model import choose

        columns = self._columns(group, most, time.monotonic() + seconds, counted=counted)
        if len(columns) <= len(group):
            return
        chosen = choose(self.problem, self.incumbent, columns, seconds, counted=counted)
        if chosen is None:
            return
        trial = list(self.incumbent)
        for column in chosen:
            trial[column.crew] = column
        if self._price(trial) < self._price(self.incumbent):
            self.incumbent = trial

    def _columns(
        self, group: Sequence[int], most: int, until: float, *, counted: bool
    ) -> list[Priced]:
        """The crews' routes now, and others of theirs that only need what these crews can give."""
        inside = set(group)
        taken = {
            x
            for column in self.incumbent
            if column.crew not in inside
            for x in column.orders
        }  # fmt: skip
        found = []
        for crew in group:
            found.append(self.incumbent[crew])
            fit = [c for c in self.by_crew.get(crew, ()) if taken.isdisjoint(c)]
            picked = self.dice.permutation(len(fit))[:most]
            for number in picked:
                if not counted and time.monotonic() > until:
                    break
                column = self._priced((crew, fit[number]))
                if column is not None and column.orders != self.incumbent[crew].orders:
                    found.append(column)
        return found

    def _priced(self, column: Column) -> Priced | None:
        if column not in self.known:
            number, orders = column
            crew = self.problem.crews[number]
            route = time_route(self.problem, crew, [self.problem.orders[x].id for x in orders])
            self.known[column] = None if route is None else self._of(number, route)
        return self.known[column]

    def _of(self, number: int, route: Route) -> Priced:
        crew = self.problem.crews[number]
        return Priced(
            crew=number,
            orders=tuple(self.at[visit.order_id] for visit in route.visits),
            price=route_price(self.problem, crew, route),
            load_s=crew.load_s + route.load_s,
            income=route_income(self.problem, crew, route),
        )

    def _price(self, columns: Sequence[Priced]) -> int:
        """Price in thousandths of a whole plan of these columns."""
        planned = {x for column in columns for x in column.orders}
        orders = self.problem.orders
        left_out = sum(o.priority_penalty for x, o in enumerate(orders) if x not in planned)
        return (
            1000 * left_out
            + sum(column.price for column in columns)
            + spread_price(self.problem, [column.load_s for column in columns])
            + income_price(self.problem, [column.income for column in columns])
        )


def improved(
    problem: Problem, plan: Plan, pool: Collection[Column], seed: int, until: float | None
) -> tuple[Mapping[str, Sequence[str]], int]:
    """Return the best sequences found and what they gain in thousandths of price."""
    master = Master(problem, plan, pool, seed)
    gained = master.improve(until)
    return master.sequences, gained
