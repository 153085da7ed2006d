"""The cheapest place for an order: every position of every crew that could serve it, exactly."""

from __future__ import annotations

import math

from dispatch.search.chance import Dice, draw
from dispatch.search.compiled import part
from dispatch.search.delay import delayed
from dispatch.search.layout import (
    ALL_INCOME,
    ALL_WORK,
    BUILDING,
    CAPACITY,
    CARRIED,
    CLOSE,
    DRIVE,
    DUE,
    EARLY,
    EARNED,
    FAR,
    FLAT,
    FREE,
    FROM,
    INCOME,
    INCOME_RATE,
    INCOME_TILT,
    INSIDE,
    LATE,
    LATE_RATE,
    LEG,
    LENGTH,
    LOAD,
    LOCKED,
    LOST,
    MAY_CHANGE,
    MEMO_AT,
    MEMO_PRICE,
    MEMO_VERSION,
    MEMO_WORK,
    MOST_MOVES,
    OPENS,
    OWNER,
    PLACE,
    POINTS,
    RANK,
    RESTS,
    ROOM,
    ROW,
    SERVICE,
    SETUP,
    SPREAD_RATE,
    STOP,
    TIME_PRICE,
    TRAVEL_RATE,
    UNITS,
    UNTIL,
    VERSION,
    WHO,
    WORK,
    WORK_TILT,
    Day,
    Tours,
)
from dispatch.search.tail import tail_plain

MARGIN = 600_000
"""A place that is dearer than the best by at most this is worth remembering (thousandths)."""


@part
def spread_change(rate: int, mean: float, tilt: int, count: int, now: int, more: int) -> int:
    """What it costs that one crew's total moves from `now` to `now + more`.

    The mean moves by a `count`-th of it, and with it the distance of all others: `tilt` is how many
    more of them are below the mean than above. Exact unless the mean passes one of them.
    """
    shift = more / count
    others = tilt - (1 if now < mean else -1)
    change = abs(now + more - mean - shift) - abs(now - mean) + others * shift
    return math.floor(rate * change)


@part
def _span(x: int, c: int, r: int, day: Day, tours: Tours) -> tuple[int, int]:
    """First and last position at which the crew's own sequence lets the order stand."""
    orders = day.orders
    low, high = day.crews[c, LOCKED], tours.rows[r, LENGTH]
    rank = orders[x, RANK]
    if rank >= 0:
        for i in range(low, tours.rows[r, LENGTH]):
            other = orders[tours.cells[r, i, STOP], RANK]
            if 0 <= other < rank:
                low = i + 1
            elif other > rank:
                high = i
                break
    return low, high


@part
def _unlike_by_work(c: int, more: int, day: Day, tours: Tours) -> int:
    """What it costs that the crew works `more` seconds longer while others do not."""
    rate, count = day.rates[SPREAD_RATE], day.crews.shape[0]
    if rate == 0:
        return 0
    now = day.crews[c, LOAD] + tours.rows[tours.hands[c, ROW], WORK]
    mean = tours.totals[ALL_WORK] / count
    return spread_change(rate, mean, tours.totals[WORK_TILT], count, now, more)


@part
def _unlike_by_income(x: int, c: int, day: Day, tours: Tours) -> int:
    """What it costs that the crew earns what order x pays while others do not."""
    rate, count = day.rates[INCOME_RATE], day.crews.shape[0]
    if rate == 0:
        return 0
    now = day.crews[c, EARNED] + tours.rows[tours.hands[c, ROW], INCOME]
    mean, tilt = tours.totals[ALL_INCOME] / count, tours.totals[INCOME_TILT]
    return spread_change(rate, mean, tilt, count, now, day.orders[x, POINTS])


@part
def _lateness(
    x: int,
    c: int,
    r: int,
    p: int,
    leg_to: int,
    leg_on: int,
    begin: int,
    bound: int,
    day: Day,
    tours: Tours,
) -> int:
    """Lateness and overtime of the crew's route with x at p; what reaches `bound` may be NEVER.

    `begin` is the start of the stop behind it when no rest lies between.
    """
    orders = day.orders
    if day.crews[c, RESTS] > 0:
        return delayed(x, c, r, p, leg_to, leg_on, bound, day, tours)
    late = tours.labels[r, p, 0, LATE]
    start = max(tours.cells[r, p, EARLY] + leg_to, orders[x, OPENS])
    if start > orders[x, DUE]:
        late += orders[x, LATE_RATE] * (start - orders[x, DUE])
    if begin > tours.limits[r, p, 0, FREE]:
        late += tail_plain(c, r, p, begin, bound - late, day, tours)
    return int(late)


@part
def _around(x: int, c: int, r: int, p: int, day: Day, tours: Tours) -> tuple[int, int, int]:
    """Return (set-up of x, set-up of the stop behind it, when that stop opens) with x at p.

    No set-up is paid by a crew that is in the building already.
    """
    orders, cells, building = day.orders, tours.cells, day.orders[x, BUILDING]
    came = orders[cells[r, p - 1, STOP], BUILDING] if p > 0 else day.crews[c, INSIDE]
    setup = 0 if building >= 0 and came == building else orders[x, SETUP]
    if p == tours.rows[r, LENGTH]:
        return setup, 0, 0
    y = cells[r, p, STOP]
    same = building >= 0 and orders[y, BUILDING] == building
    return setup, 0 if same else orders[y, SETUP], orders[y, OPENS]


