"""One drive along a line: where the car is at each second, and what a phone in it measures."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from random import Random

from app.demo.city import LonLat, Plane, distance_m

_FIX_EVERY_S = (26.0, 34.0)
ACCURACY_M = (5, 10)
"""What phones under an open sky say, in metres."""
_RADIUS_68 = 1.51
"""Two places in three lie within this many deviations per axis: what `accuracy_m` means."""


@dataclass(frozen=True, slots=True)
class Journey:
    """A drive of `metres` in `taken_s` seconds, a stop included, at one pace along `line`.

    `free_s` holds the seconds that it would take at factor 1, in the order of ROAD_CLASSES, and
    `bucket` the hour in which it began.
    """

    line: tuple[LonLat, ...]
    metres: float
    taken_s: float
    stop_at_s: float = 0.0
    stop_s: float = 0.0
    free_s: tuple[float, ...] = ()
    bucket: str = ""

    def share_at(self, elapsed_s: float) -> float:
        """How much of the way is behind the car, 0..1."""
        moving_s = min(elapsed_s, max(self.stop_at_s, elapsed_s - self.stop_s))
        whole_s = self.taken_s - self.stop_s
        return min(1.0, max(0.0, moving_s / whole_s)) if whole_s > 0 else 1.0

    def place_at(self, elapsed_s: float) -> LonLat:
        """Where the car is so many seconds after it set out."""
        reached = _reached(self.line)
        wanted = self.share_at(elapsed_s) * reached[-1]
        index = min(bisect_right(reached, wanted), len(reached) - 1)
        before, after = reached[index - 1], reached[index]
        part = (wanted - before) / (after - before) if after > before else 0.0
        (lon_a, lat_a), (lon_b, lat_b) = self.line[index - 1], self.line[index]
        return (lon_a + part * (lon_b - lon_a), lat_a + part * (lat_b - lat_a))


def _reached(line: Sequence[LonLat]) -> list[float]:
    """Metres from the first point to each; a line has at least two."""
    return [0.0, *accumulate(distance_m(start, end) for start, end in pairwise(line))]


def fix_moments(from_s: float, to_s: float, random: Random) -> Iterator[float]:
    """When a phone measures after `from_s` and up to `to_s`, about every 30 s; `to_s` is last."""
    moment = from_s + random.uniform(*_FIX_EVERY_S)
    while moment < to_s:
        yield moment
        moment += random.uniform(*_FIX_EVERY_S)
    yield to_s


def measured(place: LonLat, random: Random) -> tuple[LonLat, int]:
    """What a phone says of its place, and the accuracy in metres that it claims."""
    accuracy_m = random.randint(*ACCURACY_M)
    spread_m = accuracy_m / _RADIUS_68
    angle, away_m = random.uniform(0, math.tau), spread_m * math.sqrt(random.expovariate(0.5))
    return Plane(*place).to_lonlat(away_m * math.cos(angle), away_m * math.sin(angle)), accuracy_m
