"""The start of a search: label the given tours, then insert everything that is left."""

from __future__ import annotations

from dispatch.search.anneal import note_best, recreate, start_round
from dispatch.search.borrowed import borrow_day, borrow_tours, borrow_walk
from dispatch.search.change import count_in, full_price, mend
from dispatch.search.compiled import kernel
from dispatch.search.layout import (
    ABSENT,
    ACCEPTED,
    ALL_INCOME,
    ALL_WORK,
    BEST,
    CROWD,
    CURRENT,
    EARNED,
    FEE,
    FLAT,
    LENGTH,
    LISTED_IN,
    LOAD,
    LOST,
    NEWEST,
    OWNER,
    PENALTY,
    PRICE,
    ROUND,
    ROW,
    SEATED,
    STOP,
    WHERE,
    WHO,
    Day,
    Tours,
    Walk,
)


@kernel
def _fee(x: int, c: int, day: Day) -> int:
    """What the order costs with this crew; -1 when the crew must not have it."""
    for e in range(day.first[x], day.first[x + 1]):
        if day.options[e, WHO] == c:
            return int(day.options[e, FLAT])
    return -1


@kernel
def _sit(day: Day, tours: Tours, walk: Walk) -> None:
    """Take the given tours as they are, without what breaks a rule."""
    start_round(tours, walk)
    for c in range(day.crews.shape[0]):
        r = tours.hands[c, ROW]
        kept = 0
        for i in range(tours.rows[r, LENGTH]):
            x = tours.cells[r, i, STOP]
            fee = _fee(x, c, day)
            if fee < 0 and day.orders[x, ACCEPTED] == 0:
                continue
            tours.cells[r, kept, STOP] = x
            tours.cells[r, kept, FEE] = max(0, fee)
            tours.spots[x, WHERE] = c
            owner = day.orders[x, OWNER]
            if owner >= 0 and owner != c:
                tours.hands[owner, LOST] += 1
            kept += 1
        tours.rows[r, LENGTH] = kept
        mend(c, day, tours, walk)
    for cell in range(NEWEST):
        tours.totals[cell] = 0
    for c in range(day.crews.shape[0]):
        tours.totals[ALL_WORK] += day.crews[c, LOAD]
        tours.totals[ALL_INCOME] += day.crews[c, EARNED]
        count_in(c, 1, day, tours)
    for x in range(day.orders.shape[0]):
        if tours.spots[x, WHERE] < 0:
            tours.totals[PRICE] += day.orders[x, PENALTY]


@kernel
def open_tours(sort: int, owned_day: Day, owned_tours: Tours, owned_walk: Walk) -> None:
    """Label the tours, note them as the best, then insert the rest in the order of `sort`.

    `walk.book[BEST]` is the price with nothing inserted, or with it when that is lower.
    """
    day, tours = borrow_day(owned_day), borrow_tours(owned_tours)
    walk = borrow_walk(owned_walk)
    _sit(day, tours, walk)
    walk.book[SEATED] = full_price(day, tours)
    walk.book[CURRENT] = walk.book[SEATED]
    note_best(day, tours, walk)
    start_round(tours, walk)
    for x in range(day.orders.shape[0]):
        if tours.spots[x, WHERE] < 0 and day.orders[x, CROWD] > 0:
            walk.absent[walk.book[ABSENT]] = x
            tours.spots[x, LISTED_IN] = walk.book[ROUND]
            walk.book[ABSENT] += 1
    recreate(sort, -1.0, day, tours, walk)
    walk.book[CURRENT] = full_price(day, tours)
    if walk.book[CURRENT] < walk.book[BEST]:
        note_best(day, tours, walk)
