"""The filter before exact timing: what one order would cost in every gap of every crew.

Driving, area, stability and fairness come out exact; lateness and overtime too as long as the
breaks stay where they are (beside the order, both sides are looked at). Each position also has a
bound that no timing can beat, so that who looks at the best few knows whether more could help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.gaps import FAR_S, Cells, Gaps
from dispatch.model import Order
from dispatch.plan import Route
from dispatch.price import route_income
from dispatch.problem import UNREACHABLE_S, Problem

LOOK = 256
"""Positions, the best by their bound, of which lateness further down the route is worked out."""


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
        parts = {name: getattr(self, name)[rows] for name in self._fields if name != "leaves"}
        return Spot(**parts, leaves=self.leaves)


class Ranked(NamedTuple):
    """Positions, the likely ones first, each kind by its estimate; all prices in thousandths."""

    crew: list[int]
    gap: list[int]
    estimate: list[int]
    bound: list[int]
    likely: list[bool]


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
    """Driving, area, stability and fairness, in thousandths: for ranking."""


NOWHERE = Ranked([], [], [], [], [])


class Positions:
    """Filter over all gaps of a plan; `update` it when a crew's route has changed."""

    def __init__(self, problem: Problem, routes: Sequence[Route]) -> None:
        self.problem = problem
        crews = problem.crews
        self.gaps = Gaps(problem, routes)
        self._size = np.array([crew.size for crew in crews], dtype=np.int64)
        self._row = {crew.id: number for number, crew in enumerate(crews)}
        self._skills = _by_key([crew.skills for crew in crews])
        self._areas = _by_key([crew.area_cost for crew in crews])
        self._decided = {name: c.id for c in crews for name in (*c.locked, *c.sequence)}
        self._none = np.zeros(len(crews), dtype=np.int64)
        pairs = list(zip(crews, routes, strict=True))
        self.loads = np.array([c.load_s + r.load_s for c, r in pairs], dtype=np.int64)
        self.incomes = np.array([route_income(problem, c, r) for c, r in pairs], dtype=np.int64)

    def update(self, routes: Sequence[Route], number: int) -> None:
        """Take the route of crew `number` as it is now."""
        crew, route = self.problem.crews[number], routes[number]
        self.gaps.update(routes, number)
        self.loads[number] = crew.load_s + route.load_s
        self.incomes[number] = route_income(self.problem, crew, route)

    def qualified(self, order: Order) -> NDArray[np.bool_]:
        """Which crews may have the order by skills, size, pin and ban."""
        mask = self._size >= order.crew_size
        for skill, count in order.skills:
            mask &= self._skills.get(skill, self._none) >= count
        pin = order.pinned_crew or self._decided.get(order.id)
        if pin is not None:
            only = np.zeros_like(mask)
            if pin in self._row:
                only[self._row[pin]] = True
            mask &= only
        for crew_id in order.forbidden_crews & self._row.keys():
            mask[self._row[crew_id]] = False
        return mask

    def between(self) -> Spot:
        """Every gap as a place for one more order."""
        gaps, cell = self.gaps, self.gaps.cell
        return Spot(
            cell["here"],
            cell["here_building"],
            cell["free_s"],
            gaps.free_bound_s,
            cell["there"],
            cell["there_building"],
            cell["there_setup_s"],
            cell["drives_on"],
            cell["leg_s"],
            cell["leg_s"] + cell["setup_s"],
            gaps.latest_bound_s,
            cell["open"],
            leaves=False,
        )

    def instead(self, may_leave: NDArray[np.bool_]) -> Spot:
        """Every stop as a place for an order, if the one that is there may leave it.

        `may_leave` is by the order's number in the problem.
        """
        gaps, cell = self.gaps, self.gaps.cell
        busy_s = cell["leg_s"] + cell["setup_s"]
        stop = cell["stop"][:, :-1]
        leaves = np.append(may_leave, False)[stop]
        return Spot(
            cell["here"][:, :-1],
            cell["here_building"][:, :-1],
            cell["free_s"][:, :-1],
            gaps.free_bound_s[:, :-1],
            cell["there"][:, 1:],
            cell["there_building"][:, 1:],
            cell["there_setup_s"][:, 1:],
            cell["drives_on"][:, 1:],
            cell["leg_s"][:, :-1] + cell["leg_s"][:, 1:],
            busy_s[:, :-1] + busy_s[:, 1:] + cell["service_s"][:, :-1],
            gaps.latest_bound_s[:, 1:],
            cell["open"][:, :-1] * leaves,
            leaves=True,
        )

    def ranked(self, order: Order, rows: NDArray[np.intp], spot: Spot | None = None) -> Ranked:
        """Rank the positions in the routes of the crews `rows` that hard rules do not exclude."""
        if len(rows) == 0:
            return NOWHERE
        given = self.between() if spot is None else spot
        trip = _Trip(self, order, rows, given)
        crew, gap = np.nonzero(trip.possible())
        if len(crew) == 0:
            return NOWHERE
        bound = trip.bound()[crew, gap]
        if len(crew) > LOOK:
            best = np.argpartition(bound, LOOK)[:LOOK]
            crew, gap, bound = crew[best], gap[best], bound[best]
        estimate, likely = trip.estimate(crew, gap)
        key = np.where(likely, estimate, bound)
        sort = np.lexsort((gap, rows[crew], key, ~likely))
        chosen = (rows[crew], gap, key, bound, likely)
        return Ranked(*(values[sort].tolist() for values in chosen))

    def relaxed(self, order: Order, rows: NDArray[np.intp]) -> Shortfall | None:
        """Return by how much each position breaks windows and shifts; None when no road leads."""
        trip = _Trip(self, order, rows, self.between())
        crew, gap = np.nonzero(trip.drivable())
        if len(crew) == 0:
            return None
        trip.bound()
        return trip.shortfall(crew, gap)

    def flat(self, order: Order, rows: NDArray[np.intp]) -> Cells:
        """What each crew costs beyond driving and time, fairness of workload aside."""
        flat = 1000 * self._areas.get(order.area or "", self._none)[rows]
        move = 1000 * self.problem.objective.move
        if order.current_crew is not None and move:
            flat = flat + move
            own = self._row.get(order.current_crew, -1)
            flat[rows == own] -= move
        rate = self.problem.objective.income_spread_per_mille
        if order.income and rate:
            more = np.full((len(rows), 1), order.income, dtype=np.int64)
            flat = flat + _apart(self.incomes, rows, more, rate)[:, 0]
        return flat

    def spread(self, rows: NDArray[np.intp], more_s: Cells) -> Cells:
        """What `more_s` of work in a gap adds to the price of unequal workloads."""
        rate = self.problem.objective.spread_per_mille
        return _apart(self.loads, rows, more_s, rate) if rate else np.zeros_like(more_s)


