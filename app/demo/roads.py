"""The streets under the wheels: the imported map's ways, at speeds that the map does not know."""

import contextlib
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from app.core import clock
from app.demo.city import LonLat
from app.demo.hidden_speeds import hidden_speeds
from app.demo.inputs import COMPANY_ZONE
from app.demo.journey import Journey
from routing import (
    ROAD_CLASSES,
    HourBucket,
    NoRoadBetween,
    OsrmEmbedded,
    Place,
    Route,
    RoutingEngine,
    RoutingError,
    SpeedProfile,
    current_map,
    load_profile,
)
from routing.drives import free_seconds
from routing.map_versions import SPEEDS_NAME

log = logging.getLogger(__name__)
_NOISE = 0.15
"""Spread of log(time) from drive to drive: two in three within 15 % of their median."""
_STOPPED = 0.04
_STOP_S = (60.0, 240.0)
_SHORTEST_S = 20.0
"""Getting in and out, even where the next job is in the same building."""


@dataclass(slots=True)
class Odometer:
    """What all cars together really drove; only the demo's account reads it."""

    metres: float = 0.0
    drives: int = 0
    off_road: int = 0
    """Drives on the straight line, because no road leads there."""
    ended_at: datetime | None = None
    free_s: dict[str, list[float]] = field(default_factory=dict)
    """Seconds at factor 1 by hour bucket, in the order of ROAD_CLASSES."""

    def add(self, journey: Journey, from_s: float, to_s: float) -> None:
        """Count a piece of a journey."""
        share = journey.share_at(to_s) - journey.share_at(from_s)
        self.metres += share * journey.metres
        sums = self.free_s.setdefault(journey.bucket, [0.0] * len(ROAD_CLASSES))
        for index, seconds in enumerate(journey.free_s):
            sums[index] += share * seconds
        self.ended_at = clock.now()

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "metres": round(self.metres),
            "drives": self.drives,
            "off_road": self.off_road,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "free_s": {
                bucket: [round(each, 1) for each in sums] for bucket, sums in self.free_s.items()
            },
        }


@dataclass(slots=True)
class Roads:
    """Ways on the map of the service, which take what the hidden speeds say."""

    engine: RoutingEngine
    built: SpeedProfile
    """The speeds that the map was built with."""
    hidden: SpeedProfile
    random: Random
    odometer: Odometer = field(default_factory=Odometer)

    async def journey(
        self, start: LonLat, end: LonLat, depart_at: datetime, pace: float
    ) -> Journey | None:
        """The drive of one car, slower by `pace`; None when no road leads there."""
        try:
            route = await self.engine.route([Place(*start), Place(*end)], depart_at)
        except NoRoadBetween:
            route = None
        except RoutingError as error:
            log.warning("no road: %s", error)
            route = None
        if route is None or route.class_seconds is None or len(route.geometry) < 2:
            self.odometer.off_road += 1
            return None
        self.odometer.drives += 1
        return self._drawn(route, pace)

    def _drawn(self, route: Route, pace: float) -> Journey:
        free_s = free_seconds(self.built, route.hour_bucket, route.class_seconds or ())
        noise = math.exp(self.random.gauss(0, _NOISE))
        moving_s = max(_SHORTEST_S, pace * noise * true_seconds(self.hidden, route, free_s))
        stop_s = self.random.uniform(*_STOP_S) if self.random.random() < _STOPPED else 0.0
        return Journey(
            line=tuple((place.lon, place.lat) for place in route.geometry),
            metres=route.metres,
            taken_s=moving_s + stop_s,
            stop_at_s=self.random.uniform(0, moving_s),
            stop_s=stop_s,
            free_s=free_s,
            bucket=route.hour_bucket.value,
        )


def true_seconds(hidden: SpeedProfile, route: Route, free_s: tuple[float, ...]) -> float:
    """The median drive at the hidden speeds; what no class is known for stays as it is."""
    pairs = zip(ROAD_CLASSES, free_s, route.class_seconds or (), strict=True)
    changed_s = sum(
        free / hidden.factor(route.hour_bucket, road) - planned for road, free, planned in pairs
    )
    return route.seconds + changed_s


@asynccontextmanager
async def open_roads(
    maps_dir: Path | None, seed: int, opens_at: datetime, start: LonLat
) -> AsyncIterator[Roads | None]:
    """The roads of the imported map, warm for the opening hour at `start`; None without a map."""
    made = current_map(maps_dir) if maps_dir else None
    if maps_dir is None or made is None:
        yield None
        return
    async with OsrmEmbedded(maps_dir, COMPANY_ZONE, log=log.warning) as engine:
        built = load_profile(made.version_dir / SPEEDS_NAME)
        with contextlib.suppress(RoutingError):  # then every drive is told as off the roads
            await engine.matrix([Place(*start)], [Place(*start)], opens_at)
        yield Roads(engine, built, hidden_speeds(seed), Random(f"drives-{seed}"))


def free_by_bucket(told: dict[str, Any]) -> dict[HourBucket, list[float]]:
    """What `Odometer.told` says of seconds, with its buckets."""
    return {HourBucket(bucket): sums for bucket, sums in told.get("free_s", {}).items()}
