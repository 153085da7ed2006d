"""Every position of every route as arrays, so that one order is tried everywhere at once.

Gap j of a crew lies before its stop j; the gap before the way home is the last one. The breaks
stay in the gaps where the plan has them. Then each stop starts at the larger of a constant and
the previous finish plus a constant, and what a later start of stop j does to all stops behind it
has a closed form:

    start of m = P[m] + max(start of j - P[j], largest A[i] - P[i] of j < i <= m)

with A the earliest start that windows and breaks allow and P the sums of work, driving and breaks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dispatch.model import Break
from dispatch.plan import Route
from dispatch.problem import Problem

Cells = NDArray[np.int64]

FAR_S = 1 << 40
"""Later than any time, and still far from overflow when rates are multiplied in."""
SPARE = 3
"""Columns kept free, so that a few insertions do not make the arrays anew."""

FIELDS = (
    "here",
    "here_building",
    "free_s",
    "there",
    "there_building",
    "there_setup_s",
    "leg_s",
    "setup_s",
    "opens_s",
    "close_s",
    "service_s",
    "due_s",
    "late_per_mille",
    "late",
    "drives_on",
    "open",
    "stop",
)
"""What is kept per gap, and of the stop behind it; the end of the shift is such a stop too:

`here`, `there`, `*_building`: place and building before and behind; -1 when there is none.
`free_s`: when the crew is free to leave. `leg_s`, `setup_s`: what the plan drives and sets up now.
`due_s`, `late_per_mille`: from when on a later start costs, and how much (`Order.delay_price`).
`late`: what the stop's lateness or waiting (the end's overtime) costs now, in thousandths.
`open`: 1 where an order may be put, 0 before accepted work and behind the end.
`stop`: number of the stop's order in the problem, -1 for the end.
"""
_BLANK = dict.fromkeys(FIELDS, 0) | {
    "here_building": -1,
    "there_building": -1,
    "opens_s": -FAR_S,
    "close_s": FAR_S,
    "due_s": FAR_S,
    "stop": -1,
}


class Gaps:
    """The arrays of a plan's routes, one row per crew and one column per gap.

    `cell[name]` is [crews, gaps] int64, see `FIELDS`. `split[v]` are the three numbers of the
    breaks of a gap that are taken before an order put there when the first v of them are, and
    `split_after[v]` of those behind it, each [crews, gaps]: (sum of durations, earliest end,
    latest leave). `free_bound_s` and `latest_bound_s` are what no placing of breaks can beat,
    `late_ahead` what lateness from the gap on costs now, in thousandths.
    """

    def __init__(self, problem: Problem, routes: Sequence[Route]) -> None:
        self.problem = problem
        self._buildings: dict[str, int] = {}
        self._number = {order.id: number for number, order in enumerate(problem.orders)}
        self._make(routes)

    def _make(self, routes: Sequence[Route]) -> None:
        longest = max((len(route.visits) for route in routes), default=0)
        self.width = longest + 1 + SPARE
        owed = max((len(crew.owed_breaks) for crew in self.problem.crews), default=0)
        shape = (len(routes), self.width)
        self._block = np.empty((len(FIELDS), *shape), dtype=np.int64)
        self.cell: dict[str, Cells] = dict(zip(FIELDS, self._block, strict=True))
        self.split, self.split_after = (
            np.empty((owed + 1, 3, *shape), dtype=np.int64) for _ in range(2)
        )
        self.splits = np.empty(shape, dtype=np.int64)
        self.sums, self.floors, self.latest_s, self.latest_bound_s, self.free_bound_s = (
            np.empty(shape, dtype=np.int64) for _ in range(5)
        )
        self.late_ahead = np.empty(shape, dtype=np.int64)
        self._tables = (
            *(self._block, self.split, self.split_after, self.splits, self.late_ahead),
            *(self.sums, self.floors, self.latest_s, self.latest_bound_s, self.free_bound_s),
        )
        for number, route in enumerate(routes):
            self._fill(number, route)
        self._derive(slice(None))

    def update(self, routes: Sequence[Route], number: int) -> None:
        """Take the route of crew `number` as it is now."""
        if len(routes[number].visits) + 1 > self.width:
            self._make(routes)
        else:
            self._fill(number, routes[number])
            self._derive(slice(number, number + 1))

    def rows(self, number: int) -> list[Cells]:
        """A copy of all that is kept of crew `number`."""
        return [cells[..., number, :].copy() for cells in self._tables]

    def put_back(self, number: int, rows: Sequence[Cells]) -> bool:
        """Make crew `number` what it was; False when the arrays have grown meanwhile."""
        if rows[0].shape[-1] != self.width:
            return False
        for cells, row in zip(self._tables, rows, strict=True):
            cells[..., number, :] = row
        return True

    def building(self, name: str | None) -> int:
        """Return the number by which the arrays know the building; -1 for none."""
        return -1 if name is None else self._buildings.setdefault(name, len(self._buildings))

    def _fill(self, number: int, route: Route) -> None:
        problem, crew = self.problem, self.problem.crews[number]
        count, locked = len(route.visits), len(crew.locked)
        orders = [problem.order_by_id[visit.order_id] for visit in route.visits]
        columns: list[tuple[int, ...]] = []
        here, inside, free_s = crew.ready_place, self.building(crew.in_building), crew.ready_s
        for position, (order, visit) in enumerate(zip(orders, route.visits, strict=True)):
            shut = order.window is not None and position >= locked
            there = self.building(order.building)
            due_s, rate = order.delay_price
            columns.append(
                (
                    here,
                    inside,
                    free_s,
                    order.place,
                    there,
                    order.setup_s,
                    visit.travel_s,
                    visit.setup_s,
                    order.opens_s,
                    order.window[1] if shut and order.window else FAR_S,
                    order.service_s,
                    due_s,
                    rate,
                    rate * max(0, visit.start_s - due_s),
                    1,
                    position >= locked,
                    self._number.get(order.id, -1),
                )
            )
            here, inside, free_s = order.place, there, visit.finish_s
        columns.append(self._end(number, route, here, inside, free_s))
        self._block[:, number, : count + 1] = np.array(columns, dtype=np.int64).T
        for name, value in _BLANK.items():
            self.cell[name][number, count + 1 :] = value
        self._rests(number, route)

    def _end(
        self, number: int, route: Route, here: int, inside: int, free_s: int
    ) -> tuple[int, ...]:
        crew, rate = self.problem.crews[number], self.problem.objective.overtime_per_mille
        driven = sum(visit.travel_s for visit in route.visits)
        return (
            here,
            inside,
            free_s,
            0 if crew.end_place is None else crew.end_place,
            -1,
            0,
            route.travel_s - driven,
            0,
            -FAR_S,
            crew.hard_end_s,
            0,
            crew.shift[1],
            rate,
            rate * route.overtime_s,
            crew.end_place is not None,
            1,
            -1,
        )

    def _rests(self, number: int, route: Route) -> None:
        """Put the crew's breaks into the gaps where the plan takes them."""
        crew = self.problem.crews[number]
        columns = slice(0, self.width)
        for table in (self.split, self.split_after):
            table[:, 0, number, columns] = 0
            table[:, 1, number, columns] = -FAR_S
            table[:, 2, number, columns] = FAR_S
        self.splits[number] = 1
        inside: dict[int, list[Break]] = {}
        if not route.visits:
            inside[0] = list(crew.owed_breaks)
        for rest, taken in zip(crew.owed_breaks, route.breaks, strict=False):
            gap = sum(visit.start_s < taken.finish_s for visit in route.visits)
            inside.setdefault(gap, []).append(rest)
        for gap, rests in inside.items():
            self.splits[number, gap] = len(rests) + 1
            for before in range(len(rests) + 1):
                self.split[before, :, number, gap] = _taken(rests[:before])
                self.split_after[before, :, number, gap] = _taken(rests[before:])

    def _derive(self, rows: slice) -> None:
        """The sums P, the floors A - P and the latest starts, with and without breaks."""
        cell = {name: values[rows] for name, values in self.cell.items()}
        busy_s = cell["leg_s"] + cell["setup_s"]
        rest_s, rest_end_s, leave_s = self.split_after[0][:, rows]
        steps = busy_s + rest_s
        steps[:, 1:] += cell["service_s"][:, :-1]
        sums = np.cumsum(steps, axis=1)
        self.sums[rows] = sums
        self.floors[rows] = np.maximum(cell["opens_s"], rest_end_s) - sums
        # A latest start is the least of what every later stop allows, less the way there: along the
        # sums P that is one running minimum; the earliest time a crew is free, one maximum.
        close, service_s = cell["close_s"], cell["service_s"]
        allows = close.copy()
        allows[:, :-1] = np.minimum(close[:, :-1], leave_s[:, 1:] - service_s[:, :-1])
        self.latest_s[rows] = sums + _least_ahead(allows - sums)
        steps = busy_s.copy()
        steps[:, 1:] += service_s[:, :-1]
        sums = np.cumsum(steps, axis=1)
        self.latest_bound_s[rows] = sums + _least_ahead(close - sums)
        gone = np.cumsum(busy_s + service_s, axis=1)[:, :-1]
        since = np.concatenate([cell["free_s"][:, :1], cell["opens_s"] + service_s], axis=1)[:, :-1]
        since[:, 1:] -= gone
        free = np.maximum.accumulate(since, axis=1)
        free[:, 1:] += gone
        self.free_bound_s[rows] = free
        self.late_ahead[rows] = np.cumsum(cell["late"][:, ::-1], axis=1)[:, ::-1]


def _least_ahead(values: Cells) -> Cells:
    """Per row the least of each value and all behind it."""
    least: Cells = np.minimum.accumulate(values[:, ::-1], axis=1)[:, ::-1]
    return least


def _taken(rests: Sequence[Break]) -> tuple[int, int, int]:
    """Breaks one after the other: (sum of durations, earliest end, latest leave before them)."""
    total_s, end_s, leave_s = 0, -FAR_S, FAR_S
    for rest in rests:
        leave_s = min(leave_s, rest.latest_s - total_s)
        end_s = max(end_s, rest.earliest_s) + rest.duration_s
        total_s += rest.duration_s
    return total_s, end_s, leave_s
