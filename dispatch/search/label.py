"""Labels: every undominated way to time a route, forwards, and how late each stop may start.

The same rules as `dispatch.timing`, which times the finished plan: a rest falls into a gap between
two stops, may interrupt the drive, and a gap lasts max(drive + set-up + rests, end of last rest).
"""

from __future__ import annotations

from dispatch.search.compiled import part
from dispatch.search.layout import (
    AT,
    AWAY,
    BUILDING,
    CAPACITY,
    CARRIED,
    CLOSE,
    DRIVE,
    DRIVEN,
    DUE,
    DURATION,
    EARLIEST,
    EARLY,
    END,
    FAR,
    FEE,
    FLAT_PRICE,
    FREE,
    FROM,
    HARD,
    HARD_END,
    INCOME,
    INSIDE,
    LABELS,
    LATE,
    LATE_RATE,
    LATEST,
    LEG,
    LENGTH,
    LOCKED,
    NEVER,
    NEWEST,
    OPENS,
    OVER_RATE,
    PLACE,
    POINTS,
    READY,
    RESTS,
    ROOM,
    ROW,
    SERVICE,
    SETUP,
    SHIFT_END,
    START,
    STOP,
    TAKEN,
    TIME_PRICE,
    UNITS,
    UNTIL,
    VERSION,
    WORK,
    Day,
    Tours,
)
from dispatch.search.pareto import keep


@part
def _lay_out(c: int, r: int, day: Day, tours: Tours) -> int:
    """Fill in places, drives, legs and sums; returns the first stop without a road, or -1.

    A load beyond the vehicle's capacity is broken at the end.
    """
    crews, orders = day.crews, day.orders
    n = tours.rows[r, LENGTH]
    here = crews[c, START]
    building = crews[c, INSIDE]
    tours.cells[r, 0, FROM] = here
    broken = -1
    driven = work = flat = income = carried = 0
    for i in range(n):
        x = tours.cells[r, i, STOP]
        there = orders[x, PLACE]
        drive = day.travel[here, there]
        if drive >= FAR and broken < 0:
            broken = i
        setup = orders[x, SETUP]
        if building >= 0 and orders[x, BUILDING] == building:
            setup = 0
        tours.cells[r, i + 1, FROM] = there
        tours.cells[r, i, DRIVE] = drive
        tours.cells[r, i, LEG] = drive + setup
        driven += drive
        work += drive + setup + orders[x, SERVICE]
        flat += tours.cells[r, i, FEE]
        income += orders[x, POINTS]
        carried += orders[x, UNITS]
        here = there
        building = orders[x, BUILDING]
    home = crews[c, END]
    tours.cells[r, n + 1, FROM] = home
    drive = 0
    if home >= 0 and (n > 0 or crews[c, AWAY] == 1):
        drive = day.travel[here, home]
        if drive >= FAR and broken < 0:
            broken = n
    tours.cells[r, n, DRIVE] = drive
    tours.cells[r, n, LEG] = drive
    tours.rows[r, DRIVEN] = driven + drive
    tours.rows[r, WORK] = work + drive
    tours.rows[r, FLAT_PRICE] = flat
    tours.rows[r, INCOME] = income
    tours.rows[r, CARRIED] = carried
    if broken < 0 and n > crews[c, LOCKED] and carried > crews[c, CAPACITY]:
        broken = n
    return broken


@part
def _forward_plain(c: int, r: int, day: Day, tours: Tours) -> int:
    """Label a crew without rests: one label per stop; returns the first stop that fails, or -1."""
    crews, orders = day.crews, day.orders
    n, locked = tours.rows[r, LENGTH], crews[c, LOCKED]
    at, late = crews[c, READY], 0
    labels = tours.labels
    labels[r, 0, 0, AT] = at
    labels[r, 0, 0, LATE] = 0
    tours.cells[r, 0, LABELS] = 1
    for i in range(n):
        x = tours.cells[r, i, STOP]
        start = max(at + tours.cells[r, i, LEG], orders[x, OPENS])
        if i >= locked and start > orders[x, CLOSE]:
            return i
        if start > orders[x, DUE]:
            late += orders[x, LATE_RATE] * (start - orders[x, DUE])
        at = start + orders[x, SERVICE]
        labels[r, i + 1, 0, AT] = at
        labels[r, i + 1, 0, LATE] = late
        tours.cells[r, i + 1, LABELS] = 1
    at += tours.cells[r, n, LEG]
    if n > locked and at > crews[c, HARD_END]:
        return int(n)
    if n > 0 or crews[c, AWAY] == 1:
        late += day.rates[OVER_RATE] * max(0, at - crews[c, SHIFT_END])
    tours.rows[r, TIME_PRICE] = late
    return -1