@part
def _place(x: int, c: int, r: int, bound: int, day: Day, tours: Tours) -> tuple[int, int, int, int]:
    """Return (price, position, price without spread, more work) of the cheapest place in row r.

    When no place costs less than `bound` the position is -1 and both prices are `bound`.
    """
    orders, back, travel, cells = day.orders, day.back, day.travel, tours.cells
    x_place = orders[x, PLACE]
    x_opens, x_close, x_service = orders[x, OPENS], orders[x, CLOSE], orders[x, SERVICE]
    travel_rate, alike = day.rates[TRAVEL_RATE], day.rates[SPREAD_RATE] == 0
    old_late = tours.rows[r, TIME_PRICE]
    top, top_at, top_price, top_work = bound, -1, bound, 0
    low, high = day.crews[c, LOCKED], tours.rows[r, LENGTH]
    if orders[x, RANK] >= 0:
        low, high = _span(x, c, r, day, tours)
    for p in range(low, high + 1):
        if cells[r, p, EARLY] > x_close:
            break
        until = cells[r, p, UNTIL]
        if cells[r, p, ROOM] < x_service or until < x_opens + x_service:
            continue
        drive_to = back[x_place, cells[r, p, FROM]]
        there = cells[r, p + 1, FROM]
        drive_on = travel[x_place, there] if there >= 0 else 0
        price = travel_rate * (drive_to + drive_on - cells[r, p, DRIVE])
        if alike and price >= top:
            continue
        if drive_to >= FAR or drive_on >= FAR:
            continue
        to_setup, on_setup, opens_on = _around(x, c, r, p, day, tours)
        leg_to, leg_on = drive_to + to_setup, drive_on + on_setup
        start = max(cells[r, p, EARLY] + leg_to, x_opens)
        begin = max(start + x_service + leg_on, opens_on)
        if start > x_close or begin > until:
            continue
        more = leg_to + x_service + leg_on - cells[r, p, LEG]
        unlike = _unlike_by_work(c, more, day, tours)
        if price + unlike >= top:
            continue
        price -= old_late
        left = top - price - unlike
        price += _lateness(x, c, r, p, leg_to, leg_on, begin, left, day, tours)
        if price + unlike < top:
            top = price + unlike
            top_at, top_price, top_work = p, price, more
    return top, top_at, top_price, top_work


@part
def cheapest(
    x: int, blink: float, dice: Dice, bound: int, day: Day, tours: Tours
) -> tuple[int, int, int, int]:
    """Return (price, crew, position, fee) of the cheapest insertion below `bound`, else crew -1.

    The best place in a crew's route is remembered until the route changes. Each crew's best is
    overlooked with chance `blink` (a negative one: never).
    """
    orders, crews, rates, memo = day.orders, day.crews, day.rates, tours.memo
    owner = orders[x, OWNER]
    bound_to_owner = owner >= 0 and 0 <= rates[MOST_MOVES] <= tours.hands[owner, LOST]
    best, best_crew, best_at, best_fee = bound, -1, 0, 0
    for e in range(day.first[x], day.first[x + 1]):
        c = day.options[e, WHO]
        fee = day.options[e, FLAT]
        r = tours.hands[c, ROW]
        if tours.hands[c, MAY_CHANGE] == 0:
            continue
        full = tours.rows[r, LENGTH] + 3 >= tours.cells.shape[1]
        if full or (bound_to_owner and owner != c):
            continue
        if tours.rows[r, CARRIED] + orders[x, UNITS] > crews[c, CAPACITY]:
            continue
        if blink > 0 and draw(dice) < blink:
            continue
        extra = fee + _unlike_by_income(x, c, day, tours)
        side = r & 1
        if memo[e, side, MEMO_VERSION] == tours.rows[r, VERSION]:
            price = extra + memo[e, side, MEMO_PRICE]
            if memo[e, side, MEMO_AT] >= 0:
                price += _unlike_by_work(c, memo[e, side, MEMO_WORK], day, tours)
                if price < best:
                    best, best_crew, best_at, best_fee = price, c, memo[e, side, MEMO_AT], fee
                continue
            if price >= best:
                continue
        top, top_at, top_price, top_work = _place(x, c, r, best - extra + MARGIN, day, tours)
        memo[e, side, MEMO_VERSION] = tours.rows[r, VERSION]
        memo[e, side, MEMO_PRICE] = top_price
        memo[e, side, MEMO_AT] = top_at
        memo[e, side, MEMO_WORK] = top_work
        if top_at >= 0 and top + extra < best:
            best, best_crew, best_at, best_fee = top + extra, c, top_at, fee
    return best, best_crew, best_at, best_fee
