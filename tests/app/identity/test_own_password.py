"""POST /me/password: the current one in exchange, and every other sign-in ends."""

import httpx
import psycopg
import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.identity import passwords, throttle
from app.identity.models import User
from tests.app.identity.conftest import Hire
from tests.app.identity.test_sign_in import sign_in
from tests.factories.world import PASSWORD

OPEN_TRANSACTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'"
)


class TestChangeMyPassword:
    async def test_it_ends_the_other_sign_ins_and_keeps_this_one(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        other = (await sign_in(client, "wang")).json()["access_token"]
        answer = await client.post(
            "/me/password",
            headers=person.headers,
            json={"current_password": PASSWORD, "new_password": "another long one"},
        )
        assert answer.status_code == 204
        assert (await client.get("/me", headers=person.headers)).status_code == 200
        other_me = await client.get("/me", headers={"Authorization": f"Bearer {other}"})
        assert other_me.status_code == 401
        assert (await sign_in(client, "wang")).status_code == 401
        assert (await sign_in(client, "wang", "another long one")).status_code == 200

    async def test_guesses_of_the_current_password_are_throttled(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        body = {"current_password": "guess", "new_password": "another long one"}
        statuses = [
            (await client.post("/me/password", headers=person.headers, json=body)).status_code
            for _ in range(throttle.PER_USERNAME + 1)
        ]
        assert statuses == [403] * throttle.PER_USERNAME + [429]

    async def test_no_transaction_is_open_while_argon2_works(
        self,
        client: httpx.AsyncClient,
        hire: Hire,
        monkeypatch: pytest.MonkeyPatch,
        config: Settings,
    ) -> None:
        person = await hire("wang")
        open_then: list[int] = []
        hasher = passwords._current()
        true_hash, true_verify = hasher.hash, hasher.verify
        with psycopg.connect(config.database_url, autocommit=True) as other:

            def look() -> None:
                (count,) = other.execute(OPEN_TRANSACTIONS).fetchone() or (None,)
                open_then.append(count)

            monkeypatch.setattr(hasher, "hash", lambda p: (look(), true_hash(p))[1])
            monkeypatch.setattr(hasher, "verify", lambda p, h: (look(), true_verify(p, h))[1])
            answer = await client.post(
                "/me/password",
                headers=person.headers,
                json={"current_password": PASSWORD, "new_password": "another long one"},
            )
        assert answer.status_code == 204
        assert open_then == [0, 0]

    async def test_a_password_that_was_reset_meanwhile_is_not_the_current_one(
        self,
        client: httpx.AsyncClient,
        hire: Hire,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        person = await hire("wang")
        true_matches = passwords.matches

        async def reset_meanwhile(password: str, password_hash: str | None) -> bool:
            async with database.transaction() as session:
                (await session.get_one(User, person.id)).version += 1
            return await true_matches(password, password_hash)

        monkeypatch.setattr(passwords, "matches", reset_meanwhile)
        answer = await client.post(
            "/me/password",
            headers=person.headers,
            json={"current_password": PASSWORD, "new_password": "another long one"},
        )
        assert answer.status_code == 403
        monkeypatch.undo()
        assert (await sign_in(client, "wang")).status_code == 200

    @pytest.mark.parametrize("weak", ["short", "WangWangWang"])
    async def test_a_weak_password_is_refused(
        self, client: httpx.AsyncClient, hire: Hire, weak: str
    ) -> None:
        person = await hire("wangwangwang")
        answer = await client.post(
            "/me/password",
            headers=person.headers,
            json={"current_password": PASSWORD, "new_password": weak},
        )
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("password-too-weak")
