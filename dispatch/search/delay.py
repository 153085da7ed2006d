"""What an insertion costs in lateness and overtime when the crew still owes rests."""

from __future__ import annotations

from dispatch.search.compiled import part
from dispatch.search.layout import (
    AT,
    CLOSE,
    DUE,
    DURATION,
    EARLIEST,
    FREE,
    HARD,
    LABELS,
    LATE,
    LATE_RATE,
    LATEST,
    LENGTH,
    NEVER,
    OPENS,
    RESTS,
    SERVICE,
    STOP,
    TAKEN,
    Day,
    Tours,
)
from dispatch.search.tail import tail_plain, tail_rests


@part
def delayed(
    x: int, c: int, r: int, p: int, leg_to: int, leg_on: int, bound: int, day: Day, tours: Tours
) -> int:
    """Lateness and overtime of the route with x at p when the crew owes rests; NEVER at `bound`.

    Both gaps beside x may hold rests.
    """
    orders, rests, owed = day.orders, day.rests, day.crews[c, RESTS]
    cells, labels, limits, n = tours.cells, tours.labels, tours.limits, tours.rows[r, LENGTH]
    opens, close = orders[x, OPENS], orders[x, CLOSE]
    opens_on = orders[cells[r, p, STOP], OPENS] if p < n else 0
    best = bound
    for j in range(cells[r, p, LABELS]):
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
                        late_on = tail_plain(c, r, p, begin, best - late, day, tours)
                    else:
                        late_on = tail_rests(c, r, p, begin, m, best - late, day, tours)
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
