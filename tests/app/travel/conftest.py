"""Roads made up for tests: 10 m/s as the crow flies, and every question is remembered."""

import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from types import SimpleNamespace
from uuid import UUID

import numpy as np
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core import clock
from app.core.db import Database
from app.core.geo import point
from app.organisation.models import Presence
from app.travel.arrivals import refresh
from app.travel.models import ArrivalEstimate
from routing import (
    ROAD_CLASSES,
    UNREACHABLE_S,
    Fix,
    HourBucket,
    LegSource,
    Matrix,
    Place,
    Route,
    Snap,
    Stretch,
    Trace,
)
from routing.places import coordinates, straight_m
from tests.app.travel.street import Street
from tests.factories.world import World

VERSION = "test-1"
METRES_PER_S = 10.0


class MadeUpRoads:
    """An engine whose drives are all on primary roads; `before` runs while it is asked."""

    def __init__(self) -> None:
        self.before: Callable[[], Awaitable[None]] | None = None
        self.asked: list[str] = []
        self.estimated = False
        self.cut_off: set[Place] = set()
        self.bucket = HourBucket.DAY
        self.fixes: list[tuple[Fix, ...]] = []

    async def _ask(self, what: str) -> LegSource:
        self.asked.append(what)
        if self.before is not None:
            await self.before()
        return LegSource.ESTIMATE if self.estimated else LegSource.OSRM

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        await self._ask("matrix")
        seconds = straight_m(coordinates(sources), coordinates(targets)) / METRES_PER_S
        whole = np.rint(seconds).astype(np.int32)
        lost = np.zeros(whole.shape, dtype=np.bool_)
        lost |= np.array([place in self.cut_off for place in sources], dtype=np.bool_)[:, None]
        lost |= np.array([place in self.cut_off for place in targets], dtype=np.bool_)[None, :]
        whole[lost] = UNREACHABLE_S
        estimated = np.full(whole.shape, self.estimated)
        return Matrix(whole, lost, estimated, VERSION, self.bucket)

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        source = await self._ask("route")
        metres = float(
            np.diagonal(straight_m(coordinates(points[:-1]), coordinates(points[1:]))).sum()
        )
        seconds = round(metres / METRES_PER_S)
        classes = primary(seconds) if source is LegSource.OSRM else None
        return Route(
            seconds, round(metres), tuple(points), (seconds,), source, VERSION, self.bucket, classes
        )

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        source = await self._ask("match")
        self.fixes.append(tuple(fixes))
        stretches = []
        for here, there in itertools.pairwise(fixes):
            metres = straight_m(coordinates([here.place]), coordinates([there.place])).item()
            if metres < 5:
                continue
            road_s = metres / METRES_PER_S
            classes = primary(road_s) if source is LegSource.OSRM else None
            stretches.append(Stretch(here.at, there.at, metres, road_s, classes))
        return Trace(tuple(stretches), 0, source, VERSION, self.bucket)

    async def snap(self, points: Sequence[Place]) -> list[Snap]:
        return [Snap(place, place, 0.0, False, LegSource.OSRM, VERSION) for place in points]


def primary(seconds: float) -> tuple[float, ...]:
    """All of it on primary roads."""
    return tuple(float(seconds) if road.value == "primary" else 0.0 for road in ROAD_CLASSES)


@pytest.fixture
def roads(app: FastAPI) -> Iterator[MadeUpRoads]:
    """The made-up roads, also as the API's engine."""
    made = MadeUpRoads()

    async def opened() -> MadeUpRoads:
        return made

    before, app.state.engine = app.state.engine, SimpleNamespace(opened=opened)
    yield made
    app.state.engine = before


class Field:
    """Where phones are, and what the database says of arrivals."""

    def __init__(self, database: Database, world: World, roads: MadeUpRoads) -> None:
        self.database, self.world, self.roads = database, world, roads

    async def tick(self) -> int:
        """One look of the worker; how many crews were computed anew."""
        return await refresh(self.database, self.roads)

    async def stand(self, who: str, lon: float, lat: float, at: datetime | None = None) -> None:
        """The technician's phone was measured there."""
        async with self.database.transaction() as session:
            row = await session.get_one(Presence, self.world.technicians[who])
            row.location = point(lon, lat)
            row.location_at = at or clock.now()

    async def arrival(self, order_id: UUID | str) -> ArrivalEstimate | None:
        async with self.database.transaction() as session:
            return await session.get(ArrivalEstimate, UUID(str(order_id)))

    async def told(self, order_id: UUID | str) -> list[set[str]]:
        """The audiences of what the feed says of this arrival, oldest first."""
        async with self.database.transaction() as session:
            rows = await session.execute(
                text(
                    "SELECT audience_after FROM change_feed WHERE entity = 'eta'"
                    " AND entity_id = :id ORDER BY id"
                ),
                {"id": UUID(str(order_id))},
            )
            return [set(row[0]) for row in rows]


@pytest.fixture
def field(database: Database, world: World, roads: MadeUpRoads) -> Field:
    return Field(database, world, roads)


@pytest.fixture
def street(database: Database, world: World, roads: MadeUpRoads) -> Street:
    return Street(database, world, roads)
