"""What a routing engine answers, always with where it comes from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from routing.places import Place
from routing.speeds import HourBucket

UNREACHABLE_S: Final = 604_800
"""Seconds (a week) held by unreachable cells: absurd, never 0, and its sums still fit int32."""


class LegSource(StrEnum):
    """Who computed a travel time."""

    OSRM = "osrm"
    ESTIMATE = "estimate"


LEG_SOURCES: Final = tuple(LegSource)


@dataclass(frozen=True, slots=True)
class LegCount:
    """Legs by source; counts add up, so that a planning run can report its shares."""

    osrm: int = 0
    estimate: int = 0
    unreachable: int = 0

    def __add__(self, other: Self) -> "LegCount":
        return LegCount(
            self.osrm + other.osrm,
            self.estimate + other.estimate,
            self.unreachable + other.unreachable,
        )

    @property
    def total(self) -> int:
        """All legs counted."""
        return self.osrm + self.estimate + self.unreachable

    def shares(self) -> dict[str, float]:
        """Give each source's share of all legs; empty when nothing was counted."""
        if not self.total:
            return {}
        counts = {"osrm": self.osrm, "estimate": self.estimate, "unreachable": self.unreachable}
        return {name: count / self.total for name, count in counts.items()}


@dataclass(frozen=True, slots=True)
class Matrix:
    """Travel seconds from each source (row) to each target (column), labelled cell by cell.

    `seconds` is int32 and never negative; 0 only between points that are the same or snap to the
    same place. Where `unreachable` is set, `seconds` holds UNREACHABLE_S. Where `estimated` is
    set, the number did not come from roads. The arrays are read-only.
    """

    seconds: NDArray[np.int32]
    unreachable: NDArray[np.bool_]
    estimated: NDArray[np.bool_]
    graph_version: str
    hour_bucket: HourBucket

    def __post_init__(self) -> None:
        if self.seconds.dtype != np.int32 or self.seconds.ndim != 2:
            raise ValueError("seconds must be a two-dimensional int32 array")
        if not self.seconds.shape == self.unreachable.shape == self.estimated.shape:
            raise ValueError("seconds and its masks differ in shape")
        if (self.seconds < 0).any():
            raise ValueError("a travel time is negative")
        if (self.seconds[self.unreachable] != UNREACHABLE_S).any():
            raise ValueError("an unreachable cell must hold UNREACHABLE_S")
        for array in (self.seconds, self.unreachable, self.estimated):
            array.setflags(write=False)

    def source_of(self, row: int, column: int) -> LegSource:
        """Say who computed one cell (for an unreachable one: who found it so)."""
        return LegSource.ESTIMATE if self.estimated[row, column] else LegSource.OSRM

    def count_legs(self) -> LegCount:
        """Count all cells by source."""
        return _count(self.unreachable, self.estimated)

    def count_legs_at(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> LegCount:
        """Count by source only the legs that a plan drives: cells (rows[k], columns[k])."""
        return _count(self.unreachable[rows, columns], self.estimated[rows, columns])


def _count(unreachable: NDArray[np.bool_], estimated: NDArray[np.bool_]) -> LegCount:
    cut_off = int(unreachable.sum())
    estimate = int((estimated & ~unreachable).sum())
    return LegCount(int(unreachable.size) - cut_off - estimate, estimate, cut_off)


@dataclass(frozen=True, slots=True)
class Snap:
    """Where a place joins the roads. `far`: more than 300 m away, times from it are estimates."""

    place: Place
    snapped: Place
    distance_m: float
    far: bool
    source: LegSource
    graph_version: str


@dataclass(frozen=True, slots=True)
class Route:
    """One drive through places in order: whole seconds and metres, the line, and each leg.

    `class_seconds` holds the seconds on each road class, in the order of ROAD_CLASSES; None where
    the source knows no classes.
    """

    seconds: int
    metres: int
    geometry: tuple[Place, ...]
    legs_s: tuple[int, ...]
    source: LegSource
    graph_version: str
    hour_bucket: HourBucket
    class_seconds: tuple[float, ...] | None = None


class Fix(NamedTuple):
    """One measured position of a moving phone; `accuracy_m` is the radius that it claims."""

    place: Place
    at: datetime
    accuracy_m: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """The way driven between two neighbouring fixes of a trace.

    `road_s` is what the map thinks that it takes at that hour, `class_seconds` the same by road
    class (order of ROAD_CLASSES; None where the source knows no classes).
    """

    left_at: datetime
    reached_at: datetime
    metres: float
    road_s: float
    class_seconds: tuple[float, ...] | None

    @property
    def taken_s(self) -> float:
        """Seconds between the two fixes."""
        return (self.reached_at - self.left_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Trace:
    """A drive found in measured positions: its stretches in order, gaps left out.

    `dropped` counts fixes that fit no road, or stand too close to the one before to tell a move.
    """

    stretches: tuple[Stretch, ...]
    dropped: int
    source: LegSource
    graph_version: str
    hour_bucket: HourBucket

    @property
    def metres(self) -> float:
        """Metres driven along the roads."""
        return sum(stretch.metres for stretch in self.stretches)
