"""Clock-in, clock-out, and where a technician was last heard of."""

from datetime import timedelta

import httpx
from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation import service
from app.organisation.models import Presence
from app.organisation.places import place_out
from tests.conftest import Headers
from tests.factories.world import NOW, World

HERE = {"place": {"lon": 117.03, "lat": 36.64}}


class TestClockIn:
    async def test_opens_attendance_and_goes_online(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        await client.post("/mobile/clock-out", headers=as_("tech03"))
        answer = await client.post("/mobile/clock-in", headers=as_("tech03"), json=HERE)
        assert answer.status_code == 201
        assert answer.json() == {"clock_in_at": "2026-01-15T00:00:00Z", "clock_out_at": None}
        assert (await service.capability(session, world.crews["A2"], NOW)).online

    async def test_twice_is_refused(self, client: httpx.AsyncClient, as_: Headers) -> None:
        answer = await client.post("/mobile/clock-in", headers=as_("tech03"), json={})
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:paigong:problem:already-clocked-in"
        assert answer.json()["since"] == "2026-01-14T23:00:00+00:00"

    async def test_a_repeated_request_replays_its_answer(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        await client.post("/mobile/clock-out", headers=as_("tech03"))
        headers = as_("tech03")
        first = await client.post("/mobile/clock-in", headers=headers, json={})
        second = await client.post("/mobile/clock-in", headers=headers, json={})
        assert (first.status_code, second.status_code) == (201, 201)
        assert second.headers["Idempotent-Replay"] == "true"

    async def test_the_office_has_no_phone(self, client: httpx.AsyncClient, as_: Headers) -> None:
        answer = await client.post("/mobile/clock-in", headers=as_("agent"), json={})
        assert answer.status_code == 403


class TestClockOut:
    async def test_forgets_the_position(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        answer = await client.post("/mobile/clock-out", headers=as_("tech01"))
        assert answer.json()["clock_out_at"] == "2026-01-15T00:00:00Z"
        presence = await session.get_one(Presence, world.technicians["tech01"])
        assert (presence.online, presence.location, presence.location_at) == (False, None, None)

    async def test_without_clock_in_is_refused(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        await client.post("/mobile/clock-out", headers=as_("tech01"))
        answer = await client.post("/mobile/clock-out", headers=as_("tech01"))
        assert answer.json()["type"] == "urn:paigong:problem:not-clocked-in"


class TestTouchPresence:
    async def test_an_older_report_never_replaces_a_newer(
        self, session: AsyncSession, world: World
    ) -> None:
        technician_id = world.technicians["tech01"]
        stored = await service.touch_presence(
            session, technician_id, NOW - timedelta(minutes=1), (117.09, 36.69)
        )
        presence = await session.get_one(Presence, technician_id)
        assert stored and presence.seen_at == NOW
        assert place_out(presence.location).lon == 117.05

    async def test_a_report_without_place_keeps_the_last_one(
        self, session: AsyncSession, world: World
    ) -> None:
        technician_id = world.technicians["tech01"]
        later = NOW + timedelta(minutes=1)
        await service.touch_presence(session, technician_id, later)
        presence = await session.get_one(Presence, technician_id)
        assert (presence.seen_at, presence.location_at) == (later, NOW)
        assert place_out(presence.location).lon == 117.05

    async def test_a_place_measured_before_the_phone_was_heard_is_the_newest_known(
        self, session: AsyncSession, world: World
    ) -> None:
        technician_id = world.technicians["tech01"]
        heard, measured = NOW + timedelta(minutes=5), NOW + timedelta(minutes=2)
        await service.touch_presence(session, technician_id, heard)
        await service.touch_presence(
            session, technician_id, heard, (117.08, 36.68), measured_at=measured
        )
        presence = await session.get_one(Presence, technician_id)
        assert (presence.seen_at, presence.location_at) == (heard, measured)
        assert place_out(presence.location).lon == 117.08