def _by_key(mappings: Sequence[Mapping[str, int]]) -> dict[str, Cells]:
    table: dict[str, Cells] = {}
    for number, mapping in enumerate(mappings):
        for key, value in mapping.items():
            if key not in table:
                table[key] = np.zeros(len(mappings), dtype=np.int64)
            table[key][number] = value
    return table


def _apart(totals: Cells, rows: NDArray[np.intp], more: Cells, rate: int) -> Cells:
    """How the price of |total - mean| changes when one crew's total grows, exactly as in `price`.

    `more` is [len(rows), anything]; only one of its numbers applies at a time.
    """
    count = len(totals)
    scaled = np.sort(totals) * count
    before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(scaled)])
    mean = totals.sum() + more
    below = np.searchsorted(scaled, mean)
    apart = mean * (2 * below - count) + before[-1] - 2 * before[below]
    own = (totals[rows] * count)[:, None]
    apart += np.abs(own + more * count - mean) - np.abs(own - mean)
    result: Cells = rate * apart // count - apart_price(totals, rate)
    return result


def apart_price(totals: Cells, rate: int) -> int:
    """Return what `price.spread_price` and `price.income_price` do, from an array."""
    count = len(totals)
    if not count or not rate:
        return 0
    return rate * int(np.abs(totals * count - totals.sum()).sum()) // count


