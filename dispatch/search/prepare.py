"""From a problem to the rows of integers that the kernels read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dispatch.price import move_price
from dispatch.problem import Problem
from dispatch.reach import eligible
from dispatch.search import layout
from dispatch.search.chance import dice_of
from dispatch.search.layout import NEVER, Day, Ints, Stops, Tours, Walk

NEIGHBOURS = 200
"""Orders that each order knows as its neighbours."""
POOL_CELLS = 1 << 19
"""Numbers of 8 bytes for remembered routes: a power of two of them, in at most 4 MB."""
REMEMBERED = 96
"""Stops of the longest route that is remembered."""
ROWS_AT_ONCE = 256
"""Rows of the order-by-order matrix that are in memory at a time."""


def day_of(problem: Problem) -> Day:
    """Return the problem as arrays; orders and crews keep their positions."""
    orders, crews = _orders(problem), _crews(problem)
    most_rests = max((len(crew.owed_breaks) for crew in problem.crews), default=0)
    rests = np.zeros((len(problem.crews), max(1, most_rests), 3), dtype=np.int64)
    for number, crew in enumerate(problem.crews):
        for position, rest in enumerate(crew.owed_breaks):
            rests[number, position] = (rest.earliest_s, rest.latest_s, rest.duration_s)
    may = eligible(problem)
    fee = _fees(problem)
    orders[:, layout.CROWD] = may.sum(axis=1)
    first = np.concatenate([[0], np.cumsum(orders[:, layout.CROWD])]).astype(np.int64)
    rates = problem.objective
    most = -1 if rates.most_moves is None else rates.most_moves
    return Day(
        orders=orders,
        crews=crews,
        rests=rests,
        rates=np.array(
            [
                rates.travel_per_mille,
                rates.overtime_per_mille,
                rates.spread_per_mille,
                rates.income_spread_per_mille,
                most,
            ],
            dtype=np.int64,
        ),
        travel=np.ascontiguousarray(problem.travel),
        back=np.ascontiguousarray(problem.travel.T),
        first=first,
        options=np.stack([np.nonzero(may)[1], fee[may]], axis=1),
        near=_near(problem, orders[:, layout.PLACE]),
    )


def _orders(problem: Problem) -> Ints:
    rows = np.zeros((len(problem.orders), layout.ORDER_COLUMNS), dtype=np.int64)
    inside = _buildings(problem)
    ranks = {name: rank for crew in problem.crews for rank, name in enumerate(crew.sequence)}
    crew_at = {crew.id: number for number, crew in enumerate(problem.crews)}
    for row, order in zip(rows, problem.orders, strict=True):
        locked = order.id in problem.locked_crew
        due_s, rate = order.delay_price
        owner = crew_at.get(order.current_crew or "", -1)
        decided = locked or order.id in problem.pinned_crew
        row[:] = (
            order.place,
            order.service_s,
            order.setup_s,
            inside.get(order.building, -1),
            order.opens_s,
            NEVER if locked or order.window is None else order.window[1],
            due_s if rate else NEVER,
            rate,
            1000 * order.priority_penalty,
            order.income,
            ranks.get(order.id, -1),
            -1 if decided else owner,
            int(locked),
            0,
            0,
            order.units,
        )
    ways = [problem.travel[crew.ready_place] for crew in problem.crews]
    if ways:
        rows[:, layout.REMOTE] = np.min(ways, axis=0)[rows[:, layout.PLACE]]
    return rows


def _buildings(problem: Problem) -> dict[str | None, int]:
    named = [order.building for order in problem.orders if order.building is not None]
    named += [crew.in_building for crew in problem.crews if crew.in_building is not None]
    return {building: number for number, building in enumerate(dict.fromkeys(named))}


def _crews(problem: Problem) -> Ints:
    inside = _buildings(problem)
    rows = [
        (
            crew.ready_place,
            -1 if crew.end_place is None else crew.end_place,
            crew.ready_s,
            crew.shift[1],
            crew.hard_end_s,
            inside.get(crew.in_building, -1),
            len(crew.locked),
            len(crew.owed_breaks),
            crew.load_s,
            crew.income,
            NEVER if crew.capacity is None else crew.capacity,
            int(crew.is_away),
        )
        for crew in problem.crews
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), layout.CREW_COLUMNS)


def _fees(problem: Problem) -> Ints:
    """[order, crew]: price in thousandths of area and of moving a published order."""
    areas = list(dict.fromkeys(order.area or "" for order in problem.orders))
    cost = np.array(
        [[crew.area_cost.get(area, 0) for crew in problem.crews] for area in areas],
        dtype=np.int64,
    ).reshape(len(areas), len(problem.crews))
    at = {area: row for row, area in enumerate(areas)}
    fees = cost[[at[order.area or ""] for order in problem.orders]]
    crew_at = {crew.id: number for number, crew in enumerate(problem.crews)}
    for row, order in zip(fees, problem.orders, strict=True):
        if order.current_crew is None:
            continue
        move_s = move_price(problem, order)
        row += move_s
        if order.current_crew in crew_at:
            row[crew_at[order.current_crew]] -= move_s
    return 1000 * fees


def _near(problem: Problem, place: Ints) -> Ints:
    """[order, rank]: itself first, then its neighbours by the way there and back."""
    count = len(place)
    width = min(count, NEIGHBOURS)
    travel = np.minimum(problem.travel, layout.FAR)  # two ways have to fit into 32 bits
    near = np.empty((count, width), dtype=np.int64)
    for begin in range(0, count, ROWS_AT_ONCE):
        end = min(count, begin + ROWS_AT_ONCE)
        rows = place[begin:end]
        way = travel[np.ix_(rows, place)] + travel[np.ix_(place, rows)].T
        way[np.arange(end - begin), np.arange(begin, end)] = -1
        if width < count:
            some = np.argpartition(way, width - 1, axis=1)[:, :width]
        else:
            some = np.broadcast_to(np.arange(count), way.shape)
        ranked = np.argsort(np.take_along_axis(way, some, axis=1), axis=1, kind="stable")
        near[begin:end] = np.take_along_axis(some, ranked, axis=1)
    return near


def most_stops(problem: Problem, sequences: Sequence[Sequence[int]]) -> int:
    """Return what no feasible route and none of the given ones exceeds in stops.

    A crew's hours hold only so many visits of the shortest kind. Memory that no route reaches is
    asked for, but never touched.
    """
    longest = max((len(names) for names in sequences), default=0)
    locked = max((len(crew.locked) for crew in problem.crews), default=0)
    hours = max((crew.hard_end_s - crew.ready_s for crew in problem.crews), default=0)
    shortest = min((order.service_s for order in problem.orders), default=0)
    visits = max(0, hours) // shortest + 1 if shortest > 0 else len(problem.orders)
    return min(len(problem.orders), max(longest, locked + visits))


def tours_of(problem: Problem, day: Day, sequences: Sequence[Sequence[int]]) -> Tours:
    """Return empty tours, not labelled yet, with room for the given orders per crew."""
    crews, orders = len(problem.crews), len(problem.orders)
    room = 2 + most_stops(problem, sequences)
    rests = int(day.crews[:, layout.RESTS].max(initial=0))
    width = 1 if rests == 0 else 4 + 4 * rests
    rows = 2 * crews
    tours = Tours(
        cells=np.zeros((rows, room + 2, 9), dtype=np.int64),
        rows=np.zeros((rows, 8), dtype=np.int64),
        labels=np.zeros((rows, room + 1, width, 3), dtype=np.int64),
        limits=np.zeros((rows, room + 1, rests + 1, 2), dtype=np.int64),
        hands=np.zeros((crews, 4), dtype=np.int64),
        spots=np.zeros((orders, 3), dtype=np.int64),
        totals=np.zeros(6, dtype=np.int64),
        memo=np.zeros((len(day.options), 2, 4), dtype=np.int64),
        scratch=np.zeros((2, width, 3), dtype=np.int64),
    )
    tours.hands[:, layout.ROW] = np.arange(0, rows, 2)
    tours.spots[:, layout.WHERE] = -1
    return tours


def plan_of(sequences: Sequence[Sequence[int]], tours: Tours) -> Stops:
    """The orders per crew as arrays that tours of this size can take over."""
    stops = np.zeros((len(sequences), tours.cells.shape[1]), dtype=np.int64)
    for row, sequence in zip(stops, sequences, strict=True):
        row[: len(sequence)] = sequence
    return Stops(stops, np.array([len(names) for names in sequences], dtype=np.int64))


def walk_of(day: Day, tours: Tours, seed: int) -> Walk:
    """Return an empty walk."""
    crews, orders = len(day.crews), len(day.orders)
    remembered = min(tours.cells.shape[1], REMEMBERED + 2)
    slots = min(8192, 1 << int(np.log2(POOL_CELLS / remembered)))
    return Walk(
        book=np.zeros(8, dtype=np.int64),
        touched=np.zeros(crews, dtype=np.int64),
        absent=np.zeros(3 * orders + 64, dtype=np.int64),
        keys=np.zeros(3 * orders + 64, dtype=np.float64),
        before=np.zeros(6, dtype=np.int64),
        best_stops=np.zeros((crews, tours.cells.shape[1]), dtype=np.int64),
        best_length=np.zeros(crews, dtype=np.int64),
        pool=np.zeros((slots, remembered), dtype=np.int64),
        dice=dice_of(seed),
        seeds=np.zeros(orders, dtype=np.int64),
    )
