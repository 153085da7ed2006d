"""One search in this process: prepare, open, anneal in short stretches until the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dispatch.model import Budget
from dispatch.problem import Problem
from dispatch.search.anneal import anneal
from dispatch.search.layout import BEST, IMPROVED, ROUND, SEATED, Day, Walk
from dispatch.search.opening import open_tours
from dispatch.search.prepare import day_of, tours_of, walk_of

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
FIRST_SORT = 6
"""What the first insertion sorts orders by: penalty per service time."""
Column = tuple[int, tuple[int, ...]]
Stops = list[list[int]]
"""Per crew its orders, all by their positions in the problem."""


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
        self._tours = tours_of(problem, day, _numbers(problem, start or {}))
        self._walk = walk_of(day, self._tours, seed)
        open_tours(FIRST_SORT, day, self._tours, self._walk)
        self._seated = int(self._walk.book[SEATED])
        self._opened = self.price

    @property
    def price(self) -> int:
        """Of the best plan so far, in thousandths."""
        return int(self._walk.book[BEST])

    def best(self) -> Stops:
        """The best plan so far."""
        walk = self._walk
        return [
            walk.best_stops[crew, :length].tolist()
            for crew, length in enumerate(walk.best_length.tolist())
        ]

    def adopt(self, plan: Stops) -> None:
        """Go on from this plan, which another search of the same day found."""
        stops = self._walk.best_stops.shape[1] - 4
        self._tours = tours_of(self._problem, self._day, plan, stops)
        open_tours(FIRST_SORT, self._day, self._tours, self._walk)

    def found(self) -> Found:
        """What it came to."""
        return Found(
            sequences={
                crew.id: tuple(self._problem.orders[x].id for x in stops)
                for crew, stops in zip(self._problem.crews, self.best(), strict=True)
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
        began = time.monotonic()
        budget, book = self._budget, self._walk.book
        count = len(self._day.orders)
        if not len(self._day.options):
            return
        span = max(1e-3, self._deadline - began)
        hot = WARM if self._warm else HOT
        fall = WARM_FALL if self._warm else FALL
        wider = WIDE if count < MANY else NARROW
        most = UNLIMITED if budget.solutions is None else budget.solutions
        rounds = min(budget.iterations or UNLIMITED, 1000 + ENOUGH * count**2)
        done, size, share = 0, 16, 0.0
        while done < rounds and share < 1 and book[IMPROVED] < most:
            size = min(size, rounds - done)
            called = time.monotonic()
            ahead = (done + size) / rounds
            if budget.iterations is None:
                pace = (called - began) / done if done else 0.0
                ahead = max(ahead, min(1.0, share + size * pace / span))
            heats = (hot * fall**-share, hot * fall**-ahead)
            anneal(size, *heats, wider, most, self._day, self._tours, self._walk)
            done += size
            now = time.monotonic()
            if now >= self._deadline:
                return
            if budget.iterations is None:
                share = max(done / rounds, (now - began) / span)
                pace = max(1e-7, (now - called) / size)
                size = max(1, min(8 * size, int(min(STRETCH_S, self._deadline - now) / pace)))
            else:
                share, size = ahead, min(8 * size, 4096)
            if look is not None and not look(share):
                return


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
