"""A large day in two halves that two searches anneal at the same time, cut anew again and again.

Ruin and recreate changes a few neighbouring routes at a time, so two searches of a large day do
the same work twice when both have all of it. Each gets half of the crews instead, with what these
serve and what waits near them, and leaves the other half as it stands. After every epoch the halves
are put together and cut along another line.
"""

from __future__ import annotations

import time
from concurrent.futures import Executor

import numpy as np

from dispatch.search.layout import FAR, OWNER, PLACE, START, Day, Ints, Stops
from dispatch.search.run import Searcher

EPOCHS, EPOCH_S = 80, 0.0125
"""How often the day is cut within one search, and the least seconds between."""
DRAWN = 8
"""Places that are drawn to find one that is far from the first."""


def anneal_halves(
    first: Searcher, second: Searcher, other: Executor, day: Day, *, seed: int, deadline: float
) -> None:
    """Spend the time until the deadline, the second on `other`; both end at the best plan."""
    if not first.worth_it:
        return
    dice = np.random.default_rng(seed)
    plan = best = first.best()
    price = first.price
    began = time.monotonic()
    epochs = max(1, min(EPOCHS, int((deadline - began) / EPOCH_S)))
    for epoch in range(epochs):
        share, upto = epoch / epochs, (epoch + 1) / epochs
        until = began + (deadline - began) * upto
        crews, orders = cut(day, plan, dice)
        first.adopt(plan, crews, orders)
        second.adopt(plan, 1 - crews, 1 - orders)
        theirs = other.submit(second.cool, share, upto, until)
        try:
            first.cool(share, upto, until)
        finally:
            theirs.result()
        plan = _joined(first.current(), second.current(), crews)
        joined = _joined(first.best(), second.best(), crews)
        first.adopt(joined)
        if first.price < price:
            best, price = joined, first.price
    for searcher in (first, second):
        searcher.adopt(best)


def cut(day: Day, plan: Stops, dice: np.random.Generator) -> tuple[Ints, Ints]:
    """Mark one half of the crews with 1, and the orders that go with them.

    Two places far from each other are drawn; a crew belongs to the one that its stops are nearer
    to, so that both halves have about as many stops. An order that nobody serves goes with the
    crew that it was published for, or to the nearer place.
    """
    here, there = _poles(day, dice)
    lean = np.minimum(day.travel[here], FAR) - np.minimum(day.travel[there], FAR)
    places = day.orders[:, PLACE]
    crew_of = np.full(len(places), -1)
    score = lean[day.crews[:, START]].astype(np.float64)
    for crew, length in enumerate(plan.length.tolist()):
        if length:
            stops = plan.at[crew, :length]
            crew_of[stops] = crew
            score[crew] = lean[places[stops]].mean()
    ranked = np.argsort(score, kind="stable")
    stops_so_far = np.cumsum(plan.length[ranked] + 1)
    near = int(np.searchsorted(stops_so_far, stops_so_far[-1] / 2)) + 1
    crews = np.zeros(len(score), dtype=np.int64)
    crews[ranked[: min(near, len(score) - 1)]] = 1
    border = score[ranked[min(near, len(score) - 1)]]
    owner = day.orders[:, OWNER]
    keeper = np.where(crew_of >= 0, crew_of, owner)
    orders = np.where(keeper >= 0, crews[keeper], lean[places] < border)
    return crews, orders.astype(np.int64)


def _poles(day: Day, dice: np.random.Generator) -> tuple[int, int]:
    """Two orders' places far from each other, at random."""
    places = day.orders[:, PLACE]
    drawn = places[dice.integers(0, len(places), DRAWN + 1)]
    here, others = int(drawn[0]), drawn[1:]
    way = np.where(day.travel[here, others] < FAR, day.travel[here, others], -1)
    return here, int(others[int(way.argmax())])


def _joined(mine: Stops, theirs: Stops, crews: Ints) -> Stops:
    """The routes of marked crews from one plan, all others from the other."""
    own = crews > 0
    return Stops(
        np.where(own[:, None], mine.at, theirs.at), np.where(own, mine.length, theirs.length)
    )