class _Trip:
    """One order's way into each of the spots of some crews."""

    def __init__(
        self, positions: Positions, order: Order, rows: NDArray[np.intp], spot: Spot
    ) -> None:
        self.order, self.rows, self.gaps = order, rows, positions.gaps
        every = len(rows) == len(positions.loads)
        self.spot = spot if every else spot.of(rows)
        spot, travel = self.spot, positions.problem.travel
        self.to_s = travel[:, order.place].astype(np.int64)[spot.here]
        self.on_s = travel[order.place].astype(np.int64)[spot.there] * spot.drives_on
        building = positions.gaps.building(order.building)
        inside = (spot.here_building == building) & (building >= 0)
        self.to_s = np.where(self.to_s < UNREACHABLE_S, self.to_s, FAR_S)
        self.ready_s = np.where(inside, 0, order.setup_s) + self.to_s
        again = (spot.there_building == building) & (building >= 0)
        self.next_s = np.where(again, 0, spot.there_setup_s) + self.on_s
        self.more_s = self.ready_s + self.next_s + order.service_s - spot.saved_busy_s
        self.close_s = FAR_S if order.window is None else order.window[1]
        self.due_s = FAR_S if order.due_s is None else order.due_s
        self.flat = positions.flat(order, rows)
        self.positions = positions

    def drivable(self) -> NDArray[np.bool_]:
        """Where a road leads there and on."""
        mask: NDArray[np.bool_] = (
            (self.spot.open > 0) & (self.to_s < FAR_S) & (self.on_s < UNREACHABLE_S)
        )
        return mask

    def possible(self) -> NDArray[np.bool_]:
        """Where no road, window or shift excludes the order, wherever breaks are put."""
        spot, order = self.spot, self.order
        soonest_s = np.maximum(order.opens_s, spot.free_bound_s + self.ready_s)
        onward_s = soonest_s + order.service_s + self.next_s
        mask: NDArray[np.bool_] = (
            self.drivable() & (soonest_s <= self.close_s) & (onward_s <= spot.latest_bound_s)
        )
        return mask

    def bound(self) -> Cells:
        """The least it can cost, wherever breaks are put; the untimed part is kept for later."""
        spot, order = self.spot, self.order
        self.soonest_s = np.maximum(order.opens_s, spot.free_bound_s + self.ready_s)
        more_s = np.minimum(self.more_s, FAR_S >> 12)
        rate = self.positions.problem.objective.travel_per_mille
        driven = np.minimum(self.to_s, FAR_S >> 12) + self.on_s - spot.saved_leg_s
        self.sure = rate * driven + self.flat[:, None] + self.positions.spread(self.rows, more_s)
        late = order.late_per_mille * np.maximum(0, self.soonest_s - self.due_s)
        gains = spot.leaves | (more_s < 0)
        late_now = self.gaps.cell["late"][self.rows].sum(axis=1)[:, None]
        bound: Cells = self.sure + late - np.where(gains, late_now, 0)
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
        since = np.take_along_axis(sums, behind[:, None], axis=1)
        floors = np.where(column <= behind[:, None], -FAR_S, self.gaps.floors[row])
        floors = np.maximum.accumulate(floors, axis=1)
        rate = np.where(column < behind[:, None], 0, cell["late_per_mille"][row])
        late_now = np.where(column < gap[:, None], 0, cell["late"][row]).sum(axis=1)
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
        behind = np.arange(self.gaps.width)[None, :] >= gap[:, None]
        sums, close = self.gaps.sums[row], cell["close_s"][row]
        since = np.take_along_axis(sums, gap[:, None], axis=1)
        inner = np.arange(self.gaps.width)[None, :] > gap[:, None]
        floors = np.where(inner, self.gaps.floors[row], -FAR_S)
        floors = np.maximum.accumulate(floors, axis=1)
        home = (close < FAR_S) & (cell["stop"][row] < 0)
        ready = self.spot.free_s[crew, gap] + self.ready_s[crew, gap]
        opens, latest = cell["opens_s"][row, gap], self.gaps.latest_s[row, gap]
        next_s = self.next_s[crew, gap]
        best = np.full((4, len(row)), FAR_S, dtype=np.int64)
        for before, after, valid in self._splits(row, gap):
            reached = np.maximum(ready + before[0], np.maximum(before[1], order.earliest_s))
            start = np.maximum(reached, order.opens_s)
            finish = start + order.service_s
            onward = np.maximum(np.maximum(finish + next_s + after[0], after[1]), opens)
            over = np.maximum(0, sums + np.maximum(onward[:, None] - since, floors) - close)
            over *= behind
            overtime = (over * home).sum(axis=1)
            others = over.sum(axis=1) - overtime + np.maximum(0, finish - after[2])
            last = np.minimum(after[2], latest - next_s - after[0]) - order.service_s
            sooner = (reached <= last) & (last < order.opens_s)
            earlier = np.where(sooner & valid, order.opens_s - last, FAR_S)
            asks = np.stack([np.maximum(0, start - self.close_s), overtime, others])
            better = valid & (asks.sum(axis=0) < best[:3].sum(axis=0))
            best[:3] = np.where(better, asks, best[:3])
            best[3] = np.minimum(best[3], earlier)
        later, overtime, others, earlier = best
        price = self.sure[crew, gap]
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
