"""One search in this process: prepare, open, anneal in short stretches until the time is over."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatch.model import Budget
from dispatch.problem import Problem
from dispatch.search.anneal import anneal
from dispatch.search.layout import BEST, IMPROVED, ROUND, SEATED, Day, Tours, Walk
from dispatch.search.opening import open_tours
from dispatch.search.prepare import day_of, tours_of, walk_of

HOT, COOL, WARM = 1_200_000.0, 800_000.0, 300_000.0
"""Thousandths of price at which annealing begins: with ample time, with little, from a plan."""
FALL, WARM_FALL = 100.0, 50.0
"""How many times colder it ends."""
AMPLE_S = 0.02
"""Seconds per order from which time is ample."""
STRETCH_S = 0.02
"""Aim for one call into the kernel: how late a search may end."""
WIDE, NARROW, MANY = 60, 20, 400
"""Orders left out that a round reconsiders: of few orders, of at least MANY."""
ENOUGH = 400
"""Rounds per order squared after which a small problem is searched through."""
UNLIMITED = 1 << 60
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
    pool: frozenset[Column] = frozenset()
    """Routes that were part of an accepted plan: (crew, orders) by their positions."""


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
    day = day_of(problem)
    tours = tours_of(problem, day, _numbers(problem, start or {}))
    walk = walk_of(day, tours, seed)
    open_tours(6, day, tours, walk)
    opened = int(walk.book[BEST])
    if len(day.options):
        _anneal(day, tours, walk, budget, deadline, warm=start is not None)
    return Found(
        sequences=_sequences(problem, walk),
        price=int(walk.book[BEST]),
        seated=int(walk.book[SEATED]),
        opened=opened,
        rounds=int(walk.book[ROUND]),
        pool=_pool(walk),
    )


def _anneal(
    day: Day, tours: Tours, walk: Walk, budget: Budget, deadline: float, *, warm: bool
) -> None:
    began = time.monotonic()
    span = max(1e-3, deadline - began)
    count = len(day.orders)
    hot = WARM if warm else HOT if span >= AMPLE_S * count else COOL
    fall = WARM_FALL if warm else FALL
    wider = WIDE if count < MANY else NARROW
    most = UNLIMITED if budget.solutions is None else budget.solutions
    rounds = min(budget.iterations or UNLIMITED, 1000 + ENOUGH * count**2)
    done, size, share = 0, 16, 0.0
    while done < rounds and share < 1 and walk.book[IMPROVED] < most:
        size = min(size, rounds - done)
        called = time.monotonic()
        if budget.iterations is None:
            ahead = min(1.0, max(done + size, 1) / rounds)
            ahead = max(ahead, min(1.0, share + size * _pace(done, called - began) / span))
        else:
            ahead = (done + size) / rounds
        anneal(size, hot * fall**-share, hot * fall**-ahead, wider, most, day, tours, walk)
        done += size
        now = time.monotonic()
        share = ahead if budget.iterations is not None else max(done / rounds, (now - began) / span)
        if now >= deadline:
            return
        if budget.iterations is None:
            pace = max(1e-7, (now - called) / size)
            size = max(1, min(8 * size, int(min(STRETCH_S, deadline - now) / pace)))
        else:
            size = min(8 * size, 4096)


def _pace(done: int, seconds: float) -> float:
    return seconds / done if done else 0.0


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


def _sequences(problem: Problem, walk: Walk) -> dict[str, tuple[str, ...]]:
    return {
        crew.id: tuple(
            problem.orders[x].id for x in walk.best_stops[number, : walk.best_length[number]]
        )
        for number, crew in enumerate(problem.crews)
    }
