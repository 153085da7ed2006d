"""How fast a city moves by the hour: configuration, with where each number comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class HourBucket(StrEnum):
    """Hours of the day that share one level of traffic."""

    NIGHT = "night"
    MORNING_PEAK = "morning_peak"
    DAY = "day"
    EVENING_PEAK = "evening_peak"


class Vehicle(StrEnum):
    """What a crew drives; each has roads and speeds of its own."""

    CAR = "car"
    EBIKE = "ebike"


class RoadClass(StrEnum):
    """Kinds of road whose speeds are set and learnt apart; a slip road belongs to its road."""

    MOTORWAY = "motorway"
    TRUNK = "trunk"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    TERTIARY = "tertiary"
    RESIDENTIAL = "residential"
    SERVICE = "service"


ROAD_CLASSES: Final = tuple(RoadClass)
"""The order of every array by road class."""


@dataclass(frozen=True, slots=True)
class SpeedProfile:
    """Speeds and straight-line travel times of one kind of city and vehicle.

    `speeds_kmh` are averages on a free road, signals included; `factors` say by how much an hour
    changes them, `class_factors` where one road class differs (learnt from drives). The speed on a
    road is `speeds_kmh[class] * factor(bucket, class)`.
    `T[s] = coefficient * d[m] ** exponent` at factor 1 is the estimate without roads; its times are
    divided by the hour's factor. `peaks` and `night` are spans of whole local hours, first
    included, last excluded; `night` may pass midnight. `provenance` says for each number where it
    was got and how sure it is.
    """

    name: str
    vehicle: Vehicle
    coefficient: float
    exponent: float
    factors: Mapping[HourBucket, float]
    speeds_kmh: Mapping[RoadClass, float]
    morning_peak: tuple[int, int]
    evening_peak: tuple[int, int]
    night: tuple[int, int]
    class_factors: Mapping[HourBucket, Mapping[RoadClass, float]] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.coefficient > 0 and 0 < self.exponent <= 1):
            raise ValueError("coefficient must be positive and exponent in (0, 1]")
        if set(self.factors) != set(HourBucket) or min(self.factors.values()) <= 0:
            raise ValueError("every hour bucket needs a positive speed factor")
        if set(self.speeds_kmh) != set(RoadClass) or min(self.speeds_kmh.values()) <= 0:
            raise ValueError("every road class needs a positive speed")
        if any(min(each.values(), default=1) <= 0 for each in self.class_factors.values()):
            raise ValueError("a factor of a road class must be positive")
        for name in ("factors", "speeds_kmh", "class_factors", "provenance"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def bucket(self, hour: int) -> HourBucket:
        """Give the bucket of a local hour 0-23."""
        if _within(hour, self.morning_peak):
            return HourBucket.MORNING_PEAK
        if _within(hour, self.evening_peak):
            return HourBucket.EVENING_PEAK
        return HourBucket.NIGHT if _within(hour, self.night) else HourBucket.DAY

    def factor(self, bucket: HourBucket, road: RoadClass) -> float:
        """Give the speed factor of one road class in one bucket."""
        return self.class_factors.get(bucket, {}).get(road, self.factors[bucket])


def _within(hour: int, span: tuple[int, int]) -> bool:
    first, last = span
    return first <= hour < last if first <= last else hour >= first or hour < last


@dataclass(frozen=True, slots=True)
class Traffic:
    """A speed profile on the clock of one time zone."""

    speeds: SpeedProfile
    zone: tzinfo

    def bucket_at(self, depart_at: datetime) -> HourBucket:
        """Give the hour bucket of a departure; raises ValueError for a time without offset."""
        if depart_at.utcoffset() is None:
            raise ValueError("depart_at must carry an offset")
        return self.speeds.bucket(depart_at.astimezone(self.zone).hour)

    def factor_at(self, depart_at: datetime) -> float:
        """Give the speed factor of a departure; travel times are divided by it."""
        return self.speeds.factors[self.bucket_at(depart_at)]
