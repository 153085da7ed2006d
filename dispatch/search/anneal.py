"""Slack induction by string removals: ruin a few strings of neighbours, recreate, anneal.

After Christiaens and Vanden Berghe, Transportation Science 2020, with orders that may stay out.
"""

from __future__ import annotations

import math

from dispatch.search.borrowed import borrow_day, borrow_tours, borrow_walk
from dispatch.search.chance import Dice, draw, draw_below
from dispatch.search.change import full_price, lean, put_in, take_out, undo
from dispatch.search.cheapest import cheapest
from dispatch.search.compiled import kernel, part
from dispatch.search.layout import (
    ABSENT,
    ACCEPTED,
    BEST,
    CLOSE,
    CROWD,
    CURRENT,
    DUE,
    IMPROVED,
    INCOME_RATE,
    LENGTH,
    LISTED_IN,
    LOCKED,
    MAY_MOVE,
    PENALTY,
    REMOTE,
    ROUND,
    ROW,
    SEEDS,
    SERVICE,
    SPREAD_RATE,
    STOP,
    TOUCHED,
    TOUCHED_IN,
    WHERE,
    Day,
    Tours,
    Walk,
)

REMOVED = 10.0
"""Orders removed per round, on average."""
LONGEST_STRING = 10
SPLIT = 0.5
"""Share of the removals that keep a piece of the string in place."""
WIDEN = 0.01
"""Chance that this piece is one longer."""
BLINK = 0.01
"""Chance that a position is overlooked."""


@part
def _average_length(day: Day, tours: Tours) -> float:
    stops = used = 0
    for c in range(day.crews.shape[0]):
        n = tours.rows[tours.hands[c, ROW], LENGTH] - day.crews[c, LOCKED]
        if n > 0:
            stops += n
            used += 1
    return stops / used if used > 0 else 1.0


@part
def _remove_string(x: int, longest: float, day: Day, tours: Tours, walk: Walk) -> None:
    """Take out a string of the route around order x."""
    dice = walk.dice
    c = tours.spots[x, WHERE]
    r = tours.hands[c, ROW]
    low, n = day.crews[c, LOCKED], tours.rows[r, LENGTH]
    at = low
    while tours.cells[r, at, STOP] != x:
        at += 1
    size = 1 + draw_below(dice, int(min(longest, n - low)))
    kept = 0
    if size > 1 and low + size < n and draw(dice) < SPLIT:
        kept = 1
        while low + size + kept < n and draw(dice) < WIDEN:
            kept += 1
    begin_low = max(low, at - size - kept + 1)
    begin_high = min(at, n - size - kept)
    begin = begin_low + draw_below(dice, begin_high - begin_low + 1)
    skip = begin + 1 + draw_below(dice, size - 1) if kept > 0 else 0
    take_out(c, begin, begin + size + kept, skip, skip + kept, day, tours, walk)


@part
def _touched(c: int, tours: Tours, walk: Walk) -> bool:
    return bool(tours.hands[c, TOUCHED_IN] == walk.book[ROUND])


@part
def ruin(wider: int, day: Day, tours: Tours, walk: Walk) -> None:
    """Remove strings around a random order, and list `wider` neighbours that were out already."""
    orders, dice = day.orders, walk.dice
    seed = walk.seeds[draw_below(dice, walk.book[SEEDS])]
    longest = max(1.0, min(float(LONGEST_STRING), _average_length(day, tours)))
    strings = math.floor(draw(dice) * (4.0 * REMOVED / (1.0 + longest) - 1.0) + 1.0)
    removed = waiting = 0
    for i in range(day.near.shape[1]):
        x = day.near[seed, i]
        if tours.spots[x, MAY_MOVE] == 0:
            continue
        c = tours.spots[x, WHERE]
        if c < 0:
            fresh = tours.spots[x, LISTED_IN] != walk.book[ROUND]
            if waiting < wider and fresh and orders[x, CROWD] > 0:
                tours.spots[x, LISTED_IN] = walk.book[ROUND]
                walk.absent[walk.book[ABSENT]] = x
                walk.book[ABSENT] += 1
                waiting += 1
        elif removed < strings and orders[x, ACCEPTED] == 0 and not _touched(c, tours, walk):
            _remove_string(x, longest, day, tours, walk)
            removed += 1
        if removed >= strings and waiting >= wider:
            break


