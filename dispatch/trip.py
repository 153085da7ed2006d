"""One order's way into every position at once: how long, what it costs, what it would break."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.apart import Apart
from dispatch.gaps import FAR_S, Cells, Gaps
from dispatch.model import Order
from dispatch.problem import UNREACHABLE_S

NOT_THERE = -2
"""The building of an order without one: no stop is in it, not even one without a building."""
_NEVER: Final = int(np.iinfo(np.int64).max)
"""The price of what cannot be: above all others, and never added to anything."""


class Spot(NamedTuple):
    """Where an order may go: a gap, or the place of an order that leaves; arrays [crews, gaps]."""

    here: Cells
    here_building: Cells
    free_s: Cells
    free_bound_s: Cells
    there: Cells
    there_building: Cells
    there_setup_s: Cells
    drives_on: Cells
    saved_leg_s: Cells
    saved_busy_s: Cells
    """Driving, set-up and work that fall away."""
    latest_bound_s: Cells
    open: Cells
    leaves: bool
    """True when the order takes the place of another."""

    def of(self, rows: NDArray[np.intp]) -> Spot:
        """The same for some crews only."""
        parts = [values.take(rows, axis=0) for values in self if isinstance(values, np.ndarray)]
        return Spot._make([*parts, self.leaves])


class Shortfall(NamedTuple):
    """What each position would ask for, all in seconds; breaks as planned. One array entry each."""

    crew: Cells
    gap: Cells
    later_s: Cells
    """How much later the order's own window would have to close."""
    earlier_s: Cells
    """How much earlier it would have to open; `FAR_S` where that is not what is wrong."""
    overtime_s: Cells
    others_s: Cells
    """Seconds by which other orders' windows are broken, all together."""
    price: Cells
    """Lateness, driving, area, stability and fairness, in thousandths: for ranking."""


