"""Signing in with a password, and the throttle on failures."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import select

from app.core import clock
from app.core.audit import AuditRecord
from app.core.db import Database
from app.core.permissions import Role
from app.identity import passwords, throttle
from app.identity.models import Device, LoginAttempt, LoginSession
from app.mobile.models import PhoneCommand
from app.notifications.models import PushAddress
from tests.app.identity.conftest import Hire, Person
from tests.factories.world import PASSWORD

BAD_LOGINS = [
    b'{"username": "wang", "password": "x", "role": "admin"}',
    b'{"username": "wang", "password": "\\ud800"}',
    b'{"username": "wa\\u0000ng", "password": "x"}',
    b'{"username": "wang", "password": ""}',
    b'{"username": "wang"}',
    b"[",
]


async def sign_in(
    client: httpx.AsyncClient, username: str, password: str = PASSWORD, **more: object
) -> httpx.Response:
    return await client.post(
        "/auth/login", json={"username": username, "password": password, **more}
    )


class TestLogin:
    async def test_it_gives_a_token_that_opens_ones_own_page(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang", (Role.AGENT, None))
        answer = await sign_in(client, " WANG ")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()["access_token"]
        me = await client.get("/me", headers={"Authorization": f"Bearer {token}"})
        assert (me.json()["id"], me.json()["username"]) == (str(person.id), "wang")
        assert "orders.create" in me.json()["permissions"]
        assert "users.read" not in me.json()["permissions"]

    async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        await hire("wang")
        wrong = await sign_in(client, "wang", "something else")
        unknown = await sign_in(client, "nobody", "something else")
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() == unknown.json()
        assert wrong.headers["www-authenticate"].startswith("Bearer")

    async def test_an_unknown_name_costs_a_hash_as_well(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verified: list[str] = []
        hasher = passwords._current()
        true_verify = hasher.verify
        monkeypatch.setattr(
            hasher, "verify", lambda p, h: (verified.append(h), true_verify(p, h))[1]
        )
        await sign_in(client, "nobody")
        assert len(verified) == 1

    async def test_a_disabled_account_is_refused_like_a_wrong_password(
        self, client: httpx.AsyncClient, hire: Hire, admin: Person
    ) -> None:
        person = await hire("wang", (Role.AGENT, None))
        await client.post(f"/users/{person.id}/disable", headers=admin.headers)
        answer = await sign_in(client, "wang")
        assert answer.status_code == 401
        assert answer.json()["type"].endswith("invalid-credentials")

    async def test_the_device_of_before_is_signed_out(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        await hire("wang")
        await hire("li")
        device = {"id": str(uuid4()), "name": "P40", "platform": "android"}
        first = (await sign_in(client, "wang", device=device)).json()
        second = (await sign_in(client, "li", device=device)).json()
        headers = [{"Authorization": f"Bearer {each['access_token']}"} for each in (first, second)]
        assert (await client.get("/me", headers=headers[0])).status_code == 401
        me = await client.get("/me", headers=headers[1])
        assert me.json()["device_id"] == device["id"]

    async def test_a_request_that_comes_twice_leaves_the_phone_signed_in(
        self, client: httpx.AsyncClient, hire: Hire, later: Callable[[timedelta], None]
    ) -> None:
        await hire("wang")
        device = {"id": str(uuid4()), "name": "P40", "platform": "android"}
        answered = (await sign_in(client, "wang", device=device)).json()
        twin = (await sign_in(client, "wang", device=device)).json()  # whose answer nobody hears
        headers = {"Authorization": f"Bearer {answered['access_token']}"}
        both = (await client.get("/me/sessions", headers=headers)).json()["items"]
        used = {"refresh_token": answered["refresh_token"], "device_id": device["id"]}
        assert (await client.post("/auth/refresh", json=used)).status_code == 200
        left = (await client.get("/me/sessions", headers=headers)).json()["items"]
        assert {each["id"] for each in both} - {each["id"] for each in left} == {twin["session_id"]}
        later(timedelta(seconds=61))
        await sign_in(client, "wang", device=device)
        assert (await client.get("/me", headers=headers)).status_code == 401

    async def test_a_device_that_changes_hands_brings_nothing_of_the_former_person(
        self, client: httpx.AsyncClient, hire: Hire, database: Database
    ) -> None:
        former, taker = await hire("wang", (Role.AGENT, None)), await hire("li")
        device = {"id": str(uuid4()), "name": "P40", "platform": "android"}
        await sign_in(client, "wang", device=device)
        address = PushAddress(
            user_id=former.id,
            device_id=UUID(device["id"]),
            provider="fcm",
            kind="token",
            address="a",
            registered_at=clock.now(),
        )
        before = PhoneCommand(
            id=uuid4(),
            user_id=former.id,
            device_id=UUID(device["id"]),
            device_seq=41,
            kind="accept",
            body={},
            body_hash="",
            client_at=clock.now(),
            received_at=clock.now(),
            outcome="applied",
            answer={},
        )
        async with database.transaction() as session:
            session.add(before)
            kept = await session.get_one(Device, UUID(device["id"]))
            kept.last_command_seq, kept.skew_ms, kept.last_seen_at = 41, 90_000, clock.now()
            session.add(address)
        await sign_in(client, "wang", device=device)
        async with database.transaction() as session:
            same = await session.get_one(Device, kept.id)
            assert (same.last_command_seq, same.skew_ms) == (41, 90_000)
            assert (await session.get_one(PushAddress, address.id)).dead_at is None
        await sign_in(client, "li", device=device)
        async with database.transaction() as session:
            taken = await session.get_one(Device, kept.id)
            assert (taken.user_id, taken.last_command_seq) == (taker.id, 0)
            assert (taken.skew_ms, taken.last_seen_at) == (None, None)
            assert (await session.get_one(PushAddress, address.id)).dead_at is not None
            records = await session.exec(select(AuditRecord).where(AuditRecord.subject == "device"))
            told = [(each.principal_id, each.action, each.detail) for each in records]
        assert told == [(taker.id, "took_over", {"former_user_id": str(former.id)})]
        await sign_in(client, "wang", device=device)
        async with database.transaction() as session:
            back = await session.get_one(Device, kept.id)
        assert (back.user_id, back.last_command_seq) == (former.id, 41), "the count goes on"

    async def test_bad_input_is_told_as_such(self, client: httpx.AsyncClient) -> None:
        for body in BAD_LOGINS:
            answer = await client.post(
                "/auth/login", content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 422, body
            assert answer.headers["content-type"] == "application/problem+json"


class TestThrottle:
    async def test_failures_of_one_name_shut_it_even_for_the_right_password(
        self, client: httpx.AsyncClient, hire: Hire, database: Database
    ) -> None:
        await hire("wang")
        await hire("li")
        for _ in range(throttle.PER_USERNAME):
            assert (await sign_in(client, "wang", "guess")).status_code == 401
        refused = await sign_in(client, "wang")
        assert refused.status_code == 429
        wait_s = int(refused.headers["retry-after"])
        assert 0 < wait_s <= throttle.WINDOW.total_seconds()
        assert refused.json()["retry_after_s"] == wait_s
        assert (await sign_in(client, "li")).status_code == 200
        async with database.transaction() as session:
            kept = (await session.exec(select(LoginAttempt))).all()
        assert len(kept) == throttle.PER_USERNAME

    async def test_an_unknown_name_is_shut_just_as_well(self, client: httpx.AsyncClient) -> None:
        for _ in range(throttle.PER_USERNAME):
            await sign_in(client, "nobody", "guess")
        assert (await sign_in(client, "nobody", "guess")).status_code == 429

    async def test_it_opens_again_when_the_window_has_passed(
        self, client: httpx.AsyncClient, hire: Hire, later: Callable[[timedelta], None]
    ) -> None:
        await hire("wang")
        for _ in range(throttle.PER_USERNAME + 1):
            await sign_in(client, "wang", "guess")
        later(throttle.WINDOW + timedelta(seconds=1))
        assert (await sign_in(client, "wang")).status_code == 200

    async def test_a_success_forgets_the_failures(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        await hire("wang")
        for _ in range(throttle.PER_USERNAME - 1):
            await sign_in(client, "wang", "guess")
        assert (await sign_in(client, "wang")).status_code == 200
        assert (await sign_in(client, "wang", "guess")).status_code == 401

    async def test_one_address_cannot_try_many_names(
        self, client: httpx.AsyncClient, hire: Hire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await hire("wang")
        monkeypatch.setattr(throttle, "PER_ADDRESS", 3)
        for number in range(3):
            assert (await sign_in(client, f"name{number}", "guess")).status_code == 401
        assert (await sign_in(client, "wang")).status_code == 429

    async def test_sign_ins_under_way_do_not_count_for_the_address(
        self,
        client: httpx.AsyncClient,
        hire: Hire,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await hire("wang")
        monkeypatch.setattr(throttle, "PER_ADDRESS", 1)
        async with database.transaction() as session:
            await throttle.admit(session, "li", "127.0.0.1")
        assert (await sign_in(client, "wang")).status_code == 200

    async def test_guesses_sent_side_by_side_are_counted_before_they_are_tried(
        self, database: Database
    ) -> None:
        for _ in range(throttle.PER_USERNAME):
            async with database.transaction() as session:
                await throttle.admit(session, "wang", "10.0.0.1")
        with pytest.raises(throttle.TooManyAttempts):
            async with database.transaction() as session:
                await throttle.admit(session, "wang", "10.0.0.2")


class TestMySessions:
    async def test_a_lost_phone_can_be_signed_out_from_elsewhere(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        device = {"id": str(uuid4()), "name": "P40", "platform": "android"}
        phone = (await sign_in(client, "wang", device=device)).json()
        listed = (await client.get("/me/sessions", headers=person.headers)).json()["items"]
        assert [(each["device_name"], each["current"]) for each in listed] == [
            ("P40", False),
            (None, True),
        ]
        path = f"/me/sessions/{phone['session_id']}"
        assert (await client.delete(path, headers=person.headers)).status_code == 204
        bearer = {"Authorization": f"Bearer {phone['access_token']}"}
        assert (await client.get("/me", headers=bearer)).status_code == 401
        left = (await client.get("/me/sessions", headers=person.headers)).json()["items"]
        assert [each["current"] for each in left] == [True]

    async def test_somebody_elses_sign_in_is_not_found(
        self, client: httpx.AsyncClient, hire: Hire, database: Database
    ) -> None:
        person, other = await hire("wang"), await hire("li")
        path = f"/me/sessions/{other.session_id}"
        assert (await client.delete(path, headers=person.headers)).status_code == 404
        async with database.transaction() as session:
            row = await session.get_one(LoginSession, other.session_id)
        assert row.revoked_at is None


class TestLogout:
    async def test_the_token_is_refused_from_then_on(
        self, client: httpx.AsyncClient, hire: Hire
    ) -> None:
        person = await hire("wang")
        assert (await client.post("/auth/logout", headers=person.headers)).status_code == 204
        assert (await client.get("/me", headers=person.headers)).status_code == 401
