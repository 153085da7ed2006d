"""Drives as the learning sees them: seconds by road class on a free road, and the clock's."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Final

from routing.speeds import ROAD_CLASSES, HourBucket, SpeedProfile

SHORTEST_S: Final = 120.0
"""Shorter drives are parking and turning round: nothing to learn about roads."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One whole drive: its seconds on each road class on a free road, and what the clock said.

    `class_seconds` is in the order of ROAD_CLASSES at factor 1 (`free_seconds` makes it from a
    map's answer). Raises ValueError for a wrong number of classes, for values that are negative
    or not finite, and for a drive that takes no time.
    """

    bucket: HourBucket
    class_seconds: tuple[float, ...]
    taken_s: float

    def __post_init__(self) -> None:
        if len(self.class_seconds) != len(ROAD_CLASSES):
            raise ValueError(f"a drive needs seconds on {len(ROAD_CLASSES)} road classes")
        if not all(isfinite(each) and each >= 0 for each in (*self.class_seconds, self.taken_s)):
            raise ValueError("seconds of a drive must be finite and not negative")
        if not (sum(self.class_seconds) > 0 and self.taken_s > 0):
            raise ValueError("a drive must take time")


def free_seconds(
    profile: SpeedProfile, bucket: HourBucket, class_seconds: Iterable[float]
) -> tuple[float, ...]:
    """Turn class seconds of a map that was built with `profile` into seconds at factor 1."""
    pairs = zip(ROAD_CLASSES, class_seconds, strict=True)
    return tuple(seconds * profile.factor(bucket, road) for road, seconds in pairs)


def predicted_s(profile: SpeedProfile, drive: Drive) -> float:
    """Give the seconds (of the median drive) that a profile expects for a drive."""
    pairs = zip(ROAD_CLASSES, drive.class_seconds, strict=True)
    return sum(seconds / profile.factor(drive.bucket, road) for road, seconds in pairs)
