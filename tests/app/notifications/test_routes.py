"""Push addresses and counts over HTTP."""

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from app.core.db import Database
from app.identity.models import LoginSession
from app.notifications.delivery import deliver
from app.notifications.fcm import FcmChannel
from tests.app.notifications.conftest import Register
from tests.app.notifications.fake_server import FakeFcm
from tests.app.notifications.records import addresses, dispatch_of, notifications
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World

ADDRESS = {"provider": "fcm", "kind": "fid", "address": "fJ4Kx0_a:b-1"}


class TestPutAddress:
    """PUT /mobile/push-address"""

    async def test_a_new_address_replaces_the_devices_old_one(
        self, register: Register, database: Database, world: World
    ) -> None:
        old, new = await register("tech01"), await register("tech01")
        rows = await addresses(database)
        assert rows[old].dead_why == "replaced"
        assert rows[new].dead_at is None
        assert rows[new].device_id == world.devices["tech01"]

    async def test_a_phone_handed_on_wakes_its_new_owner_only(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        for username in ("tech01", "tech03"):
            answer = await client.put("/mobile/push-address", json=ADDRESS, headers=as_(username))
            assert answer.status_code == 200
        (row,) = (await addresses(database)).values()
        assert row.user_id == world.users["tech03"]

    async def test_the_answer_does_not_repeat_the_address(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        answer = await client.put("/mobile/push-address", json=ADDRESS, headers=as_("tech01"))
        assert set(answer.json()) == {"id", "provider", "kind", "registered_at"}

    async def test_without_a_device_there_is_nothing_to_wake(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        async with database.transaction() as session:
            await session.execute(
                update(LoginSession)
                .where(col(LoginSession.user_id) == world.users["tech01"])
                .values(device_id=None)
            )
        answer = await client.put("/mobile/push-address", json=ADDRESS, headers=as_("tech01"))
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:paigong:problem:no-device"

    @pytest.mark.parametrize(
        "wrong", [{"provider": "pigeon"}, {"kind": "x"}, {"address": "a b"}, {"more": 1}]
    )
    async def test_what_is_no_address_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, wrong: dict[str, object]
    ) -> None:
        answer = await client.put(
            "/mobile/push-address", json=ADDRESS | wrong, headers=as_("tech01")
        )
        assert answer.status_code == 422


class TestSummary:
    """GET /notifications/summary"""

    async def test_it_counts_what_was_sent_acknowledged_and_died_in_the_callers_stations(
        self,
        client: httpx.AsyncClient,
        as_: Headers,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        await register("tech01")
        fcm_server.script(await register("tech02"), "unregistered")
        await desk.sent(crew="A1")
        for row in await notifications(database):
            dispatch = await dispatch_of(database, row.id)
            await deliver(database, {"fcm": fcm}, dispatch.id)
        await Phone(client, as_("tech01")).pulls()
        expected = {
            "total": 2,
            "sent": 1,
            "queued": 0,
            "moot": 0,
            "no_address": 1,
            "failed": 0,
            "acknowledged": 1,
            "accepted": 1,
            "attempts": {"accepted": 1, "unregistered": 1},
            "dead": 1,
        }
        for username in ("dispatcher", "chief1"):
            answer = await client.get("/notifications/summary", headers=as_(username))
            assert answer.json() == expected
        foreign = (await client.get("/notifications/summary", headers=as_("chief2"))).json()
        assert (foreign["total"], foreign["accepted"], foreign["dead"]) == (0, 0, 0)

    async def test_only_messages_since_an_instant(
        self, client: httpx.AsyncClient, as_: Headers, desk: Desk
    ) -> None:
        await desk.sent(crew="A1")
        for since, total in (("2026-01-15T08:00:00+08:00", 2), ("2026-01-15T00:00:01Z", 0)):
            answer = await client.get(
                "/notifications/summary", params={"since": since}, headers=as_("chief1")
            )
            assert answer.json()["total"] == total

    async def test_a_technician_may_not_read_it(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        answer = await client.get("/notifications/summary", headers=as_("tech01"))
        assert answer.status_code == 403
