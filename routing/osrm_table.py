"""Reads tables of OSRM: which cells are roads, which are guesses, which cannot be driven."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from routing.answers import UNREACHABLE_S
from routing.engine import EngineFailed

FAR_SNAP_M: Final = 300.0
"""Farther from its road than this, a place's road times mean nothing (ROUTING)."""


@dataclass(frozen=True, slots=True)
class RoadEnds:
    """Where the points of one side of a table joined the roads: lon/lat [n, 2], metres [n]."""

    snapped: NDArray[np.float64]
    distance_m: NDArray[np.float64]

    @property
    def far(self) -> NDArray[np.bool_]:
        """Mark the points that are too far from their road."""
        return self.distance_m > FAR_SNAP_M


@dataclass(frozen=True, slots=True)
class RoadTable:
    """One table as OSRM gave it: seconds [n, m], NaN where it found no road."""

    durations_s: NDArray[np.float64]
    sources: RoadEnds
    targets: RoadEnds


def read_table(body: dict[str, Any], rows: int, columns: int) -> RoadTable:
    """Read the JSON of a table answer; raises EngineFailed when it is not what was asked for."""
    try:
        durations = np.array(body["durations"], dtype=np.float64).reshape(rows, columns)
        sources, targets = _ends(body["sources"], rows), _ends(body["destinations"], columns)
    except (KeyError, TypeError, ValueError) as error:
        raise EngineFailed(f"the table answer is malformed: {error!r}") from error
    if (durations < 0).any() or np.isinf(durations).any():
        raise EngineFailed("the table answer holds impossible durations")
    return RoadTable(durations, sources, targets)


def _ends(waypoints: list[dict[str, Any]], count: int) -> RoadEnds:
    snapped = np.array([point["location"] for point in waypoints], dtype=np.float64)
    distance = np.array([point["distance"] for point in waypoints], dtype=np.float64)
    return RoadEnds(snapped.reshape(count, 2), distance.reshape(count))


@dataclass(frozen=True, slots=True)
class LabelledCells:
    """Whole seconds with the masks of a Matrix."""

    seconds: NDArray[np.int32]
    unreachable: NDArray[np.bool_]
    estimated: NDArray[np.bool_]


def label_cells(
    table: RoadTable,
    *,
    factor: float,
    identical: NDArray[np.bool_],
    estimate_s: NDArray[np.int32],
    stranded_sources: NDArray[np.bool_],
    stranded_targets: NDArray[np.bool_],
) -> LabelledCells:
    """Turn a road table into labelled whole seconds, shape [n, m].

    Durations are divided by the traffic `factor`. `identical` marks pairs of the same point,
    always 0 and reachable. A far snap takes `estimate_s`; a stranded point (on a road that does
    not join the others) is unreachable; so is a pair without a road. A zero stays only where both
    ends snapped to the same place, everything else takes at least a second (ROUTING).
    """
    far = table.sources.far[:, None] | table.targets.far[None, :]
    missing = np.isnan(table.durations_s)
    stranded = stranded_sources[:, None] | stranded_targets[None, :]
    unreachable = (stranded | (missing & ~far)) & ~identical
    same_snap = (table.sources.snapped[:, None] == table.targets.snapped[None, :]).all(axis=2)
    road_s = np.rint(np.where(missing, 0.0, table.durations_s) / factor)
    road_s = np.clip(road_s, np.where(same_snap, 0, 1), UNREACHABLE_S - 1)
    seconds = np.where(far, estimate_s, road_s).astype(np.int32)
    seconds[unreachable] = UNREACHABLE_S
    seconds[identical] = 0
    return LabelledCells(seconds, unreachable, far & ~unreachable)
