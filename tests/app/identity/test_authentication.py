"""Which tokens and keys are believed, and what they open."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import httpx
import jwt
import pytest
from fastapi import FastAPI

from app.core import clock, settings
from app.core.db import Database, count_statements
from app.core.permissions import Permission, Role
from app.core.problems import NotFound
from app.identity import service, tokens
from app.organisation.models import Crew, CrewMember
from tests.app.identity.conftest import Hire, Person
from tests.factories.world import NOW, World

Later = Callable[[timedelta], None]

NO_TOKENS = ["Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Bearer a.b.c", "Bearer " + "x" * 9000]
BAD_CLAIMS = [
    {"sub": "x"},
    {"sid": str(uuid4())},
    {"sub": str(uuid4())},
    {"exp": "soon"},
    {"sid": 7},
]


def claims(person: Person) -> dict[str, object]:
    now = int(clock.real_now().timestamp())
    return {"sub": str(person.id), "sid": str(person.session_id), "iat": now, "exp": now + 600}


async def status(client: httpx.AsyncClient, token: str) -> int:
    answer = await client.get("/me", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


class TestAuthenticate:
    async def test_without_anything_the_answer_says_how(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/me")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:paigong:problem:unauthenticated"

    async def test_a_header_that_is_no_token_is_refused(self, client: httpx.AsyncClient) -> None:
        for header in NO_TOKENS:
            answer = await client.get("/me", headers={"Authorization": header})
            assert answer.status_code == 401, header

    async def test_a_token_signed_by_somebody_else_is_refused(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        forged = jwt.encode(claims(person), "x" * 40, algorithm="HS256")
        assert await status(client, forged) == 401

    async def test_a_token_of_another_algorithm_is_refused(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        key = settings.current().secret_key
        assert await status(client, jwt.encode(claims(person), None, algorithm="none")) == 401
        longer = key * 2
        assert await status(client, jwt.encode(claims(person), longer, algorithm="HS512")) == 401

    async def test_claims_that_do_not_hold_together_are_refused(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        key = settings.current().secret_key
        assert await status(client, jwt.encode(claims(person), key, algorithm="HS256")) == 200
        for change in BAD_CLAIMS:
            changed = jwt.encode(claims(person) | change, key, algorithm="HS256")
            assert await status(client, changed) == 401, change

    async def test_a_token_lives_ten_minutes_of_real_time(
        self, client: httpx.AsyncClient, hire: Hire, later: Later
    ) -> None:
        person = await hire("wang")
        clock.advance(timedelta(days=2))
        later(timedelta(minutes=9, seconds=30))
        assert await status(client, person.access_token) == 200
        later(timedelta(minutes=10, seconds=1))
        assert await status(client, person.access_token) == 401

    async def test_the_previous_secret_is_still_believed(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        before = settings.current()
        rotated = {"secret_key": "n" * 40, "previous_secret_key": before.secret_key}
        settings.install(before.model_copy(update=rotated))
        assert await status(client, person.access_token) == 200
        fresh = tokens.access_token(person.id, person.session_id)
        assert await status(client, fresh) == 200
        settings.install(before.model_copy(update={"secret_key": "n" * 40}))
        assert await status(client, person.access_token) == 401

    async def test_it_asks_the_database_once(
        self, client: httpx.AsyncClient, hire: Hire, database: Database, world: World
    ) -> None:
        person = await hire("wang", (Role.AGENT, world.stations["CO"]), (Role.REVIEWER, None))
        seen: list[str] = []
        count_statements(database, seen)
        await client.get("/users", headers=person.headers)
        assert len(seen) == 1
        assert "disabled_at IS NULL" in seen[0]
        assert "revoked_at IS NULL" in seen[0]


class TestPrincipal:
    async def test_a_grant_reaches_the_station_and_all_below_it(
        self, hire: Hire, database: Database, world: World
    ) -> None:
        root, north, south = (world.stations[code] for code in ("CO", "S01", "S02"))
        above = await hire("above", (Role.STATION_CHIEF, root))
        beside = await hire("beside", (Role.STATION_CHIEF, north))
        everywhere = await hire("everywhere", (Role.DISPATCHER, None))
        async with database.transaction() as session:
            found = [
                (await service.principal_of_user(session, each.id)).stations(Permission.ORDERS_READ)
                for each in (above, beside, everywhere)
            ]
        assert found == [frozenset({root, north, south}), frozenset({north}), None]

    async def test_a_technician_has_the_crews_of_now(
        self, database: Database, world: World, app: FastAPI
    ) -> None:
        technician_id = world.technicians["tech01"]
        async with database.transaction() as session:
            joint, past, dissolved = (
                Crew(
                    code=code, station_id=world.stations["S01"], name=code, kind="joint", active=on
                )
                for code, on in (("J1", True), ("J2", True), ("J3", False))
            )
            session.add_all([joint, past, dissolved])
            await session.flush()
            for crew, until in ((joint, None), (past, NOW), (dissolved, None)):
                session.add(
                    CrewMember(
                        crew_id=crew.id,
                        technician_id=technician_id,
                        role="helper",
                        since=NOW,
                        until=until,
                    )
                )
        async with database.transaction() as session:
            principal = await service.principal_of_user(session, world.users["tech01"])
        assert principal.technician_id == technician_id
        assert principal.crew_ids == {world.crews["A1"], joint.id}
        assert principal.own_only(Permission.ORDERS_READ)

    async def test_an_unknown_person_is_not_found(self, database: Database, app: FastAPI) -> None:
        async with database.transaction() as session:
            with pytest.raises(NotFound):
                await service.principal_of_user(session, uuid4())

    async def test_the_phone_of_the_sign_in_is_known(
        self, client: httpx.AsyncClient, as_: Callable[[str], dict[str, str]], world: World
    ) -> None:
        me = (await client.get("/me", headers=as_("tech01"))).json()
        assert me["device_id"] == str(world.devices["tech01"])
        assert me["technician_id"] == str(world.technicians["tech01"])
        assert me["crew_ids"] == [str(world.crews["A1"])]


class TestCreateAdmin:
    async def test_it_administers_the_whole_company(self, database: Database, app: FastAPI) -> None:
        async with database.transaction() as session:
            user = await service.create_admin(session, " Root ", "a long password", "Root")
            principal = await service.principal_of_user(session, user.id)
        assert user.username == "root"
        assert principal.stations(Permission.USERS_WRITE) is None
        assert "a long password" not in user.password_hash

    @pytest.mark.parametrize("password", ["short", "administrator"])
    async def test_a_weak_password_is_refused(
        self, database: Database, app: FastAPI, password: str
    ) -> None:
        with pytest.raises(service.passwords.PasswordTooWeak):
            async with database.transaction() as session:
                await service.create_admin(session, "Administrator", password, "Root")
