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
    NEVER,
    OPENS,
    SERVICE,
    STOP,
    TAKEN,
    Ints,
)
from dispatch.search.pareto import keep


@part
def tail_plain(
    r: int,
    cells: Ints,
    limits: Ints,
    orders: Ints,
    n: int,
    i: int,
    start: int,
    owed: int,
    shift_end: int,
    over_rate: int,
    bound: int,
) -> int:
    """Price in thousandths from row r's stop i on when it starts then with every rest taken.

    `start` keeps the hard limit. NEVER when it reaches `bound`. Whole arrays are given and no views
    are made of them: counting references would take longer than the work.
    """
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
    return late + over_rate * max(0, start - shift_end)


@part
def tail_rests(
    c: int,
    r: int,
    cells: Ints,
    limits: Ints,
    orders: Ints,
    rests: Ints,
    scratch: Ints,
    n: int,
    i: int,
    start: int,
    taken: int,
    owed: int,
    shift_end: int,
    over_rate: int,
    bound: int,
) -> int:
    """The same while rests are still owed: the cheapest way to take them behind stop i.

    A label in `scratch` is a start of the stop at hand; its two halves take turns.
    """
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
        over = over_rate * max(0, scratch[now, j, AT] - shift_end)
        best = min(best, scratch[now, j, LATE] + over)
    return best if best < bound else NEVER
