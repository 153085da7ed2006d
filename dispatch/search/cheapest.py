"""The cheapest place for an order: every position of every crew that could serve it, exactly."""

from __future__ import annotations

import math

from dispatch.search.chance import Dice, draw
from dispatch.search.compiled import kernel
from dispatch.search.layout import (
    ALL_INCOME,
    ALL_WORK,
    AT,
    BUILDING,
    CLOSE,
    DUE,
    DURATION,
    EARLIEST,
    EARNED,
    FAR,
    FREE,
    HARD,
    INCOME,
    INCOME_RATE,
    INSIDE,
    LATE,
    LATE_RATE,
    LATEST,
    LOAD,
    LOCKED,
    MOST_MOVES,
    NEVER,
    OPENS,
    OVER_RATE,
    OWNER,
    PLACE,
    POINTS,
    RANK,
    RESTS,
    SERVICE,
    SETUP,
    SHIFT_END,
    SPREAD_RATE,
    TAKEN,
    TIME_PRICE,
    TRAVEL_RATE,
    WORK,
    Day,
    Ints,
    Tours,
)
from dispatch.search.tail import tail_plain, tail_rests


@kernel
def spread_change(rate: int, mean: float, now: int, more: int) -> int:
    """What it costs that one crew's total moves from `now` to `now + more`, the mean held fast."""
    return math.floor(rate * (abs(now + more - mean) - abs(now - mean)))


@kernel
def _span(x: int, c: int, r: int, day: Day, tours: Tours) -> tuple[int, int]:
    """First and last position at which the crew's own sequence lets the order stand."""
    orders = day.orders
    low, high = day.crews[c, LOCKED], tours.length[r]
    rank = orders[x, RANK]
    if rank >= 0:
        for i in range(low, tours.length[r]):
            other = orders[tours.stops[r, i], RANK]
            if 0 <= other < rank:
                low = i + 1
            elif other > rank:
                high = i
                break
    return low, high


@kernel
def _delayed(
    x: int,
    c: int,
    r: int,
    p: int,
    leg_to: int,
    leg_on: int,
    bound: int,
    over_rate: int,
    orders: Ints,
    crews: Ints,
    rests: Ints,
    stops: Ints,
    leg: Ints,
    labels: Ints,
    limits: Ints,
    scratch: Ints,
    count: int,
    n: int,
) -> int:
    """Lateness and overtime of the route with x at p when the crew owes rests; NEVER at `bound`.

    Both gaps beside x may hold rests. Whole arrays are given for the reason told at `tail_plain`.
    """
    owed, shift_end = crews[c, RESTS], crews[c, SHIFT_END]
    opens, close = orders[x, OPENS], orders[x, CLOSE]
    opens_on = orders[stops[r, p], OPENS] if p < n else 0
    best = bound
    for j in range(count):
        clock, k = labels[r, p, j, AT], labels[r, p, j, TAKEN]
        busy = clock + leg_to
        ready = busy
        while True:
            start = max(ready, opens)
            if start > close:
                break
            late = labels[r, p, j, LATE]
            if start > orders[x, DUE]:
                late += orders[x, LATE_RATE] * (start - orders[x, DUE])
            if late >= best:
                break
            then = start + orders[x, SERVICE]
            drive = then + leg_on
            reach = drive
            m = k
            while True:
                begin = max(reach, opens_on)
                if begin <= limits[r, p, m, FREE]:
                    best = min(best, late)
                elif begin <= limits[r, p, m, HARD]:
                    if m == owed:
                        late_on = tail_plain(
                            r, stops, leg, limits, orders, n, p, begin, owed, shift_end, over_rate,
                            best - late,
                        )  # fmt: skip
                    else:
                        late_on = tail_rests(
                            c, r, stops, leg, limits, orders, rests, scratch, n, p, begin, m, owed,
                            shift_end, over_rate, best - late,
                        )  # fmt: skip
                    best = min(best, late + late_on)
                if m == owed or max(then, rests[c, m, EARLIEST]) > rests[c, m, LATEST]:
                    break
                then = max(then, rests[c, m, EARLIEST]) + rests[c, m, DURATION]
                drive += rests[c, m, DURATION]
                reach = max(drive, then)
                m += 1
            if k == owed or max(clock, rests[c, k, EARLIEST]) > rests[c, k, LATEST]:
                break
            clock = max(clock, rests[c, k, EARLIEST]) + rests[c, k, DURATION]
            busy += rests[c, k, DURATION]
            ready = max(busy, clock)
            k += 1
    return best if best < bound else NEVER


