"""GET /mobile/sync: what a cursor says, and what a phone has shown to know by it."""

import asyncio
import json
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import select

from app.core import clock, feed
from app.core.db import Database
from app.identity.models import Device
from app.notifications.models import Notification
from app.organisation.models import CrewMember, Presence
from app.travel.arrivals import refresh
from tests.app.travel.conftest import MadeUpRoads
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import NOW, World


async def purged(database: Database) -> None:
    """Purge until all is gone: a neighbour's open transaction may hold rows for a moment."""
    for _ in range(200):
        async with database.transaction() as session:
            await feed.purge(session)
            if not (await session.execute(text("SELECT count(*) FROM change_feed"))).scalar_one():
                return
        await asyncio.sleep(0.02)
    raise AssertionError("old changes are still there")


class TestArrivals:
    async def test_a_job_says_when_the_crew_is_expected_and_again_when_that_moved(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        await leader.sync()
        assert leader.jobs[order_id]["eta"] is None
        roads = MadeUpRoads()
        await refresh(database, roads)
        await leader.sync_until(lambda body: bool(body["jobs"]))
        first = leader.jobs[order_id]["eta"]
        assert first["earliest_at"] < first["arrive_at"] < first["latest_at"]
        clock.advance(timedelta(minutes=10))
        await refresh(database, roads)
        await leader.sync_until(lambda body: bool(body["jobs"]))
        assert leader.jobs[order_id]["eta"]["arrive_at"] > first["latest_at"]
        leader.cursor = None
        await leader.sync()
        assert set(leader.jobs[order_id]["eta"]) == {"arrive_at", "earliest_at", "latest_at"}

    async def test_an_empty_answer_stays_small(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        await desk.sent()
        await refresh(database, MadeUpRoads())
        await leader.sync_until(lambda body: not body["settling"])
        for _ in range(50):
            body = await leader.sync()
            if not body["jobs"]:
                break
        assert body["jobs"] == []
        told = {name: each for name, each in body.items() if name not in ("crews", "catalogue")}
        assert len(json.dumps(told, separators=(",", ":"))) <= 300


class TestCursor:
    async def test_a_phone_that_was_away_while_changes_were_purged_is_synchronised_fully(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        await leader.sync()
        stayed_away = leader.cursor
        order_id = await desk.sent()
        await leader.sync_until(lambda body: bool(body["jobs"]))
        async with database.transaction() as session:
            old = {"at": clock.now() - feed.KEPT - timedelta(seconds=1)}
            await session.execute(text("UPDATE change_feed SET at = :at"), old)
        await purged(database)
        leader.cursor, leader.jobs = stayed_away, {}
        assert (await leader.sync())["mode"] == "full"
        assert list(leader.jobs) == [order_id]
        assert (await leader.sync())["mode"] == "changes"

    async def test_younger_changes_are_kept(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        await leader.sync()
        await desk.sent()
        with clock.frozen(clock.now() + feed.KEPT):
            async with database.transaction() as session:
                await feed.purge(session)
        assert (await leader.sync_until(lambda body: bool(body["jobs"])))["mode"] == "changes"

    async def test_a_restored_database_is_synchronised_fully(
        self, desk: Desk, leader: Phone
    ) -> None:
        await desk.sent()
        await leader.sync()
        assert leader.cursor is not None
        leader.cursor = "0" * 32 + leader.cursor[32:]
        assert (await leader.sync())["mode"] == "full"

    async def test_a_technician_who_changes_crew_is_synchronised_fully(
        self, desk: Desk, leader: Phone, database: Database, world: World
    ) -> None:
        order_id = await desk.sent(crew="A2")
        await leader.sync()
        async with database.transaction() as session:
            session.add(
                CrewMember(
                    crew_id=world.crews["A2"],
                    technician_id=world.technicians["tech01"],
                    role="helper",
                    since=NOW,
                )
            )
        body = await leader.sync()
        assert body["mode"] == "full"
        assert list(leader.jobs) == [order_id]

    @pytest.mark.parametrize("cursor", ["x", "1.2.3.4", "0" * 32 + ".-1.5.abc", "\x00", "...."])
    async def test_what_is_no_cursor_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, cursor: str
    ) -> None:
        answer = await client.get("/mobile/sync", params={"cursor": cursor}, headers=as_("tech01"))
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:paigong:problem:invalid-input"


class TestHeard:
    async def test_skew_and_presence_are_noted(
        self, leader: Phone, database: Database, world: World
    ) -> None:
        clock.advance(timedelta(minutes=5))
        await leader.sync(device_time=clock.now() + timedelta(seconds=90))
        async with database.transaction() as session:
            device = await session.get_one(Device, world.devices["tech01"])
            presence = await session.get_one(Presence, world.technicians["tech01"])
        assert device.skew_ms == 90_000
        assert device.last_seen_at == clock.now()
        assert presence.seen_at == clock.now()

    async def test_only_a_phone_that_comes_back_with_the_cursor_has_heard_for_its_person_only(
        self, desk: Desk, leader: Phone, database: Database, world: World
    ) -> None:
        """An answer may be lost on its way: that it was sent is the server's word."""
        await leader.pulls()
        before = leader.cursor
        await desk.sent()
        await leader.sync_until(lambda body: bool(body["jobs"]))
        for lost in (None, before):
            leader.cursor = lost
            told = await leader.sync_until(lambda body: bool(body["jobs"]))
            assert told["more"] is True
            assert await _heard_at(database) == dict.fromkeys(_crew(world))
        await leader.pulls()
        assert await _heard_at(database) == dict(zip(_crew(world), (NOW, None), strict=True))
        assert (await leader.sync())["more"] is False

    async def test_a_cursor_of_before_a_joining_says_nothing_of_the_new_crew(
        self, desk: Desk, leader: Phone, other: Phone, database: Database, world: World
    ) -> None:
        await desk.sent(crew="A1")
        await other.pulls()
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE notifications SET user_id = :id WHERE user_id = :was"),
                {"id": world.users["tech03"], "was": world.users["tech02"]},
            )
            joining = CrewMember(
                crew_id=world.crews["A1"],
                technician_id=world.technicians["tech03"],
                role="helper",
                since=NOW,
            )
            session.add(joining)
        assert (await other.sync())["mode"] == "full"
        assert set((await _heard_at(database)).values()) == {None}


def _crew(world: World) -> tuple[UUID, UUID]:
    return world.users["tech01"], world.users["tech02"]


async def _heard_at(database: Database) -> dict[UUID, datetime | None]:
    async with database.transaction() as session:
        rows = (await session.exec(select(Notification))).all()
    return {row.user_id: row.acknowledged_at for row in rows}
