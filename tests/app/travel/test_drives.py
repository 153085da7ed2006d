"""Drives from the fixes of phones, and from visits."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.core.geo import point
from app.core.settings import Settings
from app.organisation.models import Position
from app.travel import policy
from app.travel.drives import take_in
from app.travel.models import Drive, MatchedSpan
from app.travel.repository import first_to
from app.travel.visits import take_visits
from app.work_orders import service as work_orders
from app.work_orders.acts import MeasuredPlace
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition
from app.worker import purge
from routing import EngineFailed, NoRoadBetween
from tests.app.travel.conftest import MadeUpRoads
from tests.conftest import Headers
from tests.factories.orders import advance, leader_act, order_in
from tests.factories.world import NOW, World

MINUTE = timedelta(minutes=1)
METRES_PER_DEGREE = 111_195 * 0.8024
"""Along the parallel of 36.65 degrees north."""


class Street:
    """Phones that drive east, and what became of it."""

    def __init__(self, database: Database, world: World, roads: MadeUpRoads) -> None:
        self.database, self.world, self.roads = database, world, roads

    async def measured(
        self, who: str, first: float, last: float, *, metres_per_minute: float = 500, **how: Any
    ) -> None:
        """A fix each half minute from minute `first` to `last` after NOW."""
        async with self.database.transaction() as session:
            for half in range(round(2 * first), round(2 * last) + 1):
                minute = half / 2
                lon = 117.0 + metres_per_minute * minute / METRES_PER_DEGREE
                at = NOW + minute * MINUTE
                session.add(
                    Position(
                        **{
                            "technician_id": self.world.technicians[who],
                            "client_at": at,
                            "at": at,
                            "received_at": at,
                            "place": point(lon, 36.65),
                            "accuracy_m": 8.0,
                            "mocked": False,
                        }
                        | how
                    )
                )

    async def look(self, at_minute: float, lookback: timedelta = policy.RECENT) -> int:
        with clock.frozen(NOW + at_minute * MINUTE):
            return await take_in(self.database, self.roads, lookback=lookback)

    async def drives(self, kind: str = "positions") -> list[Drive]:
        async with self.database.transaction() as session:
            query = select(Drive).where(Drive.kind == kind).order_by(col(Drive.started_at))
            return list((await session.exec(query)).all())

    async def spans(self, crew: str) -> list[tuple[float, float]]:
        async with self.database.transaction() as session:
            query = select(MatchedSpan).where(MatchedSpan.crew_id == self.world.crews[crew])
            rows = (await session.exec(query.order_by(col(MatchedSpan.from_at)))).all()
            return [((r.from_at - NOW) / MINUTE, (r.to_at - NOW) / MINUTE) for r in rows]

    async def metres(self) -> int:
        return sum(drive.metres for drive in await self.drives())

    async def way(self, departs: float, arrives: float) -> UUID:
        """An order that crew A1 drives to, between these minutes."""
        async with self.database.transaction() as session:
            order = await order_in(session, self.world, State.ACCEPTED, crew="A1")
            with clock.frozen(NOW + departs * MINUTE):
                act = await leader_act(session, order)
                await transition(session, order, Action.CONTACTED, act)
                place = MeasuredPlace(117.0 + 500 * departs / METRES_PER_DEGREE, 36.65, 8.0)
                there = replace(act, place=place)
                await transition(session, order, Action.DEPARTED, there)
            order_id = order.id
        await self.arrive(order_id, arrives)
        return order_id

    async def arrive(self, order_id: UUID, minute: float) -> None:
        async with self.database.transaction() as session:
            row = await work_orders.locked_any(session, order_id)
            with clock.frozen(NOW + minute * MINUTE):
                await advance(session, self.world, row, State.ONSITE, crew="A1")


@pytest.fixture
def street(database: Database, world: World, roads: MadeUpRoads) -> Street:
    return Street(database, world, roads)


class TestTakeIn:
    async def test_a_crews_way_is_measured_once(self, street: Street, world: World) -> None:
        await street.measured("tech01", 0, 20)
        assert await street.look(31) == 1
        assert await street.look(32) == 0
        (drive,) = await street.drives()
        assert drive.metres == pytest.approx(10_000, rel=0.01)
        assert (drive.crew_id, drive.order_id) == (world.crews["A1"], None)
        assert (drive.started_at, drive.taken_s) == (NOW, 1200)
        assert drive.road_s == pytest.approx(1000, rel=0.01)
        assert (drive.source, drive.graph_version, drive.hour_bucket) == ("osrm", "test-1", "day")
        assert not drive.observed, "it was on no way to an order"

    async def test_the_next_batch_goes_on_where_the_last_ended(self, street: Street) -> None:
        await street.measured("tech01", 0, 20)
        await street.look(31)
        await street.measured("tech01", 20.5, 30)
        await street.look(41)
        assert await street.metres() == pytest.approx(15_000, rel=0.01)
        assert await street.spans("A1") == [(0, 30)]

    async def test_a_batch_that_came_late_is_taken_up_in_the_night(self, street: Street) -> None:
        await street.measured("tech01", 0, 10)
        await street.measured("tech01", 30, 40)
        await street.look(51)
        await street.measured("tech01", 10.5, 29.5)
        assert await street.look(52) == 0
        assert await street.look(600, policy.LATEST_BATCH) == 1
        assert await street.metres() == pytest.approx(20_000, rel=0.01)
        assert await street.spans("A1") == [(0, 40)]

    async def test_young_fixes_wait_for_the_batches_to_come(self, street: Street) -> None:
        await street.measured("tech01", 0, 20)
        await street.look(25)
        assert await street.spans("A1") == [(0, 14.5)]

    async def test_two_phones_of_a_crew_count_once(self, street: Street) -> None:
        await street.measured("tech01", 0, 20)
        await street.measured("tech02", 0, 20)
        await street.look(31)
        assert await street.metres() == pytest.approx(10_000, rel=0.01)

    async def test_the_helpers_phone_speaks_when_the_leaders_is_silent(
        self, street: Street
    ) -> None:
        await street.measured("tech02", 0, 20)
        await street.look(31)
        await street.measured("tech01", 0, 20)
        await street.look(600, policy.LATEST_BATCH)
        assert await street.metres() == pytest.approx(10_000, rel=0.01)

    @pytest.mark.parametrize("how", [{"mocked": True}, {"accuracy_m": 300.0}])
    async def test_fixes_that_say_nothing_are_left_out(
        self, street: Street, how: dict[str, Any]
    ) -> None:
        await street.measured("tech01", 0, 20, **how)
        assert await street.look(31) == 0

    async def test_questions_hold_at_most_a_hundred_fixes(self, street: Street) -> None:
        await street.measured("tech01", 0, 60)
        await street.look(71, timedelta(hours=2))
        assert [len(each) for each in street.roads.fixes] == [100, 22]
        (drive,) = await street.drives()
        assert drive.metres == pytest.approx(30_000, rel=0.01)

    async def test_a_crew_that_fails_is_tried_again(
        self, street: Street, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fall() -> None:
            raise RuntimeError("a bridge fell")

        await street.measured("tech01", 0, 20)
        street.roads.before = fall
        assert await street.look(31) == 0
        assert "ALERT the drives of crew" in caplog.text
        street.roads.before = None
        assert await street.look(32) == 1

    async def test_who_was_quicker_is_not_doubled(self, street: Street) -> None:
        async def quicker() -> None:
            street.roads.before = None
            await street.look(31)

        await street.measured("tech01", 0, 20)
        street.roads.before = quicker
        assert await street.look(31) == 0
        assert await street.metres() == pytest.approx(10_000, rel=0.01)

    async def test_an_estimate_counts_kilometres_and_teaches_nothing(self, street: Street) -> None:
        street.roads.estimated = True
        order_id = await street.way(5, 15)
        await street.measured("tech01", 0, 20)
        await street.look(31)
        found = await street.drives()
        assert sum(drive.metres for drive in found) == pytest.approx(10_000, rel=0.01)
        assert [drive.order_id for drive in found] == [None, order_id, None]
        assert {drive.source for drive in found} == {"estimate"}
        assert not any(drive.observed for drive in found)


class TestOnTheWay:
    async def test_the_drive_to_an_order_tells_of_speeds(self, street: Street) -> None:
        order_id = await street.way(5, 15)
        await street.measured("tech01", 0, 20)
        await street.look(31)
        found = await street.drives()
        assert [(drive.order_id, drive.observed) for drive in found] == [
            (None, False),
            (order_id, True),
            (None, False),
        ]
        way = found[1]
        assert way.taken_s == pytest.approx(600, abs=31)
        assert way.class_seconds is not None
        assert sum(way.class_seconds) == pytest.approx(way.road_s)
        assert await street.metres() == pytest.approx(10_000, rel=0.01)

    async def test_a_drive_that_lasts_is_matched_when_it_ends(
        self, street: Street, database: Database, world: World
    ) -> None:
        async with database.transaction() as session:
            order = await order_in(session, world, State.ACCEPTED, crew="A1")
            with clock.frozen(NOW + 5 * MINUTE):
                await advance(session, world, order, State.ENROUTE, crew="A1")
        await street.measured("tech01", 0, 30)
        await street.look(31)
        assert await street.spans("A1") == [(0, 4.5)]
        await street.arrive(order.id, 35)
        await street.measured("tech01", 30.5, 35)
        await street.look(46)
        observed = [drive for drive in await street.drives() if drive.observed]
        assert [drive.taken_s for drive in observed] == [pytest.approx(1800, abs=31)]

    async def test_a_way_that_was_hardly_measured_teaches_nothing(self, street: Street) -> None:
        order_id = await street.way(5, 35)
        await street.measured("tech01", 0, 12)
        await street.look(50, timedelta(hours=2))
        (way,) = [drive for drive in await street.drives() if drive.order_id == order_id]
        assert not way.observed

    async def test_the_time_parked_before_the_departure_teaches_nothing(
        self, street: Street
    ) -> None:
        """The last fix is 8.5 minutes older than the departure, and nothing came in between."""
        order_id = await street.way(10, 20)
        await street.measured("tech01", 1, 1.5, metres_per_minute=500 / 1.5 * 10)
        await street.measured("tech01", 10.5, 20)
        await street.look(40)
        (way,) = [drive for drive in await street.drives() if drive.order_id == order_id]
        assert (way.started_at, way.taken_s) == (NOW + 10 * MINUTE, 600)

    async def test_the_speeds_of_its_stretches_are_kept(self, street: Street) -> None:
        await street.way(5, 15)
        await street.measured("tech01", 0, 20)
        await street.look(31)
        before, way, after = await street.drives()
        assert (before.stretches, after.stretches) == (None, None)
        assert way.stretches is not None and len(way.stretches) == 20
        lon, _, next_lon, _, metres, taken_s, road_s = way.stretches[1]
        assert (metres, taken_s, road_s) == (250, 30, 25)
        assert (next_lon - lon) * METRES_PER_DEGREE == pytest.approx(250, abs=2)
        assert sum(each[4] for each in way.stretches) == pytest.approx(way.metres, abs=20)

    async def test_a_drive_is_forgotten_after_400_days_and_its_places_after_30(
        self, street: Street, database: Database
    ) -> None:
        await street.way(5, 15)
        await street.measured("tech01", 0, 20)
        await street.look(31)
        for days, drives, with_places in ((29, 3, 1), (31, 3, 0), (399, 3, 0), (401, 0, 0)):
            with clock.frozen(NOW + timedelta(days=days)):
                await purge(database)
            kept = await street.drives()
            assert len(kept) == drives, days
            assert sum(each.stretches is not None for each in kept) == with_places, days


class TestRoadsThatFail:
    """There is a map, and its server does not answer for a while."""

    @pytest.fixture(autouse=True)
    def _map(self, config: Settings) -> None:
        maps_dir = config.data_dir / "maps"
        maps_dir.mkdir()
        (maps_dir / "current").symlink_to("versions/test-1")

    async def test_the_positions_wait_for_the_roads(self, street: Street) -> None:
        await street.way(5, 15)
        await street.measured("tech01", 0, 20)
        street.roads.estimated = True
        assert await street.look(31) == 0
        assert await street.spans("A1") == []
        street.roads.estimated = False
        assert await street.look(1200, policy.NIGHT_LOOKS_BACK) == 3
        assert {drive.source for drive in await street.drives()} == {"osrm"}
        assert sum(drive.observed for drive in await street.drives()) == 1

    async def test_after_two_days_the_estimate_is_kept(self, street: Street) -> None:
        await street.measured("tech01", 0, 20)
        street.roads.estimated = True
        for hours, stored in ((24, 0), (48, 0), (50, 1), (52, 0)):
            assert await street.look(60 * hours, policy.NIGHT_LOOKS_BACK) == stored, hours
        assert {drive.source for drive in await street.drives()} == {"estimate"}


class TestTakeVisits:
    async def look(self, street: Street) -> int:
        with clock.frozen(NOW + 60 * MINUTE):
            return await take_visits(street.database, street.roads, lookback=policy.RECENT)

    async def test_an_arrival_is_held_against_the_map_once(
        self, street: Street, world: World
    ) -> None:
        order_id = await street.way(0, 10)
        assert await self.look(street) == 1
        assert await self.look(street) == 0
        (visit,) = await street.drives("visit")
        assert (visit.order_id, visit.crew_id) == (order_id, world.crews["A1"])
        assert (visit.started_at, visit.taken_s) == (NOW, 600)
        assert visit.metres == pytest.approx(0.02 * METRES_PER_DEGREE, rel=0.01)
        assert visit.road_s == pytest.approx(visit.metres / 10, abs=1)
        assert visit.observed

    async def test_a_departure_without_a_place_says_nothing(
        self, street: Street, database: Database, world: World
    ) -> None:
        async with database.transaction() as session:
            await order_in(session, world, State.ONSITE, crew="A1")
        assert await self.look(street) == 0

    async def test_a_visit_without_a_road_is_asked_about_once(
        self, street: Street, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def no_road(*_: object) -> None:
            street.roads.asked.append("route")
            raise NoRoadBetween("the ferry does not go")

        monkeypatch.setattr(street.roads, "route", no_road)
        await street.way(0, 10)
        assert [await self.look(street) for _ in range(3)] == [0, 0, 0]
        assert street.roads.asked == ["route"]
        assert await street.drives("visit") == []

    async def test_roads_that_fail_are_asked_again(
        self, street: Street, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(*_: object) -> None:
            raise EngineFailed("no answer")

        with monkeypatch.context() as broken:
            broken.setattr(street.roads, "route", fails)
            await street.way(0, 10)
            assert await self.look(street) == 0
        assert await self.look(street) == 1

    async def test_one_worker_looks_at_a_time(self, street: Street, database: Database) -> None:
        await street.way(0, 10)
        async with database.transaction() as other:
            assert await first_to(other, "visits")
            assert await self.look(street) == 0
        assert await self.look(street) == 1

    async def test_pressed_at_the_door_teaches_nothing(self, street: Street) -> None:
        await street.way(0, 1)
        assert await self.look(street) == 1
        (visit,) = await street.drives("visit")
        assert not visit.observed


class TestGetCrewDrives:
    async def test_a_day_of_the_company_with_its_kilometres(
        self, street: Street, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        await street.way(5, 15)
        await street.measured("tech01", 0, 20)
        await street.look(31)
        with clock.frozen(NOW + 60 * MINUTE):
            await take_visits(street.database, street.roads, lookback=policy.RECENT)
        path = f"/crews/{world.crews['A1']}/drives"
        body = (await client.get(path, headers=as_("dispatcher1"))).json()
        assert body["metres"] == await street.metres()
        assert (body["day"], body["crew_code"]) == ("2026-01-15", "A1")
        kinds = [drive["kind"] for drive in body["drives"]]
        assert sorted(kinds) == ["positions", "positions", "positions", "visit"]
        other = await client.get(path, params={"day": "2026-01-14"}, headers=as_("dispatcher1"))
        assert other.json()["drives"] == []

    @pytest.mark.parametrize(("who", "status"), [("chief2", 404), ("agent", 403), ("tech01", 403)])
    async def test_is_the_stations_own(
        self, client: httpx.AsyncClient, as_: Headers, world: World, who: str, status: int
    ) -> None:
        answer = await client.get(f"/crews/{world.crews['A1']}/drives", headers=as_(who))
        assert answer.status_code == status

    @pytest.mark.parametrize("day", [date.min.isoformat(), date.max.isoformat(), "today"])
    async def test_a_day_that_cannot_be_meant_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World, day: str
    ) -> None:
        path = f"/crews/{world.crews['A1']}/drives"
        answer = await client.get(path, params={"day": day}, headers=as_("manager"))
        assert answer.status_code == 422
