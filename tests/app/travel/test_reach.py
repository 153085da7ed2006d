"""`GET /stations/{id}/reach`: who can be reached when."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.travel import policy
from routing import Place
from tests.app.travel.conftest import Field
from tests.conftest import Headers
from tests.factories.world import World


@pytest.fixture
async def crews_apart(field: Field) -> None:
    """A2 stands at 锦绣家园1; A1 and A3 stay at the station."""
    await field.stand("tech03", 117.02, 36.65)


async def ask(
    client: httpx.AsyncClient, world: World, headers: dict[str, str], minutes: int = 5
) -> dict[str, Any]:
    answer = await client.get(
        f"/stations/{world.stations['S01']}/reach", params={"minutes": minutes}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.usefixtures("crews_apart")
class TestGetReach:
    async def test_each_community_from_its_nearest_start(
        self, client: httpx.AsyncClient, world: World, as_: Headers, field: Field
    ) -> None:
        body = await ask(client, world, as_("dispatcher1"))
        found = {each["properties"]["name"]: each for each in body["communities"]["features"]}
        assert set(found) == {"锦绣家园1", "锦绣家园3"}
        first = found["锦绣家园1"]["properties"]
        assert (first["seconds"], first["start_kind"], first["start_code"]) == (0, "crew", "A2")
        third = found["锦绣家园3"]["properties"]
        assert (third["seconds"], third["start_code"]) == (143, "S01")
        assert third["source"] == "osrm"
        assert (third["customers"], third["buildings"]) == (3, 1)
        assert found["锦绣家园3"]["geometry"] == {"type": "Point", "coordinates": [117.04, 36.66]}
        assert [each["code"] for each in body["starts"]] == ["S01", "A1", "A2", "A3"]
        assert (body["graph_version"], body["hour_bucket"]) == ("test-1", "day")
        assert body["sources"] == {"osrm": 2, "estimate": 0, "unreachable": 0}
        assert (body["customers"], body["customers_within"], body["share_within"]) == (6, 6, 1.0)
        assert field.roads.asked == ["matrix"]

    async def test_the_share_within_the_minutes(
        self, client: httpx.AsyncClient, world: World, as_: Headers, field: Field
    ) -> None:
        await field.stand("tech03", 117.0001, 36.6001)
        body = await ask(client, world, as_("dispatcher1"), 5)
        assert body["customers_within"] == 6
        async with field.database.transaction() as session:
            await session.execute(text("DELETE FROM presence"))
            await session.execute(
                text(
                    "UPDATE stations SET location = ST_MakePoint(117.09, 36.66)::geography"
                    " WHERE code = 'S01'"
                )
            )
        body = await ask(client, world, as_("dispatcher1"), 10)
        seconds = {
            each["properties"]["name"]: each["properties"]["seconds"]
            for each in body["communities"]["features"]
        }
        assert seconds["锦绣家园3"] < 600 < seconds["锦绣家园1"]
        assert (body["customers_within"], body["share_within"]) == (3, 0.5)

    async def test_an_island_is_named(
        self, client: httpx.AsyncClient, world: World, as_: Headers, field: Field
    ) -> None:
        field.roads.cut_off = {Place(*world.places["锦绣家园3"])}
        body = await ask(client, world, as_("manager"))
        assert body["unreachable"] == ["锦绣家园3"]
        assert body["sources"]["unreachable"] == 1
        assert body["share_within"] == 0.5

    async def test_an_estimate_is_flagged(
        self, client: httpx.AsyncClient, world: World, as_: Headers, field: Field
    ) -> None:
        field.roads.estimated = True
        body = await ask(client, world, as_("manager"))
        assert body["sources"] == {"osrm": 0, "estimate": 2, "unreachable": 0}

    @pytest.mark.parametrize(("at_once", "questions"), [(1, 4), (3, 2), (4, 1)])
    async def test_every_crew_is_asked_however_many_they_are(
        self,
        client: httpx.AsyncClient,
        world: World,
        as_: Headers,
        field: Field,
        monkeypatch: pytest.MonkeyPatch,
        at_once: int,
        questions: int,
    ) -> None:
        monkeypatch.setattr(policy, "STARTS_AT_ONCE", at_once)
        await field.stand("tech04", 117.0401, 36.66)
        body = await ask(client, world, as_("dispatcher1"))
        found = {each["properties"]["name"]: each for each in body["communities"]["features"]}
        start = {name: each["properties"]["start_code"] for name, each in found.items()}
        assert start == {"锦绣家园1": "A2", "锦绣家园3": "A3"}
        assert found["锦绣家园3"]["properties"]["seconds"] == 1
        assert [each["code"] for each in body["starts"]] == ["S01", "A1", "A2", "A3"]
        assert body["sources"] == {"osrm": 2, "estimate": 0, "unreachable": 0}
        assert field.roads.asked == ["matrix"] * questions

    async def test_what_is_too_much_for_one_question_is_said(
        self,
        client: httpx.AsyncClient,
        world: World,
        as_: Headers,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(policy, "MOST_COMMUNITIES", 1)
        async with database.transaction() as session:
            await session.execute(
                text(
                    "DELETE FROM occupancies WHERE premises_id IN (SELECT p.id FROM premises p"
                    " JOIN buildings b ON b.id = p.building_id WHERE b.number = '1'"
                    " AND p.room = '102')"
                )
            )
        body = await ask(client, world, as_("manager"))
        assert body["left_out"] == {"communities": 1, "customers": 2}
        assert [each["properties"]["customers"] for each in body["communities"]["features"]] == [3]

    async def test_without_any_place_nobody_is_reached(
        self,
        client: httpx.AsyncClient,
        world: World,
        as_: Headers,
        field: Field,
        database: Database,
    ) -> None:
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM presence"))
            await session.execute(text("UPDATE stations SET location = NULL, area = NULL"))
        body = await ask(client, world, as_("manager"))
        assert (body["starts"], body["share_within"], body["graph_version"]) == ([], 0.0, None)
        assert sorted(body["unreachable"]) == ["锦绣家园1", "锦绣家园3"]
        assert field.roads.asked == []

    async def test_a_crew_off_shift_is_no_start(
        self, client: httpx.AsyncClient, world: World, as_: Headers, database: Database
    ) -> None:
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM shifts"))
        body = await ask(client, world, as_("manager"))
        assert [each["kind"] for each in body["starts"]] == ["station"]

    @pytest.mark.parametrize(("who", "status"), [("chief2", 404), ("agent", 403), ("tech01", 403)])
    async def test_is_the_stations_own(
        self, client: httpx.AsyncClient, world: World, as_: Headers, who: str, status: int
    ) -> None:
        answer = await client.get(f"/stations/{world.stations['S01']}/reach", headers=as_(who))
        assert answer.status_code == status

    @pytest.mark.parametrize("minutes", [4, 181])
    async def test_minutes_have_limits(
        self, client: httpx.AsyncClient, world: World, as_: Headers, minutes: int
    ) -> None:
        answer = await client.get(
            f"/stations/{world.stations['S01']}/reach",
            params={"minutes": minutes},
            headers=as_("manager"),
        )
        assert answer.status_code == 422
