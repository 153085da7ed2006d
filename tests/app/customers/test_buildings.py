"""The address book over HTTP: search, new buildings and rooms, flags."""

from typing import Any

import httpx
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.audit import AuditRecord
from app.customers import service
from app.customers.models import AccountFlag, Building
from app.organisation.places import place_out
from tests.conftest import Headers
from tests.factories.world import NOW, World


def new_building(**changes: Any) -> dict[str, Any]:
    return {
        "community": "新苑",
        "district": "历下区",
        "number": "5",
        "address": "历下区解放路8号新苑5号楼",
        "place": {"lon": 117.05, "lat": 36.65},
    } | changes


class TestFindBuildings:
    async def test_every_word_must_be_there_in_any_order(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        async def found(q: str) -> list[str]:
            answer = await client.get("/buildings", params={"q": q}, headers=as_("agent"))
            return [each["id"] for each in answer.json()]

        assert await found("锦绣家园3号楼") == [str(world.buildings["锦绣家园3"])]
        assert await found("3号楼 经十路") == [str(world.buildings["锦绣家园3"])]
        assert len(await found("锦绣")) == 2
        assert await found("锦绣 阳光") == []

    async def test_wildcards_are_letters(self, client: httpx.AsyncClient, as_: Headers) -> None:
        for q in ("%", "_", "锦%园", "\\"):
            answer = await client.get("/buildings", params={"q": q}, headers=as_("agent"))
            assert (answer.status_code, answer.json()) == (200, []), q

    async def test_the_likest_address_comes_first(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        long = "Old Bridge Road 7 behind the park, second yard, Oakfield Tower 12"
        for number, address in (("12", long), ("1", "Oakfield Tower 1")):
            body = new_building(number=number, address=address)
            await client.post("/buildings", headers=as_("agent"), json=body)
        answer = await client.get(
            "/buildings", params={"q": "oakfield tower"}, headers=as_("agent")
        )
        assert [each["number"] for each in answer.json()] == ["1", "12"]

    async def test_only_the_own_station_s_buildings_are_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        answer = await client.get("/buildings", params={"q": "历下区"}, headers=as_("chief2"))
        assert [each["id"] for each in answer.json()] == [str(world.buildings["阳光花园2"])]

    async def test_an_empty_or_unprintable_search_is_refused(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        for q in ("", "   ", "a\u0000", "x" * 101):
            answer = await client.get("/buildings", params={"q": q}, headers=as_("agent"))
            assert answer.status_code == 422, q


class TestCreateBuilding:
    async def test_the_place_names_the_station_and_the_original_is_kept(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        place = {"lon": 117.056, "lat": 36.6503, "datum": "gcj02"}
        made = await client.post("/buildings", headers=as_("agent"), json=new_building(place=place))
        assert made.status_code == 201, made.text
        assert made.json()["station_id"] == str(world.stations["S01"])
        query = select(Building).where(col(Building.number) == "5")
        kept = (await session.exec(query)).one()
        assert (kept.original_lon, kept.original_lat, kept.datum) == (117.056, 36.6503, "gcj02")
        assert 0.003 < 117.056 - place_out(kept.location).lon < 0.008

    async def test_a_place_outside_every_area_is_refused_with_a_hint(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        far = new_building(place={"lon": 8.69, "lat": 49.41})
        answer = await client.post("/buildings", headers=as_("agent"), json=far)
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:paigong:problem:place-outside-area"
        assert "hint" not in answer.json()

    async def test_impossible_places_and_unknown_fields_are_refused(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        for changes in (
            {"place": {"lon": 0, "lat": 0}},
            {"place": {"lon": 36.65, "lat": 117.05}},
            {"place": {"lon": 117.05, "lat": 36.65, "datum": "mars"}},
            {"place": {"lon": "east", "lat": 36.65}},
            {"zone": "suburban"},
            {"floors": 6},
        ):
            answer = await client.post(
                "/buildings", headers=as_("agent"), json=new_building(**changes)
            )
            assert answer.status_code == 422, changes

    async def test_the_same_number_in_the_community_is_refused(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        await client.post("/buildings", headers=as_("agent"), json=new_building())
        again = await client.post("/buildings", headers=as_("agent"), json=new_building())
        assert again.json()["type"] == "urn:paigong:problem:building-exists"

    async def test_a_place_of_another_station_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        answer = await client.post("/buildings", headers=as_("agent2"), json=new_building())
        assert answer.status_code == 404


class TestPremisesOfABuilding:
    async def test_rooms_show_flags_and_holders_and_the_read_is_recorded(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        url = f"/buildings/{world.buildings['锦绣家园1']}/premises"
        rooms = (await client.get(url, headers=as_("agent"))).json()
        assert [(room["unit"], room["room"]) for room in rooms] == [
            ("1", "101"),
            ("1", "102"),
            ("2", "201"),
        ]
        assert [flag["kind"] for flag in rooms[0]["flags"]] == ["vulnerable"]
        assert rooms[0]["customers"][0]["customer_no"] == "C0001"
        recorded = (await session.exec(select(AuditRecord))).all()
        assert {row.subject_id for row in recorded} == {
            world.customers[number] for number in ("C0001", "C0002", "C0003")
        }

    async def test_a_foreign_building_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/buildings/{world.buildings['锦绣家园1']}/premises"
        assert (await client.get(url, headers=as_("chief2"))).status_code == 404

    async def test_a_room_is_added_once(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/buildings/{world.buildings['锦绣家园1']}/premises"
        body = {"unit": "3", "room": "301"}
        assert (await client.post(url, headers=as_("agent"), json=body)).status_code == 201
        again = await client.post(url, headers=as_("agent"), json=body)
        assert again.json()["type"] == "urn:paigong:problem:building-exists"


class TestFlags:
    async def test_a_flag_is_set_once_and_its_end_stays_on_record(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        room = world.premises["锦绣家园3-1-101"]
        url = f"/premises/{room}/flags"
        body = {"kind": "arrears", "note": "欠 300 元"}
        assert (await client.post(url, headers=as_("agent"), json=body)).status_code == 201
        again = await client.post(url, headers=as_("agent"), json=body)
        assert again.json()["type"] == "urn:paigong:problem:flag-already-set"
        assert (await service.premises(session, room)).flags == {"arrears"}
        ended = await client.delete(f"{url}/arrears", headers=as_("agent"))
        assert ended.status_code == 204
        assert (await service.premises(session, room)).flags == frozenset()
        query = select(AccountFlag).where(AccountFlag.premises_id == room)
        (kept,) = (await session.exec(query)).all()
        assert (kept.note, kept.ended_at) == ("欠 300 元", NOW)
        assert (await client.delete(f"{url}/arrears", headers=as_("agent"))).status_code == 404

    async def test_foreign_premises_are_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/premises/{world.premises['锦绣家园3-1-101']}/flags"
        body = {"kind": "arrears"}
        assert (await client.post(url, headers=as_("agent2"), json=body)).status_code == 404

    async def test_an_unknown_kind_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/premises/{world.premises['锦绣家园3-1-101']}/flags"
        answer = await client.post(url, headers=as_("agent"), json={"kind": "nice"})
        assert answer.status_code == 422
