"""Changing tours so that a whole round can be undone: a touched crew works on its other row."""

from __future__ import annotations

from dispatch.search.compiled import part
from dispatch.search.label import relabel
from dispatch.search.layout import (
    ABSENT,
    ALL_INCOME,
    ALL_WORK,
    DRIVEN,
    EARNED,
    FEE,
    FLAT_PRICE,
    INCOME,
    INCOME_RATE,
    INCOME_TILT,
    LENGTH,
    LISTED_IN,
    LOAD,
    LOCKED,
    LOST,
    NEWEST,
    OWNER,
    PENALTY,
    PRICE,
    ROUND,
    ROW,
    SPREAD_RATE,
    STOP,
    TIME_PRICE,
    TOUCHED,
    TOUCHED_IN,
    TRAVEL_RATE,
    WHERE,
    WORK,
    WORK_TILT,
    Day,
    Tours,
    Walk,
)


@part
def touch(c: int, tours: Tours, walk: Walk) -> None:
    """Move the crew to its other row, once per round."""
    if tours.hands[c, TOUCHED_IN] == walk.book[ROUND]:
        return
    tours.hands[c, TOUCHED_IN] = walk.book[ROUND]
    walk.touched[walk.book[TOUCHED]] = c
    walk.book[TOUCHED] += 1
    old = tours.hands[c, ROW]
    new = old ^ 1
    n = tours.rows[old, LENGTH]
    tours.rows[new, LENGTH] = n
    for i in range(n):
        tours.cells[new, i, STOP] = tours.cells[old, i, STOP]
        tours.cells[new, i, FEE] = tours.cells[old, i, FEE]
    for column in range(tours.rows.shape[1]):
        tours.rows[new, column] = tours.rows[old, column]
    tours.hands[c, ROW] = new


@part
def count_in(c: int, sign: int, day: Day, tours: Tours) -> None:
    """Add (or take away) a crew's sums to (from) the totals."""
    sums = tours.rows[tours.hands[c, ROW]]
    tours.totals[ALL_WORK] += sign * sums[WORK]
    tours.totals[ALL_INCOME] += sign * sums[INCOME]
    price = sums[TIME_PRICE] + day.rates[TRAVEL_RATE] * sums[DRIVEN] + sums[FLAT_PRICE]
    tours.totals[PRICE] += sign * price


@part
def left_out(x: int, c: int, day: Day, tours: Tours, walk: Walk) -> None:
    """Note that the order has left the crew's route and waits to be inserted."""
    tours.spots[x, WHERE] = -1
    tours.totals[PRICE] += day.orders[x, PENALTY]
    owner = day.orders[x, OWNER]
    if owner >= 0 and owner != c:
        tours.hands[owner, LOST] -= 1
    tours.spots[x, LISTED_IN] = walk.book[ROUND]
    walk.absent[walk.book[ABSENT]] = x
    walk.book[ABSENT] += 1


@part
def mend(c: int, day: Day, tours: Tours, walk: Walk) -> None:
    """Relabel a crew, leaving out what can no longer be reached in time."""
    r = tours.hands[c, ROW]
    while True:
        broken = relabel(c, day, tours)
        if broken < 0:
            return
        i = min(broken, tours.rows[r, LENGTH] - 1)
        if i < day.crews[c, LOCKED]:
            return
        left_out(tours.cells[r, i, STOP], c, day, tours, walk)
        for j in range(i, tours.rows[r, LENGTH] - 1):
            tours.cells[r, j, STOP] = tours.cells[r, j + 1, STOP]
            tours.cells[r, j, FEE] = tours.cells[r, j + 1, FEE]
        tours.rows[r, LENGTH] -= 1