class Trip:
    """One order's way into each of the spots of some crews; arrays [crews, gaps].

    `ready_s` is driving and set-up to it, `soonest_s` when it begins wherever breaks are put,
    `next_s` driving and set-up from it to the stop behind, `more_s` the busy time it adds, and
    `sure` what it costs whenever it is done, in thousandths: driving, what the crew costs beyond
    work and time (`flat`, one number per crew), and what its work does to `spread`.
    """

    def __init__(
        self,
        gaps: Gaps,
        order: Order,
        rows: NDArray[np.intp],
        spot: Spot,
        flat: Cells,
        spread: Apart,
    ) -> None:
        self.order, self.rows, self.gaps = order, rows, gaps
        every = len(rows) == len(spot.here)
        self.spot = spot if every else spot.of(rows)
        spot, travel = self.spot, gaps.problem.travel
        from_s = travel[:, order.place].astype(np.int64)
        from_s[from_s >= UNREACHABLE_S] = FAR_S
        self.to_s = from_s[spot.here]
        self.on_s = travel[order.place].astype(np.int64)[spot.there] * spot.drives_on
        building = NOT_THERE if order.building is None else gaps.building(order.building)
        self.ready_s = self.to_s + order.setup_s * (spot.here_building != building)
        self.next_s = self.on_s + spot.there_setup_s * (spot.there_building != building)
        self.more_s = self.ready_s + self.next_s + order.service_s - spot.saved_busy_s
        self.soonest_s = np.maximum(order.opens_s, spot.free_bound_s + self.ready_s)
        self.close_s = FAR_S if order.window is None else order.window[1]
        self.due_s, self.late_per_mille = order.delay_price

        driven = np.minimum(self.to_s, FAR_S >> 12) + self.on_s - spot.saved_leg_s
        self.sure = spread.changes(rows, np.minimum(self.more_s, FAR_S >> 12))
        self.sure += gaps.problem.objective.travel_per_mille * driven + flat[:, None]

    def drivable(self) -> NDArray[np.bool_]:
        """Where a road leads there and on."""
        mask: NDArray[np.bool_] = (
            (self.spot.open > 0) & (self.to_s < FAR_S) & (self.on_s < UNREACHABLE_S)
        )
        return mask

    def possible(self) -> NDArray[np.bool_]:
        """Where no road, window or shift excludes the order, wherever breaks are put."""
        spot, order = self.spot, self.order
        onward_s = self.soonest_s + order.service_s + self.next_s
        mask: NDArray[np.bool_] = (
            self.drivable() & (self.soonest_s <= self.close_s) & (onward_s <= spot.latest_bound_s)
        )
        return mask

    def lacks_s(self) -> Cells:
        """The least seconds that window, shift or other orders lack, wherever breaks are put."""
        spot, order = self.spot, self.order
        onward_s = self.soonest_s + order.service_s + self.next_s
        late_s = np.maximum(0, self.soonest_s - self.close_s)
        lacks: Cells = late_s + np.maximum(0, onward_s - spot.latest_bound_s)
        return lacks

    def bound(self) -> Cells:
        """The least it can cost, wherever breaks are put; see `sure` for what is certain."""
        spot = self.spot
        bound: Cells = np.maximum(0, self.soonest_s - self.due_s)
        bound *= self.late_per_mille
        bound += self.sure
        sooner = self.more_s < 0
        if spot.leaves:
            bound -= self.gaps.late_ahead[self.rows, :1]
        elif sooner.any():
            bound -= sooner * self.gaps.late_ahead[self.rows, :1]
        return bound

    def estimate(
        self, crew: NDArray[np.intp], gap: NDArray[np.intp]
    ) -> tuple[Cells, NDArray[np.bool_]]:
        """Price with lateness down the route, and whether it is feasible with breaks as planned."""
        gaps, order, cell, count = self.gaps, self.order, self.gaps.cell, len(crew)
        pick, before, after = self._sides(crew, gap)
        crew, gap = crew[pick], gap[pick]
        row, behind = self.rows[crew], gap + 1 if self.spot.leaves else gap
        start = self._start(crew, gap, before, order.opens_s)
        finish = start + order.service_s
        onward = np.maximum(finish + self.next_s[crew, gap] + after[0], after[1])
        onward = np.maximum(onward, cell["opens_s"][row, behind])
        fits = (start <= self.close_s) & (finish <= after[2])
        fits &= onward <= gaps.latest_s[row, behind]
        over = self._starts(row, behind, onward) - cell["due_s"].take(row, axis=0)
        np.maximum(over, 0, out=over)
        over *= cell["late_per_mille"].take(row, axis=0)
        over *= np.arange(gaps.width) >= behind[:, None]
        late = over.sum(axis=1) - gaps.late_ahead[row, gap]
        late += self.late_per_mille * np.maximum(0, start - self.due_s)
        late[~fits] = _NEVER
        best = late[:count]
        np.minimum.at(best, pick[count:], late[count:])
        likely = best < _NEVER
        return self.sure[crew[:count], gap[:count]] + np.where(likely, best, 0), likely

    def shortfall(self, crew: NDArray[np.intp], gap: NDArray[np.intp]) -> Shortfall:
        """What each position breaks when nothing binds but the breaks; the best side of them."""
        gaps, cell, order = self.gaps, self.gaps.cell, self.order
        pick, before, after = self._sides(crew, gap)
        crew, gap = crew[pick], gap[pick]
        row = self.rows[crew]
        behind = np.arange(gaps.width) >= gap[:, None]
        close = cell["close_s"][row]
        home = (close < FAR_S) & (cell["stop"][row] < 0)
        rate = np.where(behind & ~home, cell["late_per_mille"][row], 0)
        late_now = np.where(rate > 0, cell["late"][row], 0).sum(axis=1)
        latest, next_s = gaps.latest_s[row, gap], self.next_s[crew, gap]
        reached = self._start(crew, gap, before, order.earliest_s)
        start = np.maximum(reached, order.opens_s)
        finish = start + order.service_s
        onward = np.maximum(finish + next_s + after[0], after[1])
        starts = self._starts(row, gap, np.maximum(onward, cell["opens_s"][row, gap]))
        over = np.maximum(0, starts - close) * behind
        overtime = (over * home).sum(axis=1)
        others = over.sum(axis=1) - overtime + np.maximum(0, finish - after[2])
        late = (rate * np.maximum(0, starts - cell["due_s"][row])).sum(axis=1) - late_now
        late += self.late_per_mille * np.maximum(0, start - self.due_s)
        last = np.minimum(after[2], latest - next_s - after[0]) - order.service_s
        sooner = (reached <= last) & (last < order.opens_s)
        earlier = np.where(sooner, order.opens_s - last, FAR_S)
        later = np.maximum(0, start - self.close_s)
        best = np.lexsort((later + overtime + others, pick))  # each position's sides together
        best = best[np.flatnonzero(np.diff(pick[best], prepend=-1))]
        np.minimum.at(earlier, pick, earlier)
        price = self.sure[crew, gap] + np.minimum(late, FAR_S)
        found = (row, gap, later, earlier[pick], overtime, others, price)
        return Shortfall(*(values[best] for values in found))

    def _start(
        self, crew: NDArray[np.intp], gap: NDArray[np.intp], before: Cells, not_before_s: int
    ) -> Cells:
        """When the order could begin there after these breaks, not before `not_before_s`."""
        ready = self.spot.free_s[crew, gap] + self.ready_s[crew, gap] + before[0]
        start: Cells = np.maximum(ready, np.maximum(before[1], not_before_s))
        return start

    def _starts(self, row: NDArray[np.intp], behind: NDArray[np.intp], onward: Cells) -> Cells:
        """When the stops of these rows start if stop `behind` does at `onward`; see `gaps`."""
        floors, sums = self.gaps.floors.take(row, axis=0), self.gaps.sums.take(row, axis=0)
        floors[np.arange(self.gaps.width) <= behind[:, None]] = -FAR_S
        np.maximum.accumulate(floors, axis=1, out=floors)
        onward = onward - self.gaps.sums[row, behind]
        np.maximum(floors, onward[:, None], out=floors)
        floors += sums
        return floors

    def _sides(
        self, crew: NDArray[np.intp], gap: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], Cells, Cells]:
        """Ways to put the breaks beside the order: (number of the position, those before, after).

        First one way for every position, then what more there are.
        """
        gaps, row = self.gaps, self.rows[crew]
        pick = np.arange(len(row))
        if self.spot.leaves:
            whole = gaps.split_after[0]
            return pick, whole[:, row, gap], whole[:, row, gap + 1]
        ways = gaps.splits[row, gap]
        sides = [np.flatnonzero(ways > way) for way in range(1, int(ways.max(initial=0)))]
        way = np.repeat(np.arange(len(sides) + 1), [len(pick), *map(len, sides)])
        pick = np.concatenate([pick, *sides])
        at = (way, slice(None), row[pick], gap[pick])
        return pick, gaps.split[at].T, gaps.split_after[at].T
