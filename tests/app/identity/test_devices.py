"""A lost phone is out of use at once, and limits keep a broken one from starving the others."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.core.permissions import Role
from app.core.scope import Grant, Principal
from app.core.settings import Settings
from app.identity.errors import TooManyRequests
from app.identity.limits import Buckets, PhoneLimits
from tests.conftest import Headers
from tests.factories.world import PASSWORD, World

WHY = {"reason": "落在出租车上"}


def sign_in(world: World) -> dict[str, object]:
    device = {"id": str(world.devices["tech01"]), "name": "P40", "platform": "android"}
    return {"username": "tech01", "password": PASSWORD, "device": device}


class TestRevocation:
    async def test_the_chief_ends_it_with_the_next_request_until_it_is_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        lost = f"/devices/{world.devices['tech01']}/revocation"
        assert (await client.get("/mobile/sync", headers=as_("tech01"))).status_code == 200
        stranger = await client.post(lost, json=WHY, headers=as_("chief2"))
        assert stranger.status_code == 404
        done = await client.post(lost, json=WHY, headers=as_("chief1"))
        assert done.status_code == 200, done.text
        assert done.json()["revoked_why"] == WHY["reason"]
        assert (await client.get("/mobile/sync", headers=as_("tech01"))).status_code == 401
        refused = await client.post("/auth/login", json=sign_in(world))
        assert refused.status_code == 403
        assert refused.json()["type"].endswith("device-revoked")
        listed = (await client.get("/devices", headers=as_("chief1"))).json()
        revoked = [each["user_name"] for each in listed if each["revoked_at"]]
        assert revoked == ["Tech01"]
        assert {each["user_name"] for each in listed} == {"Tech01", "Tech02", "Tech03", "Tech04"}
        assert (await client.delete(lost, headers=as_("chief1"))).status_code == 200
        assert (await client.post("/auth/login", json=sign_in(world))).status_code == 200

    async def test_its_owner_ends_it_and_nobody_elses(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        own = f"/me/devices/{world.devices['tech01']}/revocation"
        assert (await client.post(own, json=WHY, headers=as_("tech02"))).status_code == 404
        assert (await client.get("/me/devices", headers=as_("tech01"))).json()[0]["id"] == str(
            world.devices["tech01"]
        )
        assert (await client.post(own, json=WHY, headers=as_("tech01"))).status_code == 200
        assert (await client.get("/me", headers=as_("tech01"))).status_code == 401
        assert (await client.get("/me", headers=as_("tech02"))).status_code == 200


class TestLimits:
    def test_a_bucket_gives_its_burst_then_its_rate(self) -> None:
        buckets, key = Buckets(rate=2, burst=3), ("device", uuid4())
        assert [buckets.wait_s(key, 1, 0, 1) for _ in range(4)] == [0, 0, 0, 0.5]
        assert buckets.wait_s(key, 1, 0.5, 1) == 0
        assert buckets.wait_s(key, 1, 0.5, 1) == 0.5
        assert buckets.wait_s(("device", uuid4()), 1, 0.5, 1) == 0

    def test_what_came_beyond_the_burst_is_waited_for(self) -> None:
        buckets, key = Buckets(rate=1, burst=10), ("device", uuid4())
        buckets.charge(key, 25, 0, 1)
        assert buckets.wait_s(key, 0, 0, 1) == 15
        assert buckets.wait_s(key, 0, 15, 1) == 0

    def test_only_phones_are_counted_and_a_person_with_two_has_twice_as_much(
        self, config: Settings
    ) -> None:
        few = {"phone_requests_burst": 10, "phone_requests_per_s": 0.001}
        limits = PhoneLimits(config.model_copy(update=few))
        person, phones = uuid4(), [uuid4() for _ in range(3)]
        for _ in range(100):
            limits.admit(Principal(person, "desk"))
        for phone in phones[:2]:
            for _ in range(10):
                limits.admit(Principal(person, "t", device_id=phone))
            with pytest.raises(TooManyRequests):
                limits.admit(Principal(person, "t", device_id=phone))
        with pytest.raises(TooManyRequests) as refused:
            limits.admit(Principal(person, "t", device_id=phones[2]))
        assert refused.value.members["limit"] == "requests per user"

    def test_a_technician_does_not_escape_by_naming_no_device(self, config: Settings) -> None:
        few = {"phone_requests_burst": 10, "phone_requests_per_s": 0.001}
        limits = PhoneLimits(config.model_copy(update=few))
        grants = (Grant(Role.TECHNICIAN, None),)
        bare = Principal(uuid4(), "t", grants, session_id=uuid4())
        for _ in range(10):
            limits.admit(bare)
        with pytest.raises(TooManyRequests):
            limits.admit(bare)
        again = replace(bare, session_id=uuid4())
        for _ in range(10):
            limits.admit(again)
        with pytest.raises(TooManyRequests) as refused:
            limits.admit(replace(bare, session_id=uuid4()))
        assert refused.value.members["limit"] == "requests per user"

    async def test_a_phone_over_its_limit_is_told_when_to_come_again(
        self, client: httpx.AsyncClient, app: FastAPI, as_: Headers, config: Settings
    ) -> None:
        """Counted as it came, in pieces and without a length."""
        small = {"phone_bytes_burst": 10, "phone_bytes_per_s": 1.0}
        before = app.state.phone_limits
        app.state.phone_limits = PhoneLimits(config.model_copy(update=small))
        try:
            fix = (
                b'{"at": "2026-01-15T00:00:00Z", "place": {"lon": 117, "lat": 36}, "accuracy_m": 8}'
            )
            headers = as_("tech01") | {"Content-Type": "application/json"}

            async def pieces() -> AsyncIterator[bytes]:
                yield b'{"fixes": ['
                yield fix
                yield b"]}"

            codes = []
            for _ in range(2):
                sent = await client.post("/mobile/positions", content=pieces(), headers=headers)
                codes.append(sent.status_code)
            answer = await client.get("/me", headers=as_("tech01"))
        finally:
            app.state.phone_limits = before
        assert codes == [200, 429]
        assert answer.status_code == 429
        assert answer.json()["type"].endswith("too-many-requests")
        assert int(answer.headers["Retry-After"]) >= 1
