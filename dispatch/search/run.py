"""One search in this process: prepare, open, anneal in short stretches until the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.budget import Budget
from dispatch.problem import Problem
from dispatch.search.anneal import anneal
from dispatch.search.layout import (
    BEST,
    IMPROVED,
    LENGTH,
    ROUND,
    ROW,
    SEATED,
    STOP,
    Day,
    Ints,
    Stops,
    Walk,
)
from dispatch.search.opening import open_tours
from dispatch.search.prepare import day_of, plan_of, tours_of, walk_of

HOT, WARM = 4_800_000.0, 300_000.0
"""Thousandths of price at which annealing begins: from nothing, from a plan."""
FALL, WARM_FALL = 400.0, 50.0
"""How many times colder it ends."""
STRETCH_S = 0.02
"""Aim for one call into the kernel: how late a search may end."""
WIDE, NARROW, MANY = 15, 10, 400
"""Orders left out that a round reconsiders: of few orders, of at least MANY."""
ENOUGH = 400
"""Rounds per order squared after which a small problem is searched through."""
UNLIMITED = 1 << 60
FIRST_SORT, NO_SORT = 6, -1
"""What the first insertion sorts orders by: penalty per service time; and no insertion."""
Column = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Found:
    """What one search came to."""

    sequences: dict[str, tuple[str, ...]]
    price: int
    """In thousandths, as the kernels sum it."""
    seated: int
    """The price of the given sequences alone."""
    opened: int
    """The price after insertion, before the search."""
    rounds: int
    searches: int = 1
    pool: frozenset[Column] = frozenset()
    """Routes that were part of an accepted plan: (crew, orders) by their positions."""


class Searcher:
    """One search: its arrays, its dice, and where it stands."""

    def __init__(
        self,
        problem: Problem,
        day: Day,
        start: Mapping[str, Sequence[str]] | None,
        budget: Budget,
        *,
        seed: int,
        deadline: float,
    ) -> None:
        """`day` is the problem as arrays and may be shared: nobody writes to it."""
        self._problem, self._day, self._budget = problem, day, budget
        self._warm, self._deadline = start is not None, deadline
        sequences = _numbers(problem, start or {})
        self._tours = tours_of(problem, day, sequences)
        self._walk = walk_of(day, self._tours, seed)
        plan = plan_of(sequences, self._tours)
        self._open(FIRST_SORT, plan)
        self._seated, self._opened = int(self._walk.book[SEATED]), self.price
        self._pace, self._size, self._done = 0.0, 16, 0

    @property
    def price(self) -> int:
        """Of the best plan so far, in thousandths."""
        return int(self._walk.book[BEST])

    @property
    def worth_it(self) -> bool:
        """Whether there is an order that some crew could have."""
        return len(self._day.options) > 0

    def best(self) -> Stops:
        """The best plan so far."""
        return Stops(self._walk.best_stops.copy(), self._walk.best_length.copy())

    def current(self) -> Stops:
        """The plan that it stands at."""
        tours = self._tours
        rows = tours.hands[:, ROW]
        return Stops(tours.cells[rows, :, STOP], tours.rows[rows, LENGTH])

    def adopt(self, plan: Stops, crews: Ints | None = None, orders: Ints | None = None) -> None:
        """Go on from this plan of the same day, changing only crews and orders marked with 1.

        Without marks everything may change. The plan counts as the best from now on.
        """
        self._open(NO_SORT, plan, crews, orders)

    def _open(
        self, sort: int, plan: Stops, crews: Ints | None = None, orders: Ints | None = None
    ) -> None:
        crews = np.ones(len(self._day.crews), np.int64) if crews is None else crews
        orders = np.ones(len(self._day.orders), np.int64) if orders is None else orders
        open_tours(sort, plan, crews, orders, self._day, self._tours, self._walk)

    def found(self) -> Found:
        """What it came to."""
        best = self.best()
        return Found(
            sequences={
                crew.id: tuple(self._problem.orders[x].id for x in stops[:length])
                for crew, stops, length in zip(
                    self._problem.crews, best.at.tolist(), best.length.tolist(), strict=True
                )
            },
            price=self.price,
            seated=self._seated,
            opened=self._opened,
            rounds=int(self._walk.book[ROUND]),
            pool=_pool(self._walk),
        )

    def go(self, look: Callable[[float], bool] | None = None) -> None:
        """Spend the budget; after every stretch `look` hears the share of it that is spent.

        When it answers False the search ends.
        """
        if not self.worth_it:
            return
        if self._budget.iterations is None:
            self.cool(0.0, 1.0, self._deadline, look)
        else:
            self._count_down(look)

    def cool(
        self,
        share: float,
        upto: float,
        until: float,
        look: Callable[[float], bool] | None = None,
    ) -> None:
        """Anneal from one share of the whole cooling to another until that monotonic instant."""
        began = now = time.monotonic()
        span = max(1e-3, until - began)
        here, rounds = share, self._rounds
        while now < until and here < 1 and self.done < rounds and not self._improved_enough:
            size = 16
            if self._pace > 0:
                left = min(STRETCH_S, until - now)
                size = max(1, min(8 * self._size, int(left / self._pace)))
            ahead = here + (upto - share) * size * self._pace / span
            self._anneal(size, here, max(min(upto, ahead), (self.done + size) / rounds))
            now, before = time.monotonic(), now
            self._pace = max(1e-7, (now - before) / size)
            gone = share + (upto - share) * (now - began) / span
            here = max(gone, self.done / rounds)
            if look is not None and not look(here):
                return

    def _count_down(self, look: Callable[[float], bool] | None) -> None:
        """Anneal for the budget's rounds, or until the deadline."""
        rounds, size = self._rounds, 16
        while self.done < rounds and time.monotonic() < self._deadline:
            size = min(size, rounds - self.done)
            self._anneal(size, self.done / rounds, (self.done + size) / rounds)
            if self._improved_enough or (look is not None and not look(self.done / rounds)):
                return
            size = min(8 * size, 4096)

    @property
    def done(self) -> int:
        """Rounds of annealing so far."""
        return self._done

    @property
    def _rounds(self) -> int:
        """After so many rounds it ends, whatever the time."""
        enough = 1000 + ENOUGH * len(self._day.orders) ** 2
        return min(self._budget.iterations or UNLIMITED, enough)

    @property
    def _improved_enough(self) -> bool:
        most = self._budget.solutions
        return most is not None and int(self._walk.book[IMPROVED]) >= most

    def _anneal(self, size: int, share: float, upto: float) -> None:
        """So many rounds, from one share of the cooling to another."""
        hot = WARM if self._warm else HOT
        fall = WARM_FALL if self._warm else FALL
        wider = WIDE if len(self._day.orders) < MANY else NARROW
        most = self._budget.solutions or UNLIMITED
        heats = (hot * fall**-share, hot * fall**-upto)
        anneal(size, *heats, wider, most, self._day, self._tours, self._walk)
        self._size = size
        self._done += size


