"""Labels tables of OSRM: which cells are roads, which are guesses, which cannot be driven."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from routing.answers import UNREACHABLE_S
from routing.osrm_wire import RoadEnds, RoadTable
from routing.places import Place

type Guess = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int32]]
"""Seconds between lon/lat arrays [n, 2] and [m, 2] where the roads say nothing."""


@dataclass(frozen=True, slots=True)
class LabelledCells:
    """Whole seconds with the masks of a Matrix, shape [n, m]."""

    seconds: NDArray[np.int32]
    unreachable: NDArray[np.bool_]
    estimated: NDArray[np.bool_]

    @classmethod
    def empty(cls, rows: int, columns: int) -> Self:
        """Give cells to be filled block by block."""
        shape = (rows, columns)
        return cls(np.zeros(shape, np.int32), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Seconds, unreachable, estimated."""
        return self.seconds, self.unreachable, self.estimated

    def paste(self, down: slice, across: slice, block: "LabelledCells") -> None:
        """Fill one block."""
        for mine, theirs in zip(self.arrays, block.arrays, strict=True):
            mine[down, across] = theirs


def label_cells(
    table: RoadTable,
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    *,
    factor: float,
    stranded: set[Place],
    guess_s: Guess,
) -> LabelledCells:
    """Turn a road table between `rows` and `columns` into labelled whole seconds.

    Durations are divided by the traffic `factor`. One and the same point is always 0 and
    reachable. A far snap takes `guess_s`; a `stranded` point (on a road that does not join the
    others) is unreachable; so is a pair without a road. A zero stays only where both ends snapped
    to the same place, everything else takes at least a second (ROUTING).
    """
    cells = LabelledCells.empty(*table.durations_s.shape)
    road_s = table.durations_s if factor == 1 else table.durations_s / np.float32(factor)
    np.minimum(np.rint(road_s), UNREACHABLE_S - 1, out=cells.seconds, casting="unsafe")
    _correct_zeros(cells.seconds, table)
    lost = tuple(table.missing.T)
    cells.unreachable[lost] = True
    _guess_far(cells, table, rows, columns, guess_s)
    if stranded:
        cells.unreachable[_stranded(table.sources, rows, stranded), :] = True
        cells.unreachable[:, _stranded(table.targets, columns, stranded)] = True
    same = _identical(rows, columns)
    cells.unreachable[same] = False
    cells.estimated[cells.unreachable] = False
    cells.seconds[cells.unreachable] = UNREACHABLE_S
    cells.seconds[same] = 0
    return cells


def _correct_zeros(seconds: NDArray[np.int32], table: RoadTable) -> None:
    """Let no zero stand between different places of the roads."""
    down, across = np.nonzero(seconds == 0)
    apart = (table.sources.snapped[down] != table.targets.snapped[across]).any(axis=1)
    seconds[down[apart], across[apart]] = 1


def _guess_far(
    cells: LabelledCells,
    table: RoadTable,
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    guess_s: Guess,
) -> None:
    """Replace the lines of points that are too far from their road."""
    for line in np.flatnonzero(table.sources.far):
        cells.seconds[line] = guess_s(rows[line : line + 1], columns)[0]
        cells.estimated[line], cells.unreachable[line] = True, False
    for line in np.flatnonzero(table.targets.far):
        cells.seconds[:, line] = guess_s(rows, columns[line : line + 1])[:, 0]
        cells.estimated[:, line], cells.unreachable[:, line] = True, False


def _stranded(
    ends: RoadEnds, points: NDArray[np.float64], stranded: set[Place]
) -> NDArray[np.bool_]:
    among = [tuple(pair) in stranded for pair in points.tolist()]
    return ends.far & np.array(among, dtype=np.bool_)


def _identical(
    rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the pairs that are one and the same point."""
    at: dict[tuple[float, ...], list[int]] = {}
    for index, pair in enumerate(columns.tolist()):
        at.setdefault(tuple(pair), []).append(index)
    pairs = [
        (row, column)
        for row, pair in enumerate(rows.tolist())
        for column in at.get(tuple(pair), ())
    ]
    found = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return found[:, 0], found[:, 1]
