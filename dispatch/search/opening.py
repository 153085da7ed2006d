"""Taking a plan over: label its tours, as the start of a search or in the middle of one."""

from __future__ import annotations

from dispatch.search.anneal import note_best, recreate, start_round
from dispatch.search.borrowed import borrow, borrow_day, borrow_tours, borrow_walk
from dispatch.search.change import count_in, full_price, mend
from dispatch.search.compiled import kernel, part
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
    MAY_CHANGE,
    MAY_MOVE,
    NEWEST,
    OWNER,
    PENALTY,
    PRICE,
    ROUND,
    ROW,
    SEATED,
    SEEDS,
    STOP,
    VERSION,
    WHERE,
    WHO,
    Day,
    Ints,
    Stops,
    Tours,
    Walk,
)


@part
def _fee(x: int, c: int, day: Day) -> int:
    """What the order costs with this crew; -1 when the crew must not have it."""
    for e in range(day.first[x], day.first[x + 1]):
        if day.options[e, WHO] == c:
            return int(day.options[e, FLAT])
    return -1


@part
def _stands(c: int, plan: Stops, tours: Tours) -> bool:
    """True when the crew's row is labelled and holds these very stops."""
    r = tours.hands[c, ROW]
    n = tours.rows[r, LENGTH]
    if tours.rows[r, VERSION] == 0 or n != plan.length[c]:
        return False
    i = 0
    while i < n and tours.cells[r, i, STOP] == plan.at[c, i]:
        i += 1
    return bool(i == n)


@part
def _seat(c: int, plan: Stops, day: Day, tours: Tours, walk: Walk) -> None:
    """Give the crew these stops, without those that it must not have or cannot reach."""
    r = tours.hands[c, ROW]
    kept = 0
    for i in range(plan.length[c]):
        x = plan.at[c, i]
        fee = _fee(x, c, day)
        if fee < 0 and day.orders[x, ACCEPTED] == 0:
            continue
        tours.cells[r, kept, STOP] = x
        tours.cells[r, kept, FEE] = max(0, fee)
        kept += 1
    tours.rows[r, LENGTH] = kept
    mend(c, day, tours, walk)


@part
def _count(day: Day, tours: Tours) -> None:
    """Sum up everything anew from the crews' rows."""
    for cell in range(NEWEST):
        tours.totals[cell] = 0
    for x in range(day.orders.shape[0]):
        tours.spots[x, WHERE] = -1
    for c in range(day.crews.shape[0]):
        tours.hands[c, LOST] = 0
    for c in range(day.crews.shape[0]):
        tours.totals[ALL_WORK] += day.crews[c, LOAD]
        tours.totals[ALL_INCOME] += day.crews[c, EARNED]
        count_in(c, 1, day, tours)
        r = tours.hands[c, ROW]
        for i in range(tours.rows[r, LENGTH]):
            x = tours.cells[r, i, STOP]
            tours.spots[x, WHERE] = c
            owner = day.orders[x, OWNER]
            if owner >= 0 and owner != c:
                tours.hands[owner, LOST] += 1
    for x in range(day.orders.shape[0]):
        if tours.spots[x, WHERE] < 0:
            tours.totals[PRICE] += day.orders[x, PENALTY]


@part
def _sit(plan: Stops, day: Day, tours: Tours, walk: Walk) -> None:
    """Take the plan as it is, without what breaks a rule, and note it as the best."""
    start_round(tours, walk)
    for c in range(day.crews.shape[0]):
        if not _stands(c, plan, tours):
            _seat(c, plan, day, tours, walk)
    _count(day, tours)
    walk.book[CURRENT] = full_price(day, tours)
    note_best(day, tours, walk)


@part
def _leave_alone(crews: Ints, orders: Ints, tours: Tours, walk: Walk) -> None:
    """From now on change only crews and orders that are marked with 1."""
    for c in range(crews.shape[0]):
        tours.hands[c, MAY_CHANGE] = crews[c]
    seeds = 0
    for x in range(orders.shape[0]):
        tours.spots[x, MAY_MOVE] = orders[x]
        if orders[x] > 0:
            walk.seeds[seeds] = x
            seeds += 1
    walk.book[SEEDS] = seeds


@kernel
def open_tours(
    sort: int,
    owned_plan: Stops,
    owned_crews: Ints,
    owned_orders: Ints,
    owned_day: Day,
    owned_tours: Tours,
    owned_walk: Walk,
) -> None:
    """Take the plan over, note it as the best, then insert the rest in the order of `sort`.

    From now on only crews and orders that are marked with 1 change. A negative `sort` inserts
    nothing. `walk.book[BEST]` is the price with nothing inserted, or with it when that is lower.
    One kernel for both uses: each that Python calls takes half a second to load with all it calls.
    """
    day, tours = borrow_day(owned_day), borrow_tours(owned_tours)
    walk = borrow_walk(owned_walk)
    plan = Stops(borrow(owned_plan.at), borrow(owned_plan.length))
    _leave_alone(borrow(owned_crews), borrow(owned_orders), tours, walk)
    _sit(plan, day, tours, walk)
    walk.book[SEATED] = walk.book[CURRENT]
    if sort < 0:
        return
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
