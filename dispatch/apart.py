"""What unequal totals cost, and how that changes with one crew's total, exactly as in `price`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Totals = NDArray[np.int64]

_PIECES: Final = 3
"""So many straight pieces are all worked out and the highest taken; among more, each mean's own is
searched for, which takes longer."""


class Apart:
    """The price of |total - mean| over all crews, and of changes of one crew's total.

    `totals` (workload in seconds or income in hundredths of points) has one entry per crew. Prices
    are in thousandths; `rate` is the price of a unit.
    """

    def __init__(self, totals: Totals, rate: int) -> None:
        self.rate, self._totals = rate, totals
        self.price = 0
        if not rate or not len(totals):
            return
        self._count, self._sum = len(totals), int(totals.sum())
        self._scaled = totals * self._count
        self._sorted = np.sort(self._scaled)
        self._sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self._sorted)])
        self.price = rate * int(np.abs(self._scaled - self._sum).sum()) // self._count

    def with_totals(self, totals: Mapping[int, int]) -> Apart:
        """The same with new totals of some crews, by their numbers."""
        changed = self._totals.copy()
        for number, total in totals.items():
            changed[number] = total
        return Apart(changed, self.rate)

    def change_to(self, totals: Mapping[int, int]) -> int:
        """How the price changes with new totals of some crews, by their numbers."""
        if not self.rate:
            return 0
        if len(totals) != 1:
            return self.with_totals(totals).price - self.price
        ((number, total),) = totals.items()
        more, own = total - int(self._totals[number]), int(self._scaled[number])
        mean = self._sum + more
        slope, base = self._line(int(self._sorted.searchsorted(mean)))
        apart = slope * mean + base
        apart += abs(own + more * self._count - mean) - abs(own - mean)
        return int(self.rate * apart // self._count) - self.price

    def changes(self, rows: NDArray[np.intp], more: Totals) -> Totals:
        """How the price changes when the totals of these crews, one at a time, grow by `more`.

        `more` is [len(rows), anything]; only one of its numbers applies at a time.
        """
        if not self.rate or not more.size:
            return np.zeros_like(more)
        mean = more + self._sum
        apart = self._apart(mean)
        own = self._scaled[rows][:, None] - mean
        apart -= np.abs(own)
        own += more * self._count
        apart += np.abs(own, out=own)
        apart *= self.rate
        apart //= self._count
        apart -= self.price
        return apart

    def _apart(self, mean: Totals) -> Totals:
        """Sum of |total - mean|, all times the number of crews, for each of other means.

        It is convex in the mean and made of straight pieces, so it is the highest of their lines.
        Few totals lie between the least mean and the greatest, mostly none or one.
        """
        first, last = self._sorted.searchsorted((mean.min(), mean.max())).tolist()
        if last - first < _PIECES:
            slope, base = self._line(first)
            apart: Totals = mean * slope + base
            for below in range(first + 1, last + 1):
                slope, base = self._line(below)
                np.maximum(apart, mean * slope + base, out=apart)
            return apart
        slope, base = self._line(first + self._sorted[first:last].searchsorted(mean))
        found: Totals = mean * slope + base
        return found

    def _line(self, below: Any) -> tuple[Any, Any]:
        """Slope and intercept of the sum in `_apart` where `below` totals (a number, or one per
        mean) are less than the mean."""
        return 2 * below - self._count, self._sums[-1] - 2 * self._sums[below]
