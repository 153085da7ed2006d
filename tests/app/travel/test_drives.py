"""Drives from the fixes of phones, and from visits."""

from datetime import timedelta
from typing import Any

import pytest

from app.core import clock
from app.core.db import Database
from app.core.settings import Settings
from app.tickers import purge
from app.travel import policy
from app.work_orders.states import State
from tests.app.travel.street import METRES_PER_DEGREE, MINUTE, Street
from tests.factories.orders import advance, order_in
from tests.factories.world import NOW, World


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
