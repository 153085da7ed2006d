"""Keys of a call-centre system, and the audit trail."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from app.core.db import Database
from app.core.permissions import Permission, Role
from app.identity import api_keys, tokens
from app.identity.errors import Unauthenticated
from app.identity.models import ApiKey
from app.web.idempotency import IdempotentAnswer
from tests.app.identity.conftest import Hire, Person
from tests.factories.world import World

CALL_CENTRE = ["customers.read", "orders.create"]

BAD_KEYS = [
    {"permissions": ["users.write"]},
    {"permissions": ["orders.read", "self"]},
    {"permissions": []},
    {"permissions": ["everything"]},
    {"valid_days": 0},
    {"valid_days": 731},
    {"name": " "},
]
MADE_UP_CURSORS = ["WyJ4Il0", "W1syXV0", "Wy0xXQ", "WzFlMzBd"]


async def new_key(client: httpx.AsyncClient, admin: Person, **change: object) -> httpx.Response:
    body = {"name": "Call centre", "permissions": CALL_CENTRE} | change
    return await client.post("/api-keys", headers=admin.headers, json=body)


class TestCreateApiKey:
    async def test_the_key_opens_what_it_names_and_no_more(
        self, client: httpx.AsyncClient, admin: Person, database: Database, world: World
    ) -> None:
        north = world.stations["S01"]
        made = (await new_key(client, admin, station_id=str(north))).json()
        async with database.transaction() as session:
            principal = await api_keys.principal_of_key(session, made["key"])
        assert principal.is_api_key
        assert principal.stations(Permission.ORDERS_CREATE) == {north}
        assert not principal.may(Permission.ORDERS_READ)
        answer = await client.get("/users", headers={"X-API-Key": made["key"]})
        assert answer.status_code == 403

    async def test_it_is_shown_once_and_only_its_hash_is_kept(
        self, client: httpx.AsyncClient, admin: Person, database: Database
    ) -> None:
        headers, body = admin.headers, {"name": "Call centre", "permissions": CALL_CENTRE}
        first = (await client.post("/api-keys", headers=headers, json=body)).json()
        again = await client.post("/api-keys", headers=headers, json=body)
        assert again.status_code == 201
        assert again.json() == first | {"key": None}
        async with database.transaction() as session:
            row = (await session.exec(select(ApiKey))).one()
            answers = [each.model_dump() for each in await session.exec(select(IdempotentAnswer))]
        assert row.key_hash == tokens.digest(first["key"])
        assert first["key"] not in str(answers)
        listed = (await client.get("/api-keys", headers=admin.headers)).json()["items"]
        assert [(each["prefix"], "key" in each) for each in listed] == [(first["prefix"], False)]

    async def test_it_can_only_do_what_a_call_centre_does(
        self, client: httpx.AsyncClient, admin: Person
    ) -> None:
        for change in BAD_KEYS:
            assert (await new_key(client, admin, **change)).status_code == 422, change
            assert (await client.get("/api-keys", headers=admin.headers)).json()["items"] == []

    async def test_a_row_that_was_given_more_opens_no_more(
        self, client: httpx.AsyncClient, admin: Person, database: Database
    ) -> None:
        key = (await new_key(client, admin)).json()["key"]
        async with database.transaction() as session:
            row = (await session.exec(select(ApiKey))).one()
            row.permissions = ["users.write", "orders.read"]
        async with database.transaction() as session:
            principal = await api_keys.principal_of_key(session, key)
        assert principal.key_permissions == {Permission.ORDERS_READ}

    async def test_a_stations_administrator_makes_keys_for_that_station(
        self, client: httpx.AsyncClient, hire: Hire, world: World, admin: Person
    ) -> None:
        local = await hire("local-admin", (Role.ADMIN, world.stations["S01"]))
        assert (await new_key(client, local)).status_code == 403
        foreign = await new_key(client, local, station_id=str(world.stations["S02"]))
        assert foreign.status_code == 422
        own = await new_key(client, local, station_id=str(world.stations["S01"]))
        assert own.status_code == 201
        companys = (await new_key(client, admin)).json()
        listed = (await client.get("/api-keys", headers=local.headers)).json()["items"]
        assert [each["id"] for each in listed] == [own.json()["id"]]
        path = f"/api-keys/{companys['id']}/revoke"
        assert (await client.post(path, headers=local.headers)).status_code == 404


class TestApiKey:
    async def test_a_revoked_key_is_refused(
        self, client: httpx.AsyncClient, admin: Person, database: Database
    ) -> None:
        made = (await new_key(client, admin)).json()
        revoked = await client.post(f"/api-keys/{made['id']}/revoke", headers=admin.headers)
        assert revoked.json()["revoked_at"] is not None
        answer = await client.get("/users", headers={"X-API-Key": made["key"]})
        assert answer.status_code == 401

    async def test_it_runs_out(
        self,
        client: httpx.AsyncClient,
        admin: Person,
        later: Callable[[timedelta], None],
    ) -> None:
        key = (await new_key(client, admin, valid_days=1)).json()["key"]
        later(timedelta(hours=23))
        assert (await client.get("/users", headers={"X-API-Key": key})).status_code == 403
        later(timedelta(hours=24, seconds=5))
        assert (await client.get("/users", headers={"X-API-Key": key})).status_code == 401

    async def test_the_right_prefix_with_a_wrong_secret_is_refused(
        self, client: httpx.AsyncClient, admin: Person, database: Database
    ) -> None:
        made = (await new_key(client, admin)).json()
        for wrong in (made["prefix"], made["prefix"] + ".x", made["key"] + "x", "x"):
            async with database.transaction() as session:
                with pytest.raises(Unauthenticated):
                    await api_keys.principal_of_key(session, wrong)

    async def test_its_use_is_noted_without_making_requests_wait(
        self, client: httpx.AsyncClient, admin: Person, database: Database
    ) -> None:
        key = (await new_key(client, admin)).json()["key"]
        async with database.transaction() as one, database.transaction() as other:
            await api_keys.principal_of_key(one, key)
            await api_keys.principal_of_key(other, key)
        async with database.transaction() as session:
            assert (await session.exec(select(ApiKey))).one().last_used_at is not None


class TestAuditRecords:
    async def test_administration_is_listed_newest_first(
        self, client: httpx.AsyncClient, admin: Person
    ) -> None:
        made = (await new_key(client, admin)).json()
        await client.post(f"/api-keys/{made['id']}/revoke", headers=admin.headers)
        query = f"/audit-records?subject=api_key&subject_id={made['id']}"
        items = (await client.get(query, headers=admin.headers)).json()["items"]
        assert [each["action"] for each in items] == ["revoked", "created"]
        assert {each["principal_id"] for each in items} == {str(admin.id)}

    async def test_pages_follow_each_other(self, client: httpx.AsyncClient, admin: Person) -> None:
        for _ in range(3):
            await new_key(client, admin)
        first = (await client.get("/audit-records?limit=2", headers=admin.headers)).json()
        query = f"/audit-records?limit=2&cursor={first['next_cursor']}"
        second = (await client.get(query, headers=admin.headers)).json()
        ids = [each["id"] for each in first["items"] + second["items"]]
        assert ids == sorted(ids, reverse=True)
        assert len(set(ids)) == 3
        assert second["next_cursor"] is None

    async def test_a_stations_reader_sees_what_its_own_people_did(
        self, client: httpx.AsyncClient, admin: Person, hire: Hire, world: World
    ) -> None:
        reader = await hire("reader", (Role.MANAGER, world.stations["S01"]))
        local = await hire("local-admin", (Role.ADMIN, world.stations["S01"]))
        await new_key(client, admin)
        await new_key(client, local, station_id=str(world.stations["S01"]))
        items = (await client.get("/audit-records", headers=reader.headers)).json()["items"]
        assert {each["principal_name"] for each in items} == {"Local-Admin"}

    async def test_a_made_up_cursor_is_bad_input(
        self, client: httpx.AsyncClient, admin: Person
    ) -> None:
        for cursor in MADE_UP_CURSORS:
            for path in ("/audit-records", "/api-keys"):
                answer = await client.get(f"{path}?cursor={cursor}", headers=admin.headers)
                assert answer.status_code == 422, (path, cursor)
