"""Simulated drives through a city: the ways, and what a phone reports from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from routing import (
    ROAD_CLASSES,
    EngineFailed,
    Fix,
    HourBucket,
    NoRoadBetween,
    Place,
    RoutingEngine,
    SpeedProfile,
    Traffic,
)
from routing.drives import free_seconds

type _Array = NDArray[np.float64]

DAY_OF_DRIVES: Final = date(2026, 1, 12)

SHARE_BY_BUCKET: Final = {
    HourBucket.NIGHT: 0.10,
    HourBucket.MORNING_PEAK: 0.20,
    HourBucket.DAY: 0.50,
    HourBucket.EVENING_PEAK: 0.20,
}
HIDDEN: Final = (0.6, 1.5)
NOISE: Final = 0.2
"""Spread of log(time): two drives in three within 20 % of their median."""
STOPPED: Final = 0.05
STOP_S: Final = (60.0, 300.0)
FIX_EVERY_S: Final = (30.0, 60.0)
PARKED_S: Final = 1200.0
"""How long a crew stands before a drive."""
SILENT_S: Final = (1.0, 510.0)
"""How long before the departure a standing phone spoke last; systems save power."""
GPS_M: Final = 7.5
TRIP_M: Final = (800.0, 5000.0)
UNEVEN: Final = 0.4
"""Spread of log(pace) from one piece of a drive to the next."""
KNOT_M: Final = 150.0
MOST_TRIES: Final = 1000
METRES_PER_DEGREE: Final = 111_195.0


@dataclass(frozen=True, slots=True)
class Trip:
    """A way through the city, without clocks: its line, and free seconds by class along it.

    `metres_at` and `lonlat` describe the line; `knot_m` and `knot_free_s` [n, classes] say how
    the free seconds (of all classes together: `free_s`) spread along it.
    """

    bucket: HourBucket
    depart_at: datetime
    lonlat: _Array
    metres_at: _Array
    knot_m: _Array
    knot_free_s: _Array
    free_s: tuple[float, ...]

    @property
    def metres(self) -> float:
        """Length along the roads."""
        return float(self.metres_at[-1])


async def draw_trip(
    engine: RoutingEngine, traffic: Traffic, places: Sequence[Place], chance: np.random.Generator
) -> Trip:
    """Draw two places some kilometres apart, and the way between them.

    Raises EngineFailed when no drawn way has road classes: nothing can be learnt then.
    """
    for _ in range(MOST_TRIES):
        bucket = _bucket(chance)
        ends = [places[index] for index in chance.choice(len(places), 2, replace=False)]
        if TRIP_M[0] <= line_m(np.array(ends))[-1] <= TRIP_M[1]:
            trip = await _way(engine, traffic, ends, bucket)
            if trip is not None:
                return trip
    raise EngineFailed("the map names no road classes, or its places are not connected")


async def _way(
    engine: RoutingEngine, traffic: Traffic, ends: Sequence[Place], bucket: HourBucket
) -> Trip | None:
    depart_at = _depart_at(traffic, bucket)
    try:
        route = await engine.route(ends, depart_at)
    except NoRoadBetween:
        return None
    if not any(route.class_seconds or ()):
        return None
    free_s = free_seconds(traffic.speeds, bucket, route.class_seconds or ())
    lonlat = np.array(route.geometry)
    metres_at = line_m(lonlat)
    metres_at *= route.metres / metres_at[-1]
    knot_m, knots = await _knots(engine, traffic, bucket, depart_at, lonlat, metres_at)
    if not len(knot_m):
        return None
    return Trip(bucket, depart_at, lonlat, metres_at, knot_m, knots, free_s)


async def _knots(
    engine: RoutingEngine,
    traffic: Traffic,
    bucket: HourBucket,
    depart_at: datetime,
    lonlat: _Array,
    metres_at: _Array,
) -> tuple[_Array, _Array]:
    """Say where along the line the classes lie: match points of the line itself, without noise."""
    count = max(int(metres_at[-1] / KNOT_M), 2) + 1
    at_m = np.linspace(0, metres_at[-1], count)
    points = along(lonlat, metres_at, at_m)
    clock = [depart_at + timedelta(seconds=15 * number) for number in range(count)]
    trace = await engine.match(
        [Fix(Place(*point), at, 5.0) for point, at in zip(points.tolist(), clock, strict=True)]
    )
    reached = dict(zip(clock, at_m, strict=True))
    known = [each for each in trace.stretches if each.class_seconds is not None]
    knots = [free_seconds(traffic.speeds, bucket, each.class_seconds or ()) for each in known]
    return np.array([reached[each.reached_at] for each in known]), np.array(knots)


def _bucket(chance: np.random.Generator) -> HourBucket:
    return list(SHARE_BY_BUCKET)[chance.choice(len(SHARE_BY_BUCKET), p=[*SHARE_BY_BUCKET.values()])]


def _depart_at(traffic: Traffic, bucket: HourBucket) -> datetime:
    hour = next(hour for hour in range(24) if traffic.speeds.bucket(hour) is bucket)
    day = DAY_OF_DRIVES
    return datetime(day.year, day.month, day.day, hour, 5, tzinfo=traffic.zone)


def line_m(lonlat: _Array) -> _Array:
    """Give metres from the first point along a line, flat around it."""
    scale = (METRES_PER_DEGREE * math.cos(math.radians(float(lonlat[0, 1]))), METRES_PER_DEGREE)
    steps = np.hypot(*(np.diff(lonlat, axis=0) * scale).T)
    return np.concatenate([[0.0], np.cumsum(steps)])


def along(lonlat: _Array, metres_at: _Array, at_m: _Array) -> _Array:
    """Give the points [n, 2] at distances along a line."""
    return np.stack([np.interp(at_m, metres_at, lonlat[:, axis]) for axis in (0, 1)], axis=1)


class HiddenCity:
    """One seed's truth: speed factors that nobody is told, and the noise of each drive.

    The truth knows only what roads and hours do; noise is log-normal, with a stop now and then.
    """

    def __init__(self, speeds: SpeedProfile, chance: np.random.Generator, noise: float) -> None:
        self._chance = chance
        self._noise = noise
        self._factors = {
            bucket: np.array([speeds.factor(bucket, road) for road in ROAD_CLASSES])
            * chance.uniform(*HIDDEN, len(ROAD_CLASSES))
            for bucket in HourBucket
        }

    def median_s(self, trip: Trip) -> float:
        """Give the seconds of the median drive: what an oracle promises."""
        return float((np.array(trip.free_s) / self._factors[trip.bucket]).sum())

    def taken_s(self, trip: Trip) -> float:
        """Draw what the clock says for one drive."""
        late = math.exp(self._chance.normal(0, self._noise))
        stop_s = self._chance.uniform(*STOP_S) if self._chance.random() < STOPPED else 0.0
        return self.median_s(trip) * late + stop_s

    def reported(self, trip: Trip) -> tuple[list[Fix], _Array]:
        """Draw one drive's fixes, and how many metres were really driven at each."""
        at_s, at_m = self._moments(trip)
        points = along(trip.lonlat, trip.metres_at, at_m)
        scale = METRES_PER_DEGREE * np.array([math.cos(math.radians(points[0, 1])), 1.0])
        points += self._chance.normal(0, GPS_M, points.shape) / scale
        fixes = [
            Fix(Place(*point), trip.depart_at + timedelta(seconds=round(second)), GPS_M)
            for point, second in zip(points.tolist(), at_s.tolist(), strict=True)
        ]
        return fixes, at_m

    def parked(self, trip: Trip) -> list[Fix]:
        """Draw what the phone said before the departure, until it fell silent."""
        seconds, fixes = -self._chance.uniform(*SILENT_S), []
        while seconds > -PARKED_S:
            scale = METRES_PER_DEGREE * np.array([math.cos(math.radians(trip.lonlat[0, 1])), 1.0])
            point = trip.lonlat[0] + self._chance.normal(0, GPS_M, 2) / scale
            at = trip.depart_at + timedelta(seconds=round(seconds))
            fixes.append(Fix(Place(*point.tolist()), at, GPS_M))
            seconds -= self._chance.uniform(*FIX_EVERY_S)
        return fixes[::-1]

    def _moments(self, trip: Trip) -> tuple[_Array, _Array]:
        """Draw when the phone speaks, and where the crew is then: at the hidden pace, unevenly."""
        taken_s = self.taken_s(trip)
        pieces = (trip.knot_free_s / self._factors[trip.bucket]).sum(axis=1)
        uneven = np.cumsum(pieces * np.exp(self._chance.normal(0, UNEVEN, len(pieces))) + 1e-6)
        reached_s = np.concatenate([[0.0], uneven * taken_s / uneven[-1]])
        reached_m = np.concatenate([[0.0], trip.knot_m[:-1], [trip.metres]])
        waits = self._chance.uniform(*FIX_EVERY_S, int(taken_s / FIX_EVERY_S[0]) + 1)
        spoken = np.concatenate([[0.0], np.cumsum(waits)])
        at_s = np.append(spoken[spoken < taken_s - 5], taken_s)
        return at_s, np.interp(at_s, reached_s, reached_m)
