"""One order's way into every position at once: how long, what it costs, what it would break."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.gaps import FAR_S, Cells, Gaps
from dispatch.model import Order
from dispatch.problem import UNREACHABLE_S

NOT_THERE = -2
"""The building of an order without one: no stop is in it, not even one without a building."""
Shares = Callable[[Cells], Cells]
"""Seconds of work that positions add -> what they cost beside driving and time, in thousandths."""


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
    `sure` what it costs whenever it is done, in thousandths.
    """

    def __init__(
        self, gaps: Gaps, order: Order, rows: NDArray[np.intp], spot: Spot, share: Shares
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
        self.due_s = FAR_S if order.due_s is None else order.due_s

        more_s = np.minimum(self.more_s, FAR_S >> 12)
        driven = np.minimum(self.to_s, FAR_S >> 12) + self.on_s - spot.saved_leg_s
        self.sure = gaps.problem.objective.travel_per_mille * driven + share(more_s)

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
        spot, order = self.spot, self.order
        late = order.late_per_mille * np.maximum(0, self.soonest_s - self.due_s)
        gains = spot.leaves | (self.more_s < 0)
        bound: Cells = self.sure + late - gains * self.gaps.late_ahead[self.rows, :1]
        return bound

    def estimate(
        self, crew: NDArray[np.intp], gap: NDArray[np.intp]
    ) -> tuple[Cells, NDArray[np.bool_]]:
        """Price with lateness down the route, and whether it is feasible with breaks as planned."""
        cell, order, spot = self.gaps.cell, self.order, self.spot
        row = self.rows[crew]
        behind = gap + 1 if spot.leaves else gap
        column = np.arange(self.gaps.width)[None, :]
        sums = self.gaps.sums[row]
        since = self.gaps.sums[row, behind][:, None]
        floors = np.where(column <= behind[:, None], -FAR_S, self.gaps.floors[row])
        floors = np.maximum.accumulate(floors, axis=1)
        rate = np.where(column < behind[:, None], 0, cell["late_per_mille"][row])
        late_now = self.gaps.late_ahead[row, gap]
        due, latest = cell["due_s"][row], self.gaps.latest_s[row, behind]
        ready = spot.free_s[crew, gap] + self.ready_s[crew, gap]
        best = np.full(len(row), FAR_S << 10, dtype=np.int64)
        likely = np.zeros(len(row), dtype=np.bool_)
        for before, after, valid in self._splits(row, gap):
            start = np.maximum(ready + before[0], np.maximum(before[1], order.opens_s))
            finish = start + order.service_s
            onward = np.maximum(finish + self.next_s[crew, gap] + after[0], after[1])
            onward = np.maximum(onward, cell["opens_s"][row, behind])
            fits = valid & (start <= self.close_s) & (finish <= after[2]) & (onward <= latest)
            starts = sums + np.maximum(onward[:, None] - since, floors)
            late = (rate * np.maximum(0, starts - due)).sum(axis=1) - late_now
            late += order.late_per_mille * np.maximum(0, start - self.due_s)
            best = np.where(fits & (late < best), late, best)
            likely |= fits
        return self.sure[crew, gap] + np.where(likely, best, 0), likely

    def shortfall(self, crew: NDArray[np.intp], gap: NDArray[np.intp]) -> Shortfall:
        """What each position breaks when nothing binds but the breaks; the best side of them."""
        cell, order = self.gaps.cell, self.order
        row = self.rows[crew]
        columns = np.arange(self.gaps.width)[None, :]
        behind = columns >= gap[:, None]
        sums, close = self.gaps.sums[row], cell["close_s"][row]
        since = self.gaps.sums[row, gap][:, None]
        floors = np.where(columns > gap[:, None], self.gaps.floors[row], -FAR_S)
        floors = np.maximum.accumulate(floors, axis=1)
        home = (close < FAR_S) & (cell["stop"][row] < 0)
        rate = np.where(behind & ~home, cell["late_per_mille"][row], 0)
        due, late_now = cell["due_s"][row], np.where(rate > 0, cell["late"][row], 0).sum(axis=1)
        ready = self.spot.free_s[crew, gap] + self.ready_s[crew, gap]
        opens, latest = cell["opens_s"][row, gap], self.gaps.latest_s[row, gap]
        next_s = self.next_s[crew, gap]
        best = np.full((5, len(row)), FAR_S, dtype=np.int64)
        for before, after, valid in self._splits(row, gap):
            reached = np.maximum(ready + before[0], np.maximum(before[1], order.earliest_s))
            start = np.maximum(reached, order.opens_s)
            finish = start + order.service_s
            onward = np.maximum(np.maximum(finish + next_s + after[0], after[1]), opens)
            starts = sums + np.maximum(onward[:, None] - since, floors)
            over = np.maximum(0, starts - close) * behind
            overtime = (over * home).sum(axis=1)
            others = over.sum(axis=1) - overtime + np.maximum(0, finish - after[2])
            late = (rate * np.maximum(0, starts - due)).sum(axis=1) - late_now
            late += order.late_per_mille * np.maximum(0, start - self.due_s)
            last = np.minimum(after[2], latest - next_s - after[0]) - order.service_s
            sooner = (reached <= last) & (last < order.opens_s)
            earlier = np.where(sooner & valid, order.opens_s - last, FAR_S)
            asks = np.stack([np.maximum(0, start - self.close_s), overtime, others, late])
            better = valid & (asks[:3].sum(axis=0) < best[:3].sum(axis=0))
            best[:4] = np.where(better, asks, best[:4])
            best[4] = np.minimum(best[4], earlier)
        later, overtime, others, late, earlier = best
        price = self.sure[crew, gap] + np.minimum(late, FAR_S)
        return Shortfall(row, gap, later, earlier, overtime, others, price)

    def _splits(
        self, row: NDArray[np.intp], gap: NDArray[np.intp]
    ) -> list[tuple[Cells, Cells, NDArray[np.bool_]]]:
        """Ways to put the breaks beside the order: (those before it, those after, is it one)."""
        gaps = self.gaps
        if self.spot.leaves:
            whole = gaps.split_after[0]
            return [(whole[:, row, gap], whole[:, row, gap + 1], np.ones(len(row), dtype=np.bool_))]
        return [
            (gaps.split[way][:, row, gap], gaps.split_after[way][:, row, gap], way < valid)
            for valid in (gaps.splits[row, gap],)
            for way in range(min(len(gaps.split), int(valid.max())))
        ]
