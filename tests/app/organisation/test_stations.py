"""Stations over HTTP: the tree, its areas, and what is refused."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.db import Database
from app.core.permissions import Role
from app.identity import service as identity
from app.organisation import service
from app.organisation.errors import PlaceOutsideArea
from app.organisation.settlement import Own, inherited
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.world import World

INNER = [[117.01, 36.64], [117.03, 36.64], [117.03, 36.66], [117.01, 36.66], [117.01, 36.64]]
BOW_TIE = [[117.0, 36.6], [117.1, 36.7], [117.1, 36.6], [117.0, 36.7], [117.0, 36.6]]


def polygon(ring: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring]}


def new_station(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "code": "S01-A",
        "name": "东站",
        "parent_id": str(world.stations["S01"]),
        "area": polygon(INNER),
        "place": {"lon": 117.02, "lat": 36.65},
    } | changes


class TestStationAt:
    async def test_finds_the_station_whose_area_holds_the_point(
        self, session: AsyncSession, world: World
    ) -> None:
        found = await service.station_at(session, 117.15, 36.65)
        assert found is not None and found.id == world.stations["S02"]

    async def test_the_deepest_of_nested_areas_wins(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        made = await client.post("/stations", headers=as_("manager"), json=new_station(world))
        assert made.status_code == 201, made.text
        found = await service.station_at(session, 117.02, 36.65)
        assert found is not None and found.code == "S01-A"
        beside = await service.station_at(session, 117.05, 36.65)
        assert beside is not None and beside.code == "S01"

    async def test_nothing_is_responsible_far_away(self, session: AsyncSession) -> None:
        assert await service.station_at(session, 8.69, 49.41) is None


class TestResponsibleStation:
    async def test_swapped_coordinates_are_named(self, session: AsyncSession) -> None:
        with pytest.raises(PlaceOutsideArea) as refused:
            await service.responsible_station(session, 36.65, 117.02)
        assert refused.value.members == {"hint": "lon-lat-swapped"}
        with pytest.raises(PlaceOutsideArea) as refused:
            await service.responsible_station(session, 36.65, 36.65)
        assert refused.value.members == {}


class TestSubtree:
    async def test_holds_the_station_and_all_below(
        self, session: AsyncSession, world: World
    ) -> None:
        assert await service.subtree(session, world.stations["CO"]) == set(world.stations.values())
        assert await service.subtree(session, world.stations["S01"]) == {world.stations["S01"]}

    async def test_an_unknown_station_has_none(self, session: AsyncSession) -> None:
        assert await service.subtree(session, uuid4()) == frozenset()


class TestListStations:
    async def test_a_chief_sees_the_own_station_only(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        answer = (await client.get("/stations", headers=as_("chief1"))).json()
        assert [each["code"] for each in answer["items"]] == ["S01"]

    async def test_pages_follow_the_tree(self, client: httpx.AsyncClient, as_: Headers) -> None:
        first = (await client.get("/stations?limit=2", headers=as_("manager"))).json()
        assert [each["path"] for each in first["items"]] == ["/CO/", "/CO/S01/"]
        second = (
            await client.get(
                "/stations",
                params={"limit": 2, "cursor": first["next_cursor"]},
                headers=as_("manager"),
            )
        ).json()
        assert [each["path"] for each in second["items"]] == ["/CO/S02/"]
        assert second["next_cursor"] is None

    async def test_a_forged_cursor_is_refused(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        answer = await client.get("/stations?cursor=zzz", headers=as_("manager"))
        assert answer.status_code == 422


class TestGetStation:
    async def test_answers_the_area_as_geojson(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        answer = await client.get(f"/stations/{world.stations['S01']}", headers=as_("chief1"))
        area = answer.json()["area"]
        assert area["type"] == "MultiPolygon"
        assert [117.0, 36.6] in area["coordinates"][0][0]
        assert answer.json()["place"] == {"lon": 117.05, "lat": 36.65}

    async def test_a_foreign_station_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        answer = await client.get(f"/stations/{world.stations['S02']}", headers=as_("chief1"))
        assert answer.status_code == 404

    async def test_a_technician_has_no_business_here(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        answer = await client.get(f"/stations/{world.stations['S01']}", headers=as_("tech01"))
        assert answer.status_code == 403


class TestCreateStation:
    async def test_the_path_names_its_ancestors(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        made = (
            await client.post("/stations", headers=as_("admin"), json=new_station(world))
        ).json()
        assert (made["path"], made["version"]) == ("/CO/S01/S01-A/", 1)

    async def test_a_taken_code_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = new_station(world, code="S02")
        answer = await client.post("/stations", headers=as_("manager"), json=body)
        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "urn:paigong:problem:code-taken",
        )

    async def test_what_cannot_be_meant_is_refused_and_not_written(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        bad: list[tuple[dict[str, Any], str]] = [
            ({"area": polygon(BOW_TIE)}, "area-not-valid"),
            ({"area": polygon([[lat, lon] for lon, lat in INNER])}, "area-not-valid"),
            ({"area": polygon([[0, 0], [0.1, 0], [0.1, 0.1], [0, 0]])}, "area-not-valid"),
            ({"area": {"type": "Point", "coordinates": [117, 36]}}, "invalid-input"),
            ({"area": polygon([[1, 2], [3]])}, "invalid-input"),
            ({"place": {"lon": 0, "lat": 0}}, "invalid-input"),
            ({"place": {"lon": 36.65, "lat": 117.02}}, "invalid-input"),
            ({"name": "a\u0000b"}, "invalid-input"),
            ({"name": "   "}, "invalid-input"),
            ({"code": "../S01"}, "invalid-input"),
            ({"colour": "red"}, "invalid-input"),
        ]
        for changes, type_ in bad:
            body = new_station(world, **changes)
            answer = await client.post("/stations", headers=as_("manager"), json=body)
            assert answer.status_code == 422, changes
            assert answer.json()["type"] == f"urn:paigong:problem:{type_}", changes
        listed = (await client.get("/stations", headers=as_("manager"))).json()
        assert len(listed["items"]) == 3

    async def test_an_unknown_parent_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = new_station(world, parent_id=str(uuid4()))
        assert (
            await client.post("/stations", headers=as_("manager"), json=body)
        ).status_code == 404


class TestChangeStation:
    async def test_what_is_left_out_stays(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/stations/{world.stations['S01']}"
        answer = await client.patch(
            url, headers=as_("manager"), json={"version": 1, "name": "新名"}
        )
        changed = answer.json()
        assert (changed["name"], changed["version"]) == ("新名", 2)
        assert changed["area"] is not None

    async def test_the_area_can_be_taken_away(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        url = f"/stations/{world.stations['S01']}"
        await client.patch(url, headers=as_("manager"), json={"version": 1, "area": None})
        assert await service.station_at(session, 117.05, 36.65) is None

    async def test_an_old_version_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/stations/{world.stations['S01']}"
        await client.patch(url, headers=as_("manager"), json={"version": 1, "name": "一"})
        answer = await client.patch(url, headers=as_("manager"), json={"version": 1, "name": "二"})
        assert answer.status_code == 409
        assert answer.json()["version"] == 2
        assert answer.json()["type"] == "urn:paigong:problem:stale-version"

    async def test_a_name_cannot_be_nulled(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/stations/{world.stations['S01']}"
        answer = await client.patch(url, headers=as_("manager"), json={"version": 1, "name": None})
        assert answer.status_code == 422


async def patched(
    client: httpx.AsyncClient, headers: dict[str, str], station_id: Any, **changes: Any
) -> dict[str, Any]:
    answer = await client.patch(f"/stations/{station_id}", headers=headers, json=changes)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def settlement(station: dict[str, Any]) -> tuple[Any, ...]:
    names = ("contractor", "settlement_unit")
    return tuple(station[prefix + name] for prefix in ("", "effective_") for name in names)


class TestInherited:
    def test_a_unit_holds_until_one_below_names_another(self) -> None:
        root, region = Own("CO", False, None), Own("N", True, "U1")
        team, other = Own("T", False, None), Own("X", False, "U2")
        assert inherited([root]) == (False, "CO")
        assert inherited([root, team]) == (False, "CO")
        assert inherited([root, region]) == (True, "U1")
        assert inherited([root, region, team]) == (True, "U1")
        assert inherited([root, region, other, team]) == (True, "U2")
        assert inherited([Own("CO", False, "HQ"), team]) == (False, "HQ")


class TestContractors:
    async def test_flag_and_unit_are_inherited_by_all_below(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        s01 = world.stations["S01"]
        made = await client.post("/stations", headers=as_("manager"), json=new_station(world))
        assert settlement(made.json()) == (False, None, False, "CO")
        changed = await patched(
            client, as_("manager"), s01, version=1, contractor=True, settlement_unit="HUADONG"
        )
        assert settlement(changed) == (True, "HUADONG", True, "HUADONG")
        listed = (await client.get("/stations", headers=as_("manager"))).json()["items"]
        assert {each["code"]: settlement(each) for each in listed} == {
            "CO": (False, None, False, "CO"),
            "S01": (True, "HUADONG", True, "HUADONG"),
            "S01-A": (False, None, True, "HUADONG"),
            "S02": (False, None, False, "CO"),
        }
        below = await client.get(f"/stations/{made.json()['id']}", headers=as_("chief1"))
        assert settlement(below.json()) == (False, None, True, "HUADONG")

    async def test_null_takes_the_unit_from_above_again(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        s01 = world.stations["S01"]
        await patched(client, as_("manager"), s01, version=1, settlement_unit="U1")
        kept = await patched(client, as_("manager"), s01, version=2, name="一站")
        assert kept["effective_settlement_unit"] == "U1"
        freed = await patched(client, as_("manager"), s01, version=3, settlement_unit=None)
        assert settlement(freed) == (False, None, False, "CO")

    async def test_what_cannot_be_meant_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        for changes in ({"contractor": None}, {"settlement_unit": ""}, {"settlement_unit": "a b"}):
            answer = await client.patch(
                f"/stations/{world.stations['S01']}",
                headers=as_("manager"),
                json={"version": 1} | changes,
            )
            assert answer.status_code == 422, changes

    async def test_a_contractors_own_manager_decides_neither(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        """Else a contractor could have its people paid by another unit."""
        s02 = world.stations["S02"]
        async with database.transaction() as session:
            await identity.grant(session, world.users["chief2"], Role.MANAGER, s02)
        for changes in ({"contractor": True}, {"settlement_unit": "CO"}):
            answer = await client.patch(
                f"/stations/{s02}", headers=as_("chief2"), json={"version": 1} | changes
            )
            assert answer.status_code == 403, changes
            body = new_station(world, code="S02-A", parent_id=str(s02)) | changes
            answer = await client.post("/stations", headers=as_("chief2"), json=body)
            assert answer.status_code == 403, changes
        same = await patched(client, as_("chief2"), s02, version=1, name="二站", contractor=False)
        assert (same["name"], same["contractor"]) == ("二站", False)

    async def test_a_contractors_people_see_their_own_subtrees_orders(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        """DOMAIN D15: the contractor sees own orders, the company sees both."""
        await patched(client, as_("manager"), world.stations["S02"], version=1, contractor=True)
        desk = Desk(client, world, as_)
        ours = await desk.sent("A1", "锦绣家园1-1-101")
        theirs = await desk.sent("B1", "阳光花园2-1-101")
        for person, sees in (
            ("chief2", {theirs}),
            ("dispatcher2", {theirs}),
            ("tech05", {theirs}),
            ("chief1", {ours}),
            ("manager", {ours, theirs}),
        ):
            listed = (await client.get("/work-orders", headers=as_(person))).json()
            assert {each["id"] for each in listed["items"]} == sees, person
            for order_id in (ours, theirs):
                answer = await client.get(f"/work-orders/{order_id}", headers=as_(person))
                assert answer.status_code == (200 if order_id in sees else 404), person
