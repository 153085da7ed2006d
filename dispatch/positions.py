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
from dispatch.price import move_price
from dispatch.problem import Problem
from dispatch.tally import Tally
from dispatch.trip import Shortfall, Spot, Trip

LOOK = 128
"""Positions, the best by their bound, of which lateness further down the route is worked out."""

_LACK = 1500
"""Thousandths that a second lacking costs, between a window's and overtime's; for ranking only."""


class Ranked(NamedTuple):
    """Positions, the likely ones first, each kind by its estimate; all prices in thousandths."""

    crew: list[int]
    gap: list[int]
    estimate: list[int]
    bound: list[int]
    likely: list[bool]
    cut: int | None = None
    """The least bound of the positions that were not looked at, if there are any."""


class Kept(NamedTuple):
    """One crew's gaps as they were, and the spots made of all of them."""

    rows: list[Cells]
    between: Spot | None
    instead: Spot | None


NOWHERE = Ranked([], [], [], [], [])


class Positions:
    """Filter over all gaps of a plan; `update` it when a crew's route has changed."""

    def __init__(self, problem: Problem, tally: Tally) -> None:
        self.problem, self._tally = problem, tally
        crews = problem.crews
        self.gaps = Gaps(problem, tally.routes)
        self._row = {crew.id: number for number, crew in enumerate(crews)}
        self._areas = _by_key([crew.area_cost for crew in crews])
        self._none = np.zeros(len(crews), dtype=np.int64)
        self._between: Spot | None = None
        self._instead: Spot | None = None
        self._last: tuple[Order, NDArray[np.intp], Trip] | None = None
        """The order that was asked for last, whose crews, and its way into their gaps."""

    def update(self, number: int) -> None:
        """Take the route of crew `number` as it is now; the tally knows it already."""
        self.gaps.update(self._tally.routes, number)
        self._between = self._instead = self._last = None

    def kept(self, number: int) -> Kept:
        """What `put_back` needs to undo the next `update` of this crew."""
        return Kept(self.gaps.rows(number), self._between, self._instead)

    def put_back(self, number: int, kept: Kept) -> None:
        """Undo this crew's update, the only one since; the tally knows its old route already."""
        if self.gaps.put_back(number, kept.rows):
            self._between, self._instead, self._last = kept.between, kept.instead, None
        else:
            self.update(number)

    def between(self) -> Spot:
        """Every gap as a place for one more order."""
        if self._between is None:
            gaps, cell = self.gaps, self.gaps.cell
            self._between = Spot(
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
        return self._between

    def instead(self, may_leave: NDArray[np.bool_]) -> Spot:
        """Every stop as a place for an order, if the one that is there may leave it.

        `may_leave` is by the order's number in the problem.
        """
        if self._instead is None:
            gaps, cell = self.gaps, self.gaps.cell
            busy_s = cell["leg_s"] + cell["setup_s"]
            self._instead = Spot(
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
                cell["open"][:, :-1],
                leaves=True,
            )
        leaves = np.append(may_leave, False)[self.gaps.cell["stop"][:, :-1]]
        return self._instead._replace(open=self._instead.open * leaves)

    def ranked(
        self,
        order: Order,
        rows: NDArray[np.intp],
        spot: Spot | None = None,
        *,
        look: int = LOOK,
        below: int | None = None,
    ) -> Ranked:
        """Rank the positions in the routes of the crews `rows` that hard rules do not exclude.

        At most `look` of them, those with the least bounds, and only those bounded `below` that.
        """
        if len(rows) == 0:
            return NOWHERE
        trip = self._into_gaps(order, rows) if spot is None else self._trip(order, rows, spot)
        bounds, possible = trip.bound(), trip.possible()
        if below is not None:
            possible &= bounds < below
        cells = np.flatnonzero(possible)
        if len(cells) == 0:
            return NOWHERE
        bound, cut = bounds.ravel()[cells], None
        if len(cells) > look:
            best = np.argpartition(bound, look)
            cut, best = int(bound[best[look]]), best[:look]
            cells, bound = cells[best], bound[best]
        crew, gap = np.divmod(cells, bounds.shape[1])
        estimate, likely = trip.estimate(crew, gap)
        key = np.where(likely, estimate, bound)
        sort = np.lexsort((gap, rows[crew], key, ~likely))
        return Ranked(
            rows[crew][sort].tolist(),
            gap[sort].tolist(),
            key[sort].tolist(),
            bound[sort].tolist(),
            likely[sort].tolist(),
            cut,
        )

    def relaxed(self, order: Order, rows: NDArray[np.intp]) -> Shortfall | None:
        """Return by how much positions break windows and shifts; None when no road leads.

        Of many positions those are looked at that can break least, wherever breaks are put.
        """
        if len(rows) == 0:
            return None
        trip = self._into_gaps(order, rows)
        crew, gap = np.nonzero(trip.drivable())
        if len(crew) == 0:
            return None
        if len(crew) > LOOK:
            lacks_s = np.minimum(trip.lacks_s()[crew, gap], FAR_S)
            price = trip.bound()[crew, gap] + _LACK * lacks_s
            best = np.zeros(len(crew), dtype=np.bool_)
            for key in (lacks_s, price):
                best[np.argpartition(key, LOOK // 2)[: LOOK // 2]] = True
            crew, gap = crew[best], gap[best]
        return trip.shortfall(crew, gap)

    def _into_gaps(self, order: Order, rows: NDArray[np.intp]) -> Trip:
        """The order's way into the gaps of these crews; kept, since it is asked for twice."""
        last = self._last
        if last is None or last[0] is not order or not np.array_equal(last[1], rows):
            last = self._last = (order, rows, self._trip(order, rows, self.between()))
        return last[2]

    def _trip(self, order: Order, rows: NDArray[np.intp], spot: Spot) -> Trip:
        return Trip(self.gaps, order, rows, spot, self._flat(order, rows), self._tally.spread)

    def _flat(self, order: Order, rows: NDArray[np.intp]) -> Cells:
        """What each crew costs beyond driving and time, fairness of workload aside."""
        flat = 1000 * self._areas.get(order.area or "", self._none)[rows]
        move = 1000 * move_price(self.problem, order)
        if order.current_crew is not None and move:
            flat = flat + move
            own = self._row.get(order.current_crew, -1)
            flat[rows == own] -= move
        rate = self.problem.objective.income_spread_per_mille
        if order.income and rate:
            more = np.full((len(rows), 1), order.income, dtype=np.int64)
            flat = flat + self._tally.income_spread.changes(rows, more)[:, 0]
        return flat


def _by_key(mappings: Sequence[Mapping[str, int]]) -> dict[str, Cells]:
    table: dict[str, Cells] = {}
    for number, mapping in enumerate(mappings):
        for key, value in mapping.items():
            if key not in table:
                table[key] = np.zeros(len(mappings), dtype=np.int64)
            table[key][number] = value
    return table
