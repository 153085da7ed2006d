"""Which crew can be there in time, with nothing else to do but what it has accepted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dispatch.fit import Roster, table
from dispatch.model import Order
from dispatch.problem import UNREACHABLE_S, Problem

Seconds = NDArray[np.int64]
NEVER_S = 1 << 60
"""The start of what no road leads to."""
NO_ROAD_S = NEVER_S // 2
"""More than anybody can be short of time."""


class Reach:
    """The crews of a problem, where and when they are free."""

    def __init__(self, problem: Problem) -> None:
        crews = problem.crews
        self._travel = problem.travel
        self._locked = problem.locked_crew
        self._from = np.array([crew.ready_place for crew in crews], dtype=np.intp)
        self._to = np.array([crew.end_place or 0 for crew in crews], dtype=np.intp)
        self._stays = np.array([crew.end_place is None for crew in crews], dtype=np.bool_)
        self._via = np.array([bool(crew.locked) for crew in crews], dtype=np.bool_)
        self._ready_s = np.array([crew.ready_s for crew in crews], dtype=np.int64)
        self._hard_end_s = np.array([crew.hard_end_s for crew in crews], dtype=np.int64)
        self._inside: dict[str | None, list[int]] = {}
        for number, crew in enumerate(crews):
            if crew.in_building is not None:
                self._inside.setdefault(crew.in_building, []).append(number)

    def starts_s(self, orders: Sequence[Order]) -> Seconds:
        """[order, crew]: when the crew could start if it went there at once; NEVER_S without road.

        With accepted orders in between only the time is known at which the crew is ready. Travel
        times that break the triangle inequality may make this a few minutes too late.
        """
        place = np.array([order.place for order in orders], dtype=np.intp)
        drive = self._travel[self._from][:, place].T.astype(np.int64)
        opens = np.array([order.opens_s for order in orders], dtype=np.int64)
        way = drive + self._setups_s(orders)
        way[:, self._via] = 0
        starts = np.maximum(opens[:, None], self._ready_s + way)
        blocked = (way >= UNREACHABLE_S) | (self._home_s(orders) >= UNREACHABLE_S)
        return np.where(blocked, NEVER_S, starts)

    def short_s(self, orders: Sequence[Order]) -> Seconds:
        """[order, crew]: seconds by which it misses window or shift; below 1 when it does not.

        At least NO_ROAD_S where no road leads.
        """
        starts = self.starts_s(orders)
        service = np.array([order.service_s for order in orders], dtype=np.int64)
        closes = np.array(
            [NEVER_S if order.window is None else order.window[1] for order in orders],
            dtype=np.int64,
        )
        over = starts + service[:, None] + self._home_s(orders) - self._hard_end_s
        short: Seconds = np.maximum(over, starts - closes[:, None])
        return short

    def short_of(self, order: Order) -> Seconds:
        """Per crew `short_s` of one order."""
        short: Seconds = self.short_s([order])[0]
        return short

    def in_time(self, orders: Sequence[Order]) -> NDArray[np.bool_]:
        """[order, crew]: can it be there and back? What is accepted is a fact."""
        accepted = np.array([order.id in self._locked for order in orders], dtype=np.bool_)
        found: NDArray[np.bool_] = (self.short_s(orders) <= 0) | accepted[:, None]
        return found

    def _setups_s(self, orders: Sequence[Order]) -> Seconds:
        own = np.array([order.setup_s for order in orders], dtype=np.int64)
        setups: Seconds = np.repeat(own[:, None], len(self._from), axis=1)
        for row, order in enumerate(orders):
            if order.building in self._inside:
                setups[row, self._inside[order.building]] = 0
        return setups

    def _home_s(self, orders: Sequence[Order]) -> Seconds:
        place = np.array([order.place for order in orders], dtype=np.intp)
        home = self._travel[place][:, self._to].astype(np.int64)
        home[:, self._stays] = 0
        return home


def eligible(problem: Problem) -> NDArray[np.bool_]:
    """[order, crew]: who may have which order and could be there in time."""
    orders = problem.orders
    if not orders or not problem.crews:
        return np.zeros((len(orders), len(problem.crews)), dtype=np.bool_)
    return table(Roster(problem), orders, len(problem.crews)) & Reach(problem).in_time(orders)


def candidates(problem: Problem) -> dict[str, list[int]]:
    """Order id -> positions of the crews that could serve it, in the problem's order."""
    rows = eligible(problem)
    return {
        order.id: np.flatnonzero(row).tolist()
        for order, row in zip(problem.orders, rows, strict=True)
    }
