"""Accounts and grants administered by people, inside their own scope."""

from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import col, delete, select

from app.core.audit import AuditRecord
from app.core.db import Database
from app.core.permissions import Role
from app.identity.models import RoleGrant, User
from app.web.idempotency import IdempotentAnswer
from tests.app.identity.conftest import Hire, Person
from tests.factories.world import PASSWORD, World

BAD_ACCOUNTS = [
    {"username": "a"},
    {"username": "<script>"},
    {"username": "x" * 41},
    {"grants": []},
    {"grants": [{"role": "king"}]},
    {"grants": [{"role": "agent", "station_id": str(uuid4())}]},
    {"display_name": "bell\u0007"},
    {"phone": "1 OR 1=1"},
    {"password": "chosen by somebody"},
    {"language": "fr"},
]
MADE_UP_CURSORS = ["x", "WyIAIl0", "WzFd", "W10"]


def account(username: str, *grants: tuple[Role, UUID | None]) -> dict[str, object]:
    return {
        "username": username,
        "display_name": username.title(),
        "grants": [
            {"role": role, "station_id": str(station) if station else None}
            for role, station in grants
        ],
    }


@pytest.fixture
async def local_admin(hire: Hire, world: World) -> Person:
    """An administrator of S01 only."""
    return await hire("local-admin", (Role.ADMIN, world.stations["S01"]))


async def acts(database: Database, subject_id: UUID) -> list[str]:
    async with database.transaction() as session:
        statement = select(AuditRecord).where(AuditRecord.subject_id == subject_id)
        rows = await session.exec(statement.order_by(col(AuditRecord.id)))
        return [row.action for row in rows]


class TestCreateUser:
    async def test_the_first_password_opens_the_account(
        self, client: httpx.AsyncClient, admin: Person, database: Database
    ) -> None:
        answer = await client.post(
            "/users", headers=admin.headers, json=account(" Zhang.San ", (Role.AGENT, None))
        )
        assert answer.status_code == 201
        made = answer.json()
        assert made["username"] == "zhang.san"
        assert [each["role"] for each in made["grants"]] == ["agent"]
        login = await client.post(
            "/auth/login", json={"username": "zhang.san", "password": made["password"]}
        )
        assert login.status_code == 200
        assert await acts(database, UUID(made["id"])) == ["created"]

    async def test_a_replay_does_not_show_the_password_and_no_table_has_it(
        self, client: httpx.AsyncClient, admin: Person, database: Database
    ) -> None:
        headers, body = admin.headers, account("zhang", (Role.AGENT, None))
        first = (await client.post("/users", headers=headers, json=body)).json()
        again = await client.post("/users", headers=headers, json=body)
        assert again.headers["idempotent-replay"] == "true"
        assert again.json() == first | {"password": None}
        async with database.transaction() as session:
            rows = [row.model_dump() for row in await session.exec(select(IdempotentAnswer))]
            rows += [row.model_dump() for row in await session.exec(select(AuditRecord))]
            rows += [row.model_dump() for row in await session.exec(select(User))]
        assert first["password"] not in str(rows)

    async def test_a_taken_name_is_refused_in_any_case(
        self, client: httpx.AsyncClient, admin: Person
    ) -> None:
        answer = await client.post(
            "/users", headers=admin.headers, json=account("AGENT2", (Role.AGENT, None))
        )
        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "urn:paigong:problem:username-taken",
        )

    async def test_bad_input_writes_nothing(
        self, client: httpx.AsyncClient, admin: Person, database: Database
    ) -> None:
        for change in BAD_ACCOUNTS:
            body = account("zhang", (Role.AGENT, None)) | change
            answer = await client.post("/users", headers=admin.headers, json=body)
            assert answer.status_code == 422, change
            async with database.transaction() as session:
                found = await session.exec(select(User).where(User.display_name == "Zhang"))
                assert found.all() == []


