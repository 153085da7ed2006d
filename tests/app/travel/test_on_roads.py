"""The whole way on real roads: an imported map, and phones that drive along it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.core import clock
from app.core.db import Database
from app.core.geo import point
from app.core.settings import Settings
from app.organisation.models import Position
from app.planning.engine import open_engine
from app.travel import known_speeds
from app.travel.arrivals import refresh
from app.travel.learning import observe
from app.travel.models import ArrivalEstimate, Drive
from app.work_orders import service as work_orders
from app.work_orders.acts import MeasuredPlace
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition
from routing import CHINA_CITY, HourBucket, Place, RoutingEngine, import_map
from tests.factories.orders import advance, leader_act, order_in
from tests.factories.world import NOW, World
from tests.routing.grid_city import corner, grid_city

STEADY = replace(CHINA_CITY, name="steady", factors=dict.fromkeys(HourBucket, 1.0))
"""One speed at all hours: a single dataset, built in a quarter of the time."""
BEGIN, END = corner(1, 1), corner(8, 7)
STEP_S = 20


@pytest.fixture
async def engine(config: Settings, tmp_path: Path) -> AsyncIterator[RoutingEngine]:
    city = tmp_path / "grid.osm"
    city.write_text(grid_city(), "utf-8")
    import_map(city, config.data_dir / "maps", profile=STEADY, small_part_nodes=50)
    async with open_engine(config) as opened:
        yield opened


@pytest.fixture
async def order(app: object, database: Database, world: World) -> UUID:
    """An accepted order of crew A1 at the far end of the grid; the crew stands at the near end."""
    async with database.transaction() as session:
        made = await order_in(session, world, State.ACCEPTED, crew="A1")
        await session.execute(
            text("UPDATE work_orders SET location = ST_MakePoint(:lon, :lat)::geography"),
            END._asdict(),
        )
        await session.execute(
            text("UPDATE presence SET location = ST_MakePoint(:lon, :lat)::geography"),
            BEGIN._asdict(),
        )
        return made.id


async def drive_there(
    database: Database, world: World, engine: RoutingEngine, order_id: UUID
) -> int:
    """The leader's phone follows the road at half the map's speed; returns the seconds it took."""
    route = await engine.route([BEGIN, END], NOW)
    taken_s = route.seconds * 2
    async with database.transaction() as session:
        row = await work_orders.locked_any(session, order_id)
        act = await leader_act(session, row)
        await transition(session, row, Action.CONTACTED, act)
        there = replace(act, place=MeasuredPlace(*BEGIN, 5.0))
        await transition(session, row, Action.DEPARTED, there)
        with clock.frozen(NOW + timedelta(seconds=taken_s)):
            await advance(session, world, row, State.ONSITE, crew="A1")
        for seconds in range(0, taken_s, STEP_S):
            at = NOW + timedelta(seconds=seconds)
            session.add(
                Position(
                    technician_id=world.technicians["tech01"],
                    client_at=at,
                    at=at,
                    received_at=at,
                    place=point(*along(route.geometry, seconds / taken_s)),
                    accuracy_m=8.0,
                    mocked=False,
                )
            )
    return taken_s


def along(line: tuple[Place, ...], share: float) -> Place:
    """The place after a share of a line of nearly equal pieces."""
    whole = share * (len(line) - 1)
    here, there = line[int(whole)], line[int(whole) + 1]
    part = whole - int(whole)
    return Place(here.lon + part * (there.lon - here.lon), here.lat + part * (there.lat - here.lat))


class TestOnRoads:
    async def test_an_arrival_then_a_drive_then_speeds_that_are_known(
        self,
        engine: RoutingEngine,
        database: Database,
        world: World,
        order: UUID,
        config: Settings,
    ) -> None:
        await refresh(database, engine)
        async with database.transaction() as session:
            eta = await session.get_one(ArrivalEstimate, order)
        route = await engine.route([BEGIN, END], NOW)
        assert (eta.source, eta.graph_version) == ("osrm", route.graph_version)
        assert (eta.arrive_at - NOW).total_seconds() == pytest.approx(route.seconds, abs=2)

        taken_s = await drive_there(database, world, engine, order)
        with clock.frozen(NOW + timedelta(seconds=taken_s, minutes=20)):
            await observe(database, engine, lookback=timedelta(hours=2))
        async with database.transaction() as session:
            drives = {each.kind: each for each in (await session.exec(select(Drive))).all()}
        measured, visit = drives["positions"], drives["visit"]
        assert measured.observed and visit.observed
        assert measured.metres == pytest.approx(route.metres, rel=0.1)
        assert measured.taken_s == pytest.approx(2 * measured.road_s, rel=0.15)
        assert visit.road_s == pytest.approx(visit.taken_s / 2, abs=2)
        assert visit.class_seconds is not None
        assert sum(visit.class_seconds) == pytest.approx(visit.road_s, rel=0.1)
        maps_dir = config.data_dir / "maps"
        assert known_speeds.known(maps_dir, visit.graph_version) == STEADY
        assert (maps_dir / known_speeds.FOLDER / f"{visit.graph_version}.toml").is_file()
