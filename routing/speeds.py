"""How fast a city moves by the hour: configuration, with where each number comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from types import MappingProxyType


class HourBucket(StrEnum):
    """Hours of the day that share one level of traffic."""

    NIGHT = "night"
    MORNING_PEAK = "morning_peak"
    DAY = "day"
    EVENING_PEAK = "evening_peak"


@dataclass(frozen=True, slots=True)
class SpeedProfile:
    """Straight-line travel times and speed factors of one kind of city.

    `T[s] = coefficient * d[m] ** exponent` at factor 1; times are divided by the hour's factor.
    `peaks` and `night` are spans of whole local hours, first included, last excluded; `night` may
    pass midnight. `provenance` says for each number where it was got and how sure it is.
    """

    name: str
    coefficient: float
    exponent: float
    factors: Mapping[HourBucket, float]
    morning_peak: tuple[int, int]
    evening_peak: tuple[int, int]
    night: tuple[int, int]
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.coefficient > 0 and 0 < self.exponent <= 1):
            raise ValueError("coefficient must be positive and exponent in (0, 1]")
        if set(self.factors) != set(HourBucket) or min(self.factors.values()) <= 0:
            raise ValueError("every hour bucket needs a positive speed factor")
        object.__setattr__(self, "factors", MappingProxyType(dict(self.factors)))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    def bucket(self, hour: int) -> HourBucket:
        """Give the bucket of a local hour 0-23."""
        if _within(hour, self.morning_peak):
            return HourBucket.MORNING_PEAK
        if _within(hour, self.evening_peak):
            return HourBucket.EVENING_PEAK
        return HourBucket.NIGHT if _within(hour, self.night) else HourBucket.DAY


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


_GUESS = "guess of 2026-11, not measured; to be learnt from closed visits"

CHINA_CITY = SpeedProfile(
    name="china-city-2026.11",
    coefficient=1.17,
    exponent=0.77,
    factors={
        HourBucket.NIGHT: 1.25,
        HourBucket.MORNING_PEAK: 0.70,
        HourBucket.DAY: 0.90,
        HourBucket.EVENING_PEAK: 0.65,
    },
    morning_peak=(7, 9),
    evening_peak=(17, 19),
    night=(22, 6),
    provenance={
        "coefficient": "fit of OSRM on Jinan with Chinese city speeds, 2026-11: median error 9 %, "
        "90th percentile 25 %",
        "exponent": "the same fit; circuity falls with distance, so it is below 1",
        "factors": _GUESS,
        "morning_peak": _GUESS,
        "evening_peak": _GUESS,
        "night": _GUESS,
    },
)
"""The prior for Chinese cities (ROUTING, "The estimate")."""