@kernel
def cheapest(
    x: int, blink: float, dice: Dice, bound: int, day: Day, tours: Tours
) -> tuple[int, int, int, int]:
    """Return (price, crew, position, fee) of the cheapest insertion below `bound`, else crew -1.

    Each position is overlooked with chance `blink` (a negative one: never). The mean of workload
    and income is held fast, which only the final price undoes. One long function: calls that
    carry so many arrays cost as much as the work.
    """
    orders, crews, rates = day.orders, day.crews, day.rates
    x_place, x_building, x_setup = orders[x, PLACE], orders[x, BUILDING], orders[x, SETUP]
    x_opens, x_close, x_service = orders[x, OPENS], orders[x, CLOSE], orders[x, SERVICE]
    owner, points = orders[x, OWNER], orders[x, POINTS]
    back, travel, rests, scratch = day.back, day.travel, day.rests, tours.scratch
    places, drives, legs, stops = tours.place, tours.drive, tours.leg, tours.stops
    labels, labelled, limits = tours.labels, tours.labelled, tours.limits
    travel_rate, spread_rate, income_rate = rates[TRAVEL_RATE], rates[SPREAD_RATE], rates[INCOME_RATE]
    count = crews.shape[0]
    mean_work = tours.totals[ALL_WORK] / count
    mean_income = tours.totals[ALL_INCOME] / count
    bound_to_owner = owner >= 0 and 0 <= rates[MOST_MOVES] <= tours.lost[owner]
    skip = 1 << 40
    if blink > 0:
        skip = math.floor(math.log(1.0 - draw(dice)) / math.log(1.0 - blink))
    best, best_crew, best_at, best_fee = bound, -1, 0, 0
    for e in range(day.first[x], day.first[x + 1]):
        c = day.who[e]
        fee = day.flat[e]
        r = tours.row[c]
        n = tours.length[r]
        if n + 1 >= tours.stops.shape[1] or (bound_to_owner and owner != c):
            continue
        base = fee
        if income_rate > 0:
            earned = crews[c, EARNED] + tours.sums[r, INCOME]
            base += spread_change(income_rate, mean_income, earned, points)
        if spread_rate == 0 and base >= best:
            continue
        owed = crews[c, RESTS]
        old_late = tours.sums[r, TIME_PRICE]
        low, high = crews[c, LOCKED], n
        if orders[x, RANK] >= 0:
            low, high = _span(x, c, r, day, tours)
        for p in range(low, high + 1):
            skip -= 1
            if skip < 0:
                skip = math.floor(math.log(1.0 - draw(dice)) / math.log(1.0 - blink))
                continue
            drive_to = back[x_place, places[r, p]]
            there = places[r, p + 1]
            drive_on = travel[x_place, there] if there >= 0 else 0
            price = base + travel_rate * (drive_to + drive_on - drives[r, p])
            if spread_rate == 0 and price >= best:
                continue
            at = labels[r, p, 0, AT]
            if at > x_close and (owed == 0 or labelled[r, p] == 1):
                break
            if drive_to >= FAR or drive_on >= FAR:
                continue
            leg_to = drive_to
            came = orders[stops[r, p - 1], BUILDING] if p > 0 else crews[c, INSIDE]
            if x_building < 0 or came != x_building:
                leg_to += x_setup
            leg_on = drive_on
            opens_on = 0
            if p < n:
                y = stops[r, p]
                opens_on = orders[y, OPENS]
                if x_building < 0 or orders[y, BUILDING] != x_building:
                    leg_on += orders[y, SETUP]
            for j in range(1, labelled[r, p]):
                at = min(at, labels[r, p, j, AT])
            start = max(at + leg_to, x_opens)
            if start > x_close:
                continue
            begin = max(start + x_service + leg_on, opens_on)
            if begin > limits[r, p, owed, HARD]:
                continue
            if spread_rate > 0:
                more = leg_to + x_service + leg_on - legs[r, p]
                now = crews[c, LOAD] + tours.sums[r, WORK]
                price += spread_change(spread_rate, mean_work, now, more)
                if price >= best:
                    continue
            price -= old_late
            if owed > 0:
                late = _delayed(
                    x, c, r, p, leg_to, leg_on, best - price, rates[OVER_RATE], orders, crews,
                    rests, stops, legs, labels, limits, scratch, labelled[r, p], n,
                )  # fmt: skip
            else:
                late = labels[r, p, 0, LATE]
                if start > orders[x, DUE]:
                    late += orders[x, LATE_RATE] * (start - orders[x, DUE])
                if begin > limits[r, p, 0, FREE]:
                    late += tail_plain(
                        r, stops, legs, limits, orders, n, p, begin, 0, crews[c, SHIFT_END],
                        rates[OVER_RATE], best - price - late,
                    )  # fmt: skip
            price += late
            if price < best:
                best, best_crew, best_at, best_fee = price, c, p, fee
    return best, best_crew, best_at, best_fee