def run(
    problem: Problem,
    start: Mapping[str, Sequence[str]] | None,
    budget: Budget,
    *,
    seed: int = 0,
    until: float | None = None,
) -> Found:
    """Search until the monotonic instant `until` (by default `budget.seconds` from now).

    With `start` the search is warm: it stays near the given sequences.
    """
    deadline = time.monotonic() + budget.seconds if until is None else until
    searcher = Searcher(problem, day_of(problem), start, budget, seed=seed, deadline=deadline)
    searcher.go()
    return searcher.found()


def _numbers(problem: Problem, sequences: Mapping[str, Sequence[str]]) -> list[list[int]]:
    """Order positions per crew, accepted ones first; unknown and repeated names are dropped."""
    at = {order.id: number for number, order in enumerate(problem.orders)}
    used = set(problem.locked_crew)
    found = []
    for crew in problem.crews:
        names = [n for n in dict.fromkeys(sequences.get(crew.id, ())) if n in at and n not in used]
        used |= set(names)
        found.append([at[name] for name in (*crew.locked, *names)])
    return found


def _pool(walk: Walk) -> frozenset[Column]:
    used = walk.pool[walk.pool[:, 0] > 0].tolist()
    return frozenset((row[0] - 1, tuple(row[2 : 2 + row[1]])) for row in used)
