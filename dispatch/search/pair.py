"""One search, or two at once on two cores that now and then look at each other's best plan.

The kernels need no interpreter, so two threads search at full speed in one process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dispatch.budget import Budget
from dispatch.problem import Problem
from dispatch.search.halves import anneal_halves
from dispatch.search.layout import Stops
from dispatch.search.prepare import day_of
from dispatch.search.run import Found, Searcher, run

WORTH_S = 0.1
"""Seconds from which a second search is worth its thread."""
LARGE, CREWS = 250, 12
"""Orders and crews from which two searches have half of the day each."""
MEETINGS = (0.5, 0.7, 0.85, 0.95)
"""Shares of the time after which the search that lags goes on from the other's best plan."""
_busy = threading.Lock()


def search(
    problem: Problem,
    start: Mapping[str, Sequence[str]] | None,
    budget: Budget,
    *,
    seed: int = 0,
    until: float | None = None,
) -> Found:
    """Search until the monotonic instant `until`; see `run`. A budget of iterations goes alone."""
    deadline = time.monotonic() + budget.seconds if until is None else until
    counted = budget.iterations is not None or budget.solutions is not None
    short = deadline - time.monotonic() < WORTH_S
    if counted or short or not _busy.acquire(blocking=False):
        return run(problem, start, budget, seed=seed, until=deadline)
    try:
        if not has_free_core():
            return run(problem, start, budget, seed=seed, until=deadline)
        return _both(problem, start, budget, seed, deadline)
    finally:
        _busy.release()


def _both(
    problem: Problem,
    start: Mapping[str, Sequence[str]] | None,
    budget: Budget,
    seed: int,
    deadline: float,
) -> Found:
    day = day_of(problem)

    def searcher(side: int) -> Searcher:
        own = seed + 1_000_003 * side
        return Searcher(problem, day, start, budget, seed=own, deadline=deadline)

    with ThreadPoolExecutor(1, thread_name_prefix="search") as other:
        theirs = other.submit(searcher, 1)
        first, second = searcher(0), theirs.result()
        if len(problem.orders) >= LARGE and len(problem.crews) >= CREWS:
            anneal_halves(first, second, other, day, seed=seed, deadline=deadline)
        else:
            _side_by_side(first, second, other)
    return better(first.found(), second.found())


def _side_by_side(first: Searcher, second: Searcher, other: Executor) -> None:
    """Each anneals the whole day; now and then the one that lags takes the other's best plan."""
    board = Board()
    theirs = other.submit(second.go, board.side(1, second))
    try:
        first.go(board.side(0, first))
    finally:
        board.closed = not theirs.done()
        theirs.result()


class Board:
    """Where two searches show their best plans. Nobody waits for the other."""

    def __init__(self) -> None:
        self.closed = False
        """One of them has ended: the other one follows."""
        self._shown: list[tuple[int, Stops] | None] = [None, None]

    def side(self, number: int, searcher: Searcher) -> Callable[[float], bool]:
        """What the search with this number calls after every stretch."""
        met = 0

        def look(share: float) -> bool:
            nonlocal met
            mine, price = self._shown[number], searcher.price
            if mine is None or price < mine[0]:
                self._shown[number] = (price, searcher.best())
            if met < len(MEETINGS) and share >= MEETINGS[met]:
                met += 1
                theirs = self._shown[1 - number]
                if theirs is not None and theirs[0] < price:
                    searcher.adopt(theirs[1])
            return not self.closed

        return look


def has_free_core() -> bool:
    """Whether a second core is idle now; False where the system does not tell."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        usable = len(os.sched_getaffinity(0))
        fewest = 1 << 30
        for _ in range(3):
            running = Path("/proc/loadavg").read_text().split()[3].partition("/")[0]
            fewest = min(fewest, int(running))
            time.sleep(0.001)
        return fewest < usable
    return False


def better(mine: Found, theirs: Found) -> Found:
    """The cheaper of two searches, with what both know."""
    best = theirs if theirs.price < mine.price else mine
    return replace(
        best,
        rounds=mine.rounds + theirs.rounds,
        searches=mine.searches + theirs.searches,
        pool=mine.pool | theirs.pool,
    )
