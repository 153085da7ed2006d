"""One search, or two side by side when there is time and a free core."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dispatch.model import Budget
from dispatch.problem import Problem
from dispatch.search.partner import PARTNER, has_free_core, has_second_core
from dispatch.search.run import Found, run

WORTH_S = 2.0
"""Seconds from which a partner is asked."""
_busy = threading.Lock()


def prepare() -> None:
    """Start the partner where a second core could be free."""
    if has_second_core():
        PARTNER.prepare()


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
        PARTNER.ask(problem, start, budget, seed + 1_000_003, deadline)
        mine = run(problem, start, budget, seed=seed, until=deadline)
        theirs = PARTNER.answer(deadline)
    finally:
        _busy.release()
    return better(mine, theirs) if isinstance(theirs, Found) else mine


def better(mine: Found, theirs: Found) -> Found:
    """The cheaper of two searches, with what both know."""
    best = theirs if theirs.price < mine.price else mine
    return replace(best, rounds=mine.rounds + theirs.rounds, pool=mine.pool | theirs.pool)