@part
def take_out(
    c: int, begin: int, end: int, skip: int, resume: int, day: Day, tours: Tours, walk: Walk
) -> None:
    """Leave out the crew's stops begin..end-1 but not skip..resume-1."""
    touch(c, tours, walk)
    count_in(c, -1, day, tours)
    r = tours.hands[c, ROW]
    kept = begin
    for i in range(begin, tours.rows[r, LENGTH]):
        x = tours.cells[r, i, STOP]
        if i < end and not skip <= i < resume:
            left_out(x, c, day, tours, walk)
            continue
        tours.cells[r, kept, STOP] = x
        tours.cells[r, kept, FEE] = tours.cells[r, i, FEE]
        kept += 1
    tours.rows[r, LENGTH] = kept
    mend(c, day, tours, walk)
    count_in(c, 1, day, tours)


@part
def put_in(x: int, c: int, p: int, fee: int, day: Day, tours: Tours, walk: Walk) -> None:
    """Insert the order into the crew's route before its stop p."""
    touch(c, tours, walk)
    count_in(c, -1, day, tours)
    r = tours.hands[c, ROW]
    for i in range(tours.rows[r, LENGTH], p, -1):
        tours.cells[r, i, STOP] = tours.cells[r, i - 1, STOP]
        tours.cells[r, i, FEE] = tours.cells[r, i - 1, FEE]
    tours.cells[r, p, STOP] = x
    tours.cells[r, p, FEE] = fee
    tours.rows[r, LENGTH] += 1
    tours.spots[x, WHERE] = c
    tours.totals[PRICE] -= day.orders[x, PENALTY]
    owner = day.orders[x, OWNER]
    if owner >= 0 and owner != c:
        tours.hands[owner, LOST] += 1
    mend(c, day, tours, walk)
    count_in(c, 1, day, tours)


@part
def _account(c: int, sign: int, day: Day, tours: Tours) -> None:
    """Note for every order of the crew's row that it is there, or no longer."""
    r = tours.hands[c, ROW]
    for i in range(tours.rows[r, LENGTH]):
        x = tours.cells[r, i, STOP]
        tours.spots[x, WHERE] = c if sign > 0 else -1
        owner = day.orders[x, OWNER]
        if owner >= 0 and owner != c:
            tours.hands[owner, LOST] += sign


@part
def undo(day: Day, tours: Tours, walk: Walk) -> None:
    """Put every touched crew back on the row that it had at the start of the round."""
    for i in range(walk.book[TOUCHED]):
        _account(walk.touched[i], -1, day, tours)
    for i in range(walk.book[TOUCHED]):
        c = walk.touched[i]
        tours.hands[c, ROW] ^= 1
        _account(c, 1, day, tours)
    for cell in range(NEWEST):
        tours.totals[cell] = walk.before[cell]


@part
def lean(day: Day, tours: Tours) -> None:
    """Count for `cheapest` how many more crews are below the means than above."""
    count = day.crews.shape[0]
    work = income = 0
    for c in range(count):
        mine = day.crews[c, LOAD] + tours.rows[tours.hands[c, ROW], WORK]
        work += 1 if count * mine < tours.totals[ALL_WORK] else -1
        mine = day.crews[c, EARNED] + tours.rows[tours.hands[c, ROW], INCOME]
        income += 1 if count * mine < tours.totals[ALL_INCOME] else -1
    tours.totals[WORK_TILT] = work
    tours.totals[INCOME_TILT] = income


@part
def full_price(day: Day, tours: Tours) -> int:
    """The plan's whole price in thousandths, fairness exactly as `dispatch.price` sums it."""
    price = tours.totals[PRICE]
    count = day.crews.shape[0]
    if day.rates[SPREAD_RATE] > 0:
        apart = 0
        for c in range(count):
            mine = day.crews[c, LOAD] + tours.rows[tours.hands[c, ROW], WORK]
            apart += abs(count * mine - tours.totals[ALL_WORK])
        price += day.rates[SPREAD_RATE] * apart // count
    if day.rates[INCOME_RATE] > 0:
        apart = 0
        for c in range(count):
            mine = day.crews[c, EARNED] + tours.rows[tours.hands[c, ROW], INCOME]
            apart += abs(count * mine - tours.totals[ALL_INCOME])
        price += day.rates[INCOME_RATE] * apart // count
    return int(price)