@part
def _key(x: int, sort: int, day: Day, dice: Dice) -> float:
    """What the orders to insert are sorted by, smallest first."""
    orders = day.orders
    if sort < 4:
        return draw(dice)
    if sort < 6:
        return -float(orders[x, PENALTY])
    if sort < 10:
        return -float(orders[x, PENALTY] / (orders[x, SERVICE] + 600.0))
    if sort < 11:
        return -float(orders[x, SERVICE])
    if sort < 13:
        return float(min(orders[x, CLOSE], orders[x, DUE]))
    if sort < 14:
        return -float(orders[x, REMOTE])
    return float(orders[x, REMOTE])


SORTS = 15


@part
def recreate(sort: int, blink: float, day: Day, tours: Tours, walk: Walk) -> None:
    """Insert each listed order at its cheapest place if that costs less than leaving it out."""
    absent, keys = walk.absent, walk.keys
    count = walk.book[ABSENT]
    for i in range(count):
        x = absent[i]
        key = _key(x, sort, day, walk.dice)
        j = i
        while j > 0 and keys[j - 1] > key:
            keys[j] = keys[j - 1]
            absent[j] = absent[j - 1]
            j -= 1
        keys[j] = key
        absent[j] = x
    if day.rates[SPREAD_RATE] > 0 or day.rates[INCOME_RATE] > 0:
        lean(day, tours)
    for i in range(count):
        x = absent[i]
        _, c, p, fee = cheapest(x, blink, walk.dice, day.orders[x, PENALTY], day, tours)
        if c >= 0:
            put_in(x, c, p, fee, day, tours, walk)


@part
def start_round(tours: Tours, walk: Walk) -> None:
    walk.book[ROUND] += 1
    walk.book[TOUCHED] = 0
    walk.book[ABSENT] = 0
    walk.before[:] = tours.totals


@part
def note_best(day: Day, tours: Tours, walk: Walk) -> None:
    """Keep the plan at hand as the best."""
    walk.book[BEST] = walk.book[CURRENT]
    for c in range(day.crews.shape[0]):
        r = tours.hands[c, ROW]
        n = tours.rows[r, LENGTH]
        walk.best_length[c] = n
        for i in range(n):
            walk.best_stops[c, i] = tours.cells[r, i, STOP]


@part
def remember(day: Day, tours: Tours, walk: Walk) -> None:
    """Keep the routes that this round changed; each has one slot, the newest stays."""
    slots = walk.pool.shape[0]
    for i in range(walk.book[TOUCHED]):
        c = walk.touched[i]
        r = tours.hands[c, ROW]
        n = tours.rows[r, LENGTH]
        if n <= day.crews[c, LOCKED] or n + 2 > walk.pool.shape[1]:
            continue
        mark = c
        for j in range(n):
            mark = (mark * 31 + tours.cells[r, j, STOP] + 1) & 0xFFFFFFFFFF
        slot = (mark ^ (mark >> 17)) & (slots - 1)
        walk.pool[slot, 0] = c + 1
        walk.pool[slot, 1] = n
        for j in range(n):
            walk.pool[slot, j + 2] = tours.cells[r, j, STOP]


@kernel
def anneal(
    rounds: int,
    hot: float,
    cold: float,
    wider: int,
    most: int,
    owned_day: Day,
    owned_tours: Tours,
    owned_walk: Walk,
) -> None:
    """Go `rounds` rounds while cooling from `hot` to `cold` (thousandths of price).

    Ends early when the best has improved `most` times in all.
    """
    day, tours = borrow_day(owned_day), borrow_tours(owned_tours)
    walk = borrow_walk(owned_walk)
    heat = hot
    cooling = math.exp(math.log(cold / hot) / rounds)
    for _ in range(rounds):
        if walk.book[IMPROVED] >= most:
            return
        start_round(tours, walk)
        ruin(wider, day, tours, walk)
        recreate(draw_below(walk.dice, SORTS), BLINK, day, tours, walk)
        price = full_price(day, tours)
        heat *= cooling
        if price < walk.book[CURRENT] - heat * math.log(1.0 - draw(walk.dice)):
            walk.book[CURRENT] = price
            remember(day, tours, walk)
            if price < walk.book[BEST]:
                walk.book[IMPROVED] += 1
                note_best(day, tours, walk)
        else:
            undo(day, tours, walk)
