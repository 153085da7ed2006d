"""Drives from visits, and drives as they are read."""

from datetime import date

import httpx
import pytest

from app.core import clock
from app.core.db import Database
from app.travel import policy
from app.travel.repository import first_to
from app.travel.visits import take_visits
from app.work_orders.states import State
from routing import EngineFailed, NoRoadBetween
from tests.app.travel.street import METRES_PER_DEGREE, MINUTE, Street
from tests.conftest import Headers
from tests.factories.orders import order_in
from tests.factories.world import NOW, World


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
