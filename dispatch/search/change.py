"""Changing tours so that a whole round can be undone: a touched crew works on its other row."""

from __future__ import annotations

from dispatch.search.compiled import kernel
from dispatch.search.label import relabel
from dispatch.search.layout import (
    ABSENT,
    ALL_INCOME,
    ALL_WORK,
    DRIVEN,
    EARNED,
    FLAT_PRICE,
    INCOME,
    INCOME_RATE,
    LOAD,
    LOCKED,
    OWNER,
    PENALTY,
    PRICE,
    ROUND,
    SPREAD_RATE,
    TIME_PRICE,
    TOUCHED,
    TRAVEL_RATE,
    WORK,
    Day,
    Tours,
    Walk,
)


@kernel
def touch(c: int, tours: Tours, walk: Walk) -> None:
    """Move the crew to its other row, once per round."""
    if walk.touched_in[c] == walk.book[ROUND]:
        return
    walk.touched_in[c] = walk.book[ROUND]
    walk.touched[walk.book[TOUCHED]] = c
    walk.book[TOUCHED] += 1
    old = tours.row[c]
    new = old ^ 1
    n = tours.length[old]
    tours.length[new] = n
    for i in range(n):
        tours.stops[new, i] = tours.stops[old, i]
        tours.fee[new, i] = tours.fee[old, i]
    for column in range(tours.sums.shape[1]):
        tours.sums[new, column] = tours.sums[old, column]
    tours.row[c] = new


@kernel
def count_in(c: int, sign: int, day: Day, tours: Tours) -> None:
    """Add (or take away) a crew's sums to (from) the totals."""
    sums = tours.sums[tours.row[c]]
    tours.totals[ALL_WORK] += sign * sums[WORK]
    tours.totals[ALL_INCOME] += sign * sums[INCOME]
    price = sums[TIME_PRICE] + day.rates[TRAVEL_RATE] * sums[DRIVEN] + sums[FLAT_PRICE]
    tours.totals[PRICE] += sign * price


@kernel
def left_out(x: int, c: int, day: Day, tours: Tours, walk: Walk) -> None:
    """Note that the order has left the crew's route and waits to be inserted."""
    tours.where[x] = -1
    tours.totals[PRICE] += day.orders[x, PENALTY]
    owner = day.orders[x, OWNER]
    if owner >= 0 and owner != c:
        tours.lost[owner] -= 1
    walk.absent_in[x] = walk.book[ROUND]
    walk.absent[walk.book[ABSENT]] = x
    walk.book[ABSENT] += 1


@kernel
def mend(c: int, day: Day, tours: Tours, walk: Walk) -> None:
    """Relabel a crew, leaving out what can no longer be reached in time."""
    r = tours.row[c]
    while True:
        broken = relabel(c, day, tours)
        if broken < 0:
            return
        i = min(broken, tours.length[r] - 1)
        if i < day.crews[c, LOCKED]:
            return
        left_out(tours.stops[r, i], c, day, tours, walk)
        for j in range(i, tours.length[r] - 1):
            tours.stops[r, j] = tours.stops[r, j + 1]
            tours.fee[r, j] = tours.fee[r, j + 1]
        tours.length[r] -= 1


@kernel
def take_out(
    c: int, begin: int, end: int, skip: int, resume: int, day: Day, tours: Tours, walk: Walk
) -> None:
    """Leave out the crew's stops begin..end-1 but not skip..resume-1."""
    touch(c, tours, walk)
    count_in(c, -1, day, tours)
    r = tours.row[c]
    kept = begin
    for i in range(begin, tours.length[r]):
        x = tours.stops[r, i]
        if i < end and not skip <= i < resume:
            left_out(x, c, day, tours, walk)
            continue
        tours.stops[r, kept] = x
        tours.fee[r, kept] = tours.fee[r, i]
        kept += 1
    tours.length[r] = kept
    mend(c, day, tours, walk)
    count_in(c, 1, day, tours)


@kernel
def put_in(x: int, c: int, p: int, fee: int, day: Day, tours: Tours, walk: Walk) -> None:
    """Insert the order into the crew's route before its stop p."""
    touch(c, tours, walk)
    count_in(c, -1, day, tours)
    r = tours.row[c]
    for i in range(tours.length[r], p, -1):
        tours.stops[r, i] = tours.stops[r, i - 1]
        tours.fee[r, i] = tours.fee[r, i - 1]
    tours.stops[r, p] = x
    tours.fee[r, p] = fee
    tours.length[r] += 1
    tours.where[x] = c
    tours.totals[PRICE] -= day.orders[x, PENALTY]
    owner = day.orders[x, OWNER]
    if owner >= 0 and owner != c:
        tours.lost[owner] += 1
    mend(c, day, tours, walk)
    count_in(c, 1, day, tours)


@kernel
def _account(c: int, sign: int, day: Day, tours: Tours) -> None:
    """Note for every order of the crew's row that it is there, or no longer."""
    r = tours.row[c]
    for i in range(tours.length[r]):
        x = tours.stops[r, i]
        tours.where[x] = c if sign > 0 else -1
        owner = day.orders[x, OWNER]
        if owner >= 0 and owner != c:
            tours.lost[owner] += sign


@kernel
def undo(day: Day, tours: Tours, walk: Walk) -> None:
    """Put every touched crew back on the row that it had at the start of the round."""
    for i in range(walk.book[TOUCHED]):
        _account(walk.touched[i], -1, day, tours)
    for i in range(walk.book[TOUCHED]):
        c = walk.touched[i]
        tours.row[c] ^= 1
        _account(c, 1, day, tours)
    tours.totals[:] = walk.before


@kernel
def full_price(day: Day, tours: Tours) -> int:
    """The plan's whole price in thousandths, fairness exactly as `dispatch.price` sums it."""
    price = tours.totals[PRICE]
    count = day.crews.shape[0]
    if day.rates[SPREAD_RATE] > 0:
        total = tours.totals[ALL_WORK]
        apart = 0
        for c in range(count):
            total += day.crews[c, LOAD]
        for c in range(count):
            mine = day.crews[c, LOAD] + tours.sums[tours.row[c], WORK]
            apart += abs(count * mine - total)
        price += day.rates[SPREAD_RATE] * apart // count
    if day.rates[INCOME_RATE] > 0:
        total = tours.totals[ALL_INCOME]
        apart = 0
        for c in range(count):
            total += day.crews[c, EARNED]
        for c in range(count):
            mine = day.crews[c, EARNED] + tours.sums[tours.row[c], INCOME]
            apart += abs(count * mine - total)
        price += day.rates[INCOME_RATE] * apart // count
    return price