@part
def _forward_rests(c: int, r: int, day: Day, tours: Tours) -> int:
    """Label a crew that owes rests; returns the first stop that fails (length: the end), or -1."""
    crews, orders, rests, labels = day.crews, day.orders, day.rests, tours.labels
    n, locked, owed = tours.rows[r, LENGTH], crews[c, LOCKED], crews[c, RESTS]
    labels[r, 0, 0, AT] = crews[c, READY]
    labels[r, 0, 0, TAKEN] = 0
    labels[r, 0, 0, LATE] = 0
    tours.cells[r, 0, LABELS] = 1
    for i in range(n):
        x = tours.cells[r, i, STOP]
        close = NEVER if i < locked else orders[x, CLOSE]
        count = 0
        for j in range(tours.cells[r, i, LABELS]):
            clock = labels[r, i, j, AT]
            busy = clock + tours.cells[r, i, LEG]
            k = labels[r, i, j, TAKEN]
            ready = busy
            while True:
                start = max(ready, orders[x, OPENS])
                if start <= close:
                    late = labels[r, i, j, LATE]
                    if start > orders[x, DUE]:
                        late += orders[x, LATE_RATE] * (start - orders[x, DUE])
                    count = keep(labels[r, i + 1], count, start + orders[x, SERVICE], k, late)
                if k == owed or max(clock, rests[c, k, EARLIEST]) > rests[c, k, LATEST]:
                    break
                clock = max(clock, rests[c, k, EARLIEST]) + rests[c, k, DURATION]
                busy += rests[c, k, DURATION]
                ready = max(busy, clock)
                k += 1
        tours.cells[r, i + 1, LABELS] = count
        if count == 0:
            return i
    return _finish_rests(c, r, day, tours)


@part
def _finish_rests(c: int, r: int, day: Day, tours: Tours) -> int:
    """Price the cheapest end with every rest taken; returns length when there is none, or -1."""
    crews, rests, labels = day.crews, day.rests, tours.labels
    n, owed = tours.rows[r, LENGTH], crews[c, RESTS]
    tours.rows[r, TIME_PRICE] = 0
    if n == 0:
        if crews[c, AWAY] == 1:
            at = crews[c, READY] + tours.cells[r, 0, LEG]
            tours.rows[r, TIME_PRICE] = day.rates[OVER_RATE] * max(0, at - crews[c, SHIFT_END])
        return -1
    best = NEVER
    for j in range(tours.cells[r, n, LABELS]):
        clock = labels[r, n, j, AT]
        busy = clock + tours.cells[r, n, LEG]
        k = labels[r, n, j, TAKEN]
        ready = busy
        while k < owed and max(clock, rests[c, k, EARLIEST]) <= rests[c, k, LATEST]:
            clock = max(clock, rests[c, k, EARLIEST]) + rests[c, k, DURATION]
            busy += rests[c, k, DURATION]
            ready = max(busy, clock)
            k += 1
        if k < owed or (n > crews[c, LOCKED] and ready > crews[c, HARD_END]):
            continue
        over = day.rates[OVER_RATE] * max(0, ready - crews[c, SHIFT_END])
        best = min(best, labels[r, n, j, LATE] + over)
    if best == NEVER:
        return int(n)
    tours.rows[r, TIME_PRICE] = best
    return -1


@part
def _backward(c: int, r: int, day: Day, tours: Tours) -> None:
    """Fill `limits` for every stop behind the accepted ones, as if overtime were limited."""
    crews, orders, rests, limits = day.crews, day.orders, day.rests, tours.limits
    n, owed = tours.rows[r, LENGTH], crews[c, RESTS]
    for k in range(owed):
        limits[r, n, k, HARD] = -NEVER
        limits[r, n, k, FREE] = -NEVER
    limits[r, n, owed, HARD] = crews[c, HARD_END]
    limits[r, n, owed, FREE] = crews[c, SHIFT_END]
    for i in range(n - 1, crews[c, LOCKED] - 1, -1):
        x = tours.cells[r, i, STOP]
        leg = tours.cells[r, i + 1, LEG]
        for kind in range(2):
            cap = orders[x, CLOSE]
            if kind == FREE:
                cap = min(cap, orders[x, DUE])
            for k in range(owed + 1):
                leave = limits[r, i + 1, k, kind] - leg
                rested = 0
                for m in range(k, owed):
                    rested += rests[c, m, DURATION]
                    reach = limits[r, i + 1, m + 1, kind]
                    if rests[c, m, EARLIEST] + rests[c, m, DURATION] <= reach:
                        leave = max(leave, min(rests[c, k, LATEST], reach - leg - rested))
                latest = min(cap, leave - orders[x, SERVICE])
                if latest < orders[x, OPENS]:
                    latest = -NEVER
                limits[r, i, k, kind] = latest


@part
def _gates(c: int, r: int, day: Day, tours: Tours) -> None:
    """Sum up labels and limits for a first look at each gap, and number the row's new content."""
    owed = day.crews[c, RESTS]
    for i in range(day.crews[c, LOCKED], tours.rows[r, LENGTH] + 1):
        early = tours.labels[r, i, 0, AT]
        for j in range(1, tours.cells[r, i, LABELS]):
            early = min(early, tours.labels[r, i, j, AT])
        until = tours.limits[r, i, owed, HARD]
        tours.cells[r, i, EARLY] = early
        tours.cells[r, i, UNTIL] = until
        tours.cells[r, i, ROOM] = until - early - tours.cells[r, i, DRIVE]
    tours.totals[NEWEST] += 1
    tours.rows[r, VERSION] = tours.totals[NEWEST]


@part
def relabel(c: int, day: Day, tours: Tours) -> int:
    """Time a crew's row anew; returns -1, or the first stop that breaks a rule (length: the end).

    When a rule is broken only the labels before it hold.
    """
    r = tours.hands[c, ROW]
    broken = _lay_out(c, r, day, tours)
    if broken >= 0:
        return broken
    if day.crews[c, RESTS] == 0:
        broken = _forward_plain(c, r, day, tours)
    else:
        broken = _forward_rests(c, r, day, tours)
    if broken < 0:
        _backward(c, r, day, tours)
        _gates(c, r, day, tours)
    return broken
