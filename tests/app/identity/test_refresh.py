"""Refresh tokens: they rotate, they belong to a device, and a copied one ends the sign-in."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import httpx

from app.core import settings
from app.core.db import Database
from app.core.settings import Settings
from app.identity import sessions, tokens
from app.identity.models import LoginSession, User
from tests.app.identity.conftest import Hire, Person

Later = Callable[[timedelta], None]


async def refreshed(
    client: httpx.AsyncClient, token: str, device_id: UUID | None = None
) -> httpx.Response:
    body = {"refresh_token": token} | ({"device_id": str(device_id)} if device_id else {})
    return await client.post("/auth/refresh", json=body)


async def opens(client: httpx.AsyncClient, access_token: str) -> bool:
    answer = await client.get("/me", headers={"Authorization": f"Bearer {access_token}"})
    return answer.status_code == 200


async def ended_because(database: Database, person: Person) -> str | None:
    async with database.transaction() as session:
        row = await session.get_one(LoginSession, person.session_id)
        assert (row.revoked_at is None) == (row.revoked_why is None)
        return row.revoked_why


class TestRefresh:
    async def test_it_gives_a_new_pair_in_the_same_sign_in(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        answer = (await refreshed(client, person.refresh_token)).json()
        assert answer["refresh_token"] != person.refresh_token
        assert answer["session_id"] == str(person.session_id)
        assert await opens(client, answer["access_token"])
        again = await refreshed(client, answer["refresh_token"])
        assert again.status_code == 200

    async def test_only_the_hash_is_kept(
        self, client: httpx.AsyncClient, hire: Hire, database: Database
    ) -> None:
        person = await hire("wang")
        async with database.transaction() as session:
            row = await session.get_one(LoginSession, person.session_id)
        assert row.refresh_hash == tokens.digest(person.refresh_token)
        assert person.refresh_token not in str(row.model_dump())

    async def test_a_phone_that_lost_the_answer_gets_the_same_token_until_it_is_used(
        self, client: httpx.AsyncClient, hire: Hire, database: Database, later: Later
    ) -> None:
        person = await hire("wang")
        first = (await refreshed(client, person.refresh_token)).json()
        later(timedelta(hours=9))
        second = await refreshed(client, person.refresh_token)
        assert second.status_code == 200
        same = ("refresh_token", "refresh_expires_at", "session_id")
        assert {name: second.json()[name] for name in same} == {name: first[name] for name in same}
        assert await opens(client, second.json()["access_token"])
        assert (await refreshed(client, first["refresh_token"])).status_code == 200
        assert await ended_because(database, person) is None

    async def test_a_rotated_token_ends_the_sign_in_although_the_request_is_refused(
        self, client: httpx.AsyncClient, hire: Hire, database: Database
    ) -> None:
        person = await hire("wang")
        following = (await refreshed(client, person.refresh_token)).json()
        current = (await refreshed(client, following["refresh_token"])).json()
        answer = await refreshed(client, person.refresh_token)
        assert answer.status_code == 401
        assert answer.json()["type"].endswith("refresh-refused")
        assert await ended_because(database, person) == "a rotated refresh token was used again"
        assert not await opens(client, current["access_token"])
        assert (await refreshed(client, current["refresh_token"])).status_code == 401

    async def test_a_thief_who_refreshes_is_found_out_by_the_owner(
        self, client: httpx.AsyncClient, hire: Hire, database: Database
    ) -> None:
        person = await hire("wang")
        thief = (await refreshed(client, person.refresh_token)).json()
        thief = (await refreshed(client, thief["refresh_token"])).json()
        assert (await refreshed(client, person.refresh_token)).status_code == 401
        assert (await refreshed(client, thief["refresh_token"])).status_code == 401
        assert await ended_because(database, person) == "a rotated refresh token was used again"

    async def test_an_answer_lost_while_the_secret_key_changed_is_given_again(
        self, client: httpx.AsyncClient, hire: Hire, config: Settings
    ) -> None:
        person = await hire("wang")
        first = (await refreshed(client, person.refresh_token)).json()
        other = {"secret_key": "n" * 40, "previous_secret_key": config.secret_key}
        settings.install(config.model_copy(update=other))
        again = (await refreshed(client, person.refresh_token)).json()
        assert again["refresh_token"] == first["refresh_token"]

    async def test_another_device_ends_the_sign_in(
        self, client: httpx.AsyncClient, hire: Hire, database: Database
    ) -> None:
        person = await hire("wang")
        device = sessions.DeviceSeen(uuid4(), "P40", "android")
        async with database.transaction() as session:
            pair = await sessions.open_session(session, person.id, device)
        assert (await refreshed(client, pair.refresh_token, device.id)).status_code == 200
        async with database.transaction() as session:
            pair = await sessions.open_session(session, person.id, device)
        assert (await refreshed(client, pair.refresh_token, uuid4())).status_code == 401
        assert not await opens(client, pair.access_token)

    async def test_it_runs_out_after_thirty_days_unused(
        self, client: httpx.AsyncClient, hire: Hire, later: Later
    ) -> None:
        person = await hire("wang")
        later(timedelta(days=29))
        kept = (await refreshed(client, person.refresh_token)).json()["refresh_token"]
        later(timedelta(days=29 + 30, seconds=1))
        assert (await refreshed(client, kept)).status_code == 401

    async def test_a_disabled_person_gets_no_new_pair(
        self, client: httpx.AsyncClient, hire: Hire, database: Database
    ) -> None:
        person = await hire("wang")
        async with database.transaction() as session:
            (await session.get_one(User, person.id)).disabled_at = (
                await session.get_one(LoginSession, person.session_id)
            ).created_at
        assert (await refreshed(client, person.refresh_token)).status_code == 401

    async def test_a_token_of_nobody_is_refused(self, client: httpx.AsyncClient) -> None:
        for token in ("x", f"{uuid4().hex}.secret", ".", "令牌", "0" * 200):
            answer = await refreshed(client, token)
            assert answer.status_code == 401, token
            assert answer.headers["www-authenticate"].startswith("Bearer")