class TestScope:
    async def test_a_station_sees_itself_and_nobody_elses_people(
        self, client: httpx.AsyncClient, local_admin: Person, world: World
    ) -> None:
        listed = (await client.get("/users?limit=200", headers=local_admin.headers)).json()
        names = {each["username"] for each in listed["items"]}
        assert {"local-admin", "chief1", "dispatcher1", "tech01"} <= names
        assert names.isdisjoint({"chief2", "tech05", "admin", "manager"})

    @pytest.mark.parametrize("name", ["chief2", "admin"])
    async def test_a_foreign_account_is_not_found_whatever_is_asked(
        self, client: httpx.AsyncClient, local_admin: Person, world: World, name: str
    ) -> None:
        path = f"/users/{world.users[name]}"
        grant = {"role": "agent", "station_id": str(world.stations["S01"])}
        answers = [
            await client.get(path, headers=local_admin.headers),
            await client.post(f"{path}/grants", headers=local_admin.headers, json=grant),
            await client.delete(f"{path}/grants/{uuid4()}", headers=local_admin.headers),
            await client.post(f"{path}/disable", headers=local_admin.headers),
            await client.post(f"{path}/enable", headers=local_admin.headers),
            await client.post(f"{path}/password", headers=local_admin.headers),
        ]
        assert [each.status_code for each in answers] == [404] * 6

    async def test_pages_follow_each_other_without_gap(
        self, client: httpx.AsyncClient, admin: Person
    ) -> None:
        whole = (await client.get("/users?limit=200", headers=admin.headers)).json()["items"]
        paged: list[dict[str, object]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = f"&cursor={cursor}" if cursor else ""
            page = (await client.get(f"/users?limit=7{query}", headers=admin.headers)).json()
            paged += page["items"]
            cursor = page["next_cursor"]
        assert paged == whole
        assert len(whole) > 14

    async def test_a_search_takes_wildcards_literally(
        self, client: httpx.AsyncClient, admin: Person
    ) -> None:
        async def names(q: str) -> list[str]:
            answer = await client.get("/users", params={"q": q}, headers=admin.headers)
            return [each["username"] for each in answer.json()["items"]]

        assert await names("HIEF") == ["chief-admin", "chief1", "chief2"]
        assert await names("%") == []

    async def test_a_made_up_cursor_is_bad_input(
        self, client: httpx.AsyncClient, admin: Person
    ) -> None:
        for cursor in MADE_UP_CURSORS:
            answer = await client.get(f"/users?cursor={cursor}", headers=admin.headers)
            assert answer.status_code == 422, cursor


class TestGrant:
    async def test_a_role_counts_from_the_next_request(
        self, client: httpx.AsyncClient, admin: Person, hire: Hire, database: Database
    ) -> None:
        person = await hire("wang", (Role.AGENT, None))
        assert (await client.get("/users", headers=person.headers)).status_code == 403
        path = f"/users/{person.id}/grants"
        given = await client.post(path, headers=admin.headers, json={"role": "manager"})
        assert given.status_code == 201
        assert (await client.get("/users", headers=person.headers)).status_code == 200
        taken = await client.delete(f"{path}/{given.json()['id']}", headers=admin.headers)
        assert taken.status_code == 204
        assert (await client.get("/users", headers=person.headers)).status_code == 403
        assert await acts(database, person.id) == ["granted", "grant_revoked"]

    async def test_the_same_grant_twice_is_a_conflict(
        self, client: httpx.AsyncClient, admin: Person, hire: Hire
    ) -> None:
        person = await hire("wang", (Role.AGENT, None))
        answer = await client.post(
            f"/users/{person.id}/grants", headers=admin.headers, json={"role": "agent"}
        )
        assert answer.status_code == 409

    @pytest.mark.parametrize(("station", "status"), [(None, 403), ("S02", 422), ("CO", 422)])
    async def test_nobody_grants_beyond_the_own_scope(
        self,
        client: httpx.AsyncClient,
        local_admin: Person,
        world: World,
        station: str | None,
        status: int,
    ) -> None:
        station_id = world.stations[station] if station else None
        grant = {"role": "agent", "station_id": str(station_id) if station_id else None}
        path = f"/users/{world.users['chief1']}/grants"
        answer = await client.post(path, headers=local_admin.headers, json=grant)
        assert answer.status_code == status
        made = await client.post(
            "/users", headers=local_admin.headers, json=account("zhang", (Role.AGENT, station_id))
        )
        assert made.status_code == status

    async def test_a_grant_beyond_the_own_scope_cannot_be_taken(
        self,
        client: httpx.AsyncClient,
        local_admin: Person,
        hire: Hire,
        database: Database,
        world: World,
    ) -> None:
        person = await hire("wang", (Role.AGENT, world.stations["S01"]), (Role.AGENT, None))
        async with database.transaction() as session:
            held = select(RoleGrant).where(
                RoleGrant.user_id == person.id, col(RoleGrant.station_id).is_(None)
            )
            grant_id = (await session.exec(held)).one().id
        path = f"/users/{person.id}/grants/{grant_id}"
        assert (await client.delete(path, headers=local_admin.headers)).status_code == 403

    async def test_a_grant_under_another_persons_path_is_not_found(
        self, client: httpx.AsyncClient, admin: Person, hire: Hire
    ) -> None:
        person = await hire("wang", (Role.AGENT, None))
        mine = (await client.get("/me", headers=admin.headers)).json()["grants"][0]["id"]
        path = f"/users/{person.id}/grants/{mine}"
        assert (await client.delete(path, headers=admin.headers)).status_code == 404


class TestDisable:
    async def test_every_sign_in_ends_at_once_and_none_comes_back(
        self, client: httpx.AsyncClient, admin: Person, hire: Hire, database: Database
    ) -> None:
        person = await hire("wang", (Role.AGENT, None))
        path = f"/users/{person.id}"
        answer = await client.post(f"{path}/disable", headers=admin.headers)
        assert answer.json()["disabled_at"] is not None
        assert (await client.get("/me", headers=person.headers)).status_code == 401
        enabled = await client.post(f"{path}/enable", headers=admin.headers)
        assert enabled.json()["disabled_at"] is None
        assert (await client.get("/me", headers=person.headers)).status_code == 401
        refresh = await client.post("/auth/refresh", json={"refresh_token": person.refresh_token})
        assert refresh.status_code == 401
        login = await client.post("/auth/login", json={"username": "wang", "password": PASSWORD})
        assert login.status_code == 200
        assert await acts(database, person.id) == ["disabled", "enabled"]

    async def test_an_account_that_reaches_further_is_left_alone(
        self, client: httpx.AsyncClient, local_admin: Person, hire: Hire, world: World
    ) -> None:
        person = await hire("wang", (Role.AGENT, world.stations["S01"]), (Role.ADMIN, None))
        for act in ("disable", "enable", "password"):
            answer = await client.post(f"/users/{person.id}/{act}", headers=local_admin.headers)
            assert answer.status_code == 403
        assert (await client.get("/me", headers=person.headers)).status_code == 200

    async def test_the_last_administrator_stays(
        self, client: httpx.AsyncClient, admin: Person, world: World, database: Database
    ) -> None:
        other = world.users["admin"]
        async with database.transaction() as session:
            grants = delete(RoleGrant).where(col(RoleGrant.user_id) == other)
            await session.exec(grants)
        answer = await client.post(f"/users/{admin.id}/disable", headers=admin.headers)
        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "urn:paigong:problem:last-admin",
        )
        mine = (await client.get("/me", headers=admin.headers)).json()["grants"][0]["id"]
        taken = await client.delete(f"/users/{admin.id}/grants/{mine}", headers=admin.headers)
        assert taken.status_code == 409

    async def test_one_of_two_administrators_may_leave(
        self, client: httpx.AsyncClient, admin: Person
    ) -> None:
        answer = await client.post(f"/users/{admin.id}/disable", headers=admin.headers)
        assert answer.status_code == 200
        assert (await client.get("/me", headers=admin.headers)).status_code == 401


class TestResetPassword:
    async def test_the_new_password_opens_and_the_old_one_does_not(
        self, client: httpx.AsyncClient, admin: Person, hire: Hire
    ) -> None:
        person = await hire("wang", (Role.AGENT, None))
        answer = await client.post(f"/users/{person.id}/password", headers=admin.headers)
        assert answer.status_code == 200
        assert (await client.get("/me", headers=person.headers)).status_code == 401
        statuses = [
            (
                await client.post("/auth/login", json={"username": "wang", "password": password})
            ).status_code
            for password in (PASSWORD, answer.json()["password"])
        ]
        assert statuses == [401, 200]
