"""What a delay costs behind it: lateness and overtime of the stops after an insertion."""

from __future__ import annotations

from dispatch.search.compiled import part
from dispatch.search.layout import (
    AT,
    DUE,
    DURATION,
    EARLIEST,
    FREE,
    HARD,
    LATE,
    LATE_RATE,
    LATEST,
    LEG,
    LENGTH,
    NEVER,
    OPENS,
    OVER_RATE,
    RESTS,
    SERVICE,
    SHIFT_END,
    STOP,
    TAKEN,
    Day,
    Tours,
)
from dispatch.search.pareto import keep


@part
def tail_plain(c: int, r: int, i: int, start: int, bound: int, day: Day, tours: Tours) -> int:
    """Price in thousandths from row r's stop i on when it starts then with every rest taken.

    `start` keeps the hard limit. NEVER when it reaches `bound`.
    """
    crews, orders, cells, limits = day.crews, day.orders, tours.cells, tours.limits
    n, owed = tours.rows[r, LENGTH], crews[c, RESTS]
    late = 0
    while i < n:
        if start <= limits[r, i, owed, FREE]:
            return late
        x = cells[r, i, STOP]
        if start > orders[x, DUE]:
            late += orders[x, LATE_RATE] * (start - orders[x, DUE])
            if late >= bound:
                return NEVER
        ready = start + orders[x, SERVICE] + cells[r, i + 1, LEG]
        i += 1
        start = ready
        if i < n:
            start = max(ready, orders[cells[r, i, STOP], OPENS])
    return int(late + day.rates[OVER_RATE] * max(0, start - crews[c, SHIFT_END]))


@part
def tail_rests(
    c: int, r: int, i: int, start: int, taken: int, bound: int, day: Day, tours: Tours
) -> int:
    """The same while rests are still owed: the cheapest way to take them behind stop i.

    A label in `scratch` is a start of the stop at hand; its two halves take turns.
    """
    crews, orders, rests = day.crews, day.orders, day.rests
    cells, limits, scratch = tours.cells, tours.limits, tours.scratch
    n, owed = tours.rows[r, LENGTH], crews[c, RESTS]
    now, after = 0, 1
    scratch[now, 0, AT] = start
    scratch[now, 0, TAKEN] = taken
    scratch[now, 0, LATE] = 0
    count = 1
    best = bound
    while i < n and count > 0:
        x = cells[r, i, STOP]
        opens = orders[cells[r, i + 1, STOP], OPENS] if i + 1 < n else 0
        fresh = 0
        for j in range(count):
            start, k = scratch[now, j, AT], scratch[now, j, TAKEN]
            late = scratch[now, j, LATE]
            if start <= limits[r, i, k, FREE]:
                best = min(best, late)
                continue
            if start > orders[x, DUE]:
                late += orders[x, LATE_RATE] * (start - orders[x, DUE])
            if late >= best:
                continue
            clock = start + orders[x, SERVICE]
            busy = clock + cells[r, i + 1, LEG]
            ready = busy
            while True:
                begin = max(ready, opens)
                if begin <= limits[r, i + 1, k, HARD]:
                    fresh = keep(scratch[after], fresh, begin, k, late)
                if k == owed or max(clock, rests[c, k, EARLIEST]) > rests[c, k, LATEST]:
                    break
                clock = max(clock, rests[c, k, EARLIEST]) + rests[c, k, DURATION]
                busy += rests[c, k, DURATION]
                ready = max(busy, clock)
                k += 1
        now, after = after, now
        count = fresh
        i += 1
    for j in range(count):
        over = day.rates[OVER_RATE] * max(0, scratch[now, j, AT] - crews[c, SHIFT_END])
        best = min(best, scratch[now, j, LATE] + over)
    return best if best < bound else NEVER
