"""The start of a search: label the given tours, then insert everything that is left."""

from __future__ import annotations

from dispatch.search.anneal import note_best, recreate, start_round
from dispatch.search.change import count_in, full_price, mend
from dispatch.search.compiled import kernel
from dispatch.search.layout import (
    ABSENT,
    ACCEPTED,
    BEST,
    CROWD,
    CURRENT,
    OWNER,
    PENALTY,
    PRICE,
    ROUND,
    Day,
    Tours,
    Walk,
)


@kernel
def _fee(x: int, c: int, day: Day) -> int:
    """What the order costs with this crew; -1 when the crew must not have it."""
    for e in range(day.first[x], day.first[x + 1]):
        if day.who[e] == c:
            return day.flat[e]
    return -1


@kernel
def _sit(day: Day, tours: Tours, walk: Walk) -> None:
    """Take the given tours as they are, without what breaks a rule."""
    start_round(tours, walk)
    for c in range(day.crews.shape[0]):
        r = tours.row[c]
        kept = 0
        for i in range(tours.length[r]):
            x = tours.stops[r, i]
            fee = _fee(x, c, day)
            if fee < 0 and day.orders[x, ACCEPTED] == 0:
                continue
            tours.stops[r, kept] = x
            tours.fee[r, kept] = max(0, fee)
            tours.where[x] = c
            owner = day.orders[x, OWNER]
            if owner >= 0 and owner != c:
                tours.lost[owner] += 1
            kept += 1
        tours.length[r] = kept
        mend(c, day, tours, walk)
    tours.totals[:] = 0
    for c in range(day.crews.shape[0]):
        count_in(c, 1, day, tours)
    for x in range(day.orders.shape[0]):
        if tours.where[x] < 0:
            tours.totals[PRICE] += day.orders[x, PENALTY]


@kernel
def open_tours(sort: int, day: Day, tours: Tours, walk: Walk) -> None:
    """Label the tours, note them as the best, then insert the rest in the order of `sort`.

    `walk.book[BEST]` is the price with nothing inserted, or with it when that is lower.
    """
    _sit(day, tours, walk)
    walk.book[CURRENT] = full_price(day, tours)
    note_best(day, tours, walk)
    start_round(tours, walk)
    for x in range(day.orders.shape[0]):
        if tours.where[x] < 0 and day.orders[x, CROWD] > 0:
            walk.absent[walk.book[ABSENT]] = x
            walk.absent_in[x] = walk.book[ROUND]
            walk.book[ABSENT] += 1
    recreate(sort, -1.0, day, tours, walk)
    walk.book[CURRENT] = full_price(day, tours)
    if walk.book[CURRENT] < walk.book[BEST]:
        note_best(day, tours, walk)
