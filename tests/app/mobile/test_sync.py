"""GET /mobile/sync: nothing is lost, nobody else's work is told, phones are masked."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed, settings
from app.core.db import Database, count_statements
from app.core.permissions import Role
from app.identity.models import Device
from app.identity.service import principal_of_user
from app.notifications.models import Notification
from app.organisation.models import CrewMember, Presence
from app.travel.arrivals import refresh
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from tests.app.travel.conftest import MadeUpRoads
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import NOW, World


class TestFull:
    async def test_it_holds_the_crews_open_orders_with_all_that_is_needed_off_line(
        self, desk: Desk, leader: Phone, world: World
    ) -> None:
        order_id = await desk.sent(crew="A1")
        body = await leader.sync()
        assert body["mode"] == "full"
        (job,) = body["jobs"]
        assert job["id"] == order_id
        assert job["state"] == "SENT"
        assert job["crew_id"] == str(world.crews["A1"])
        assert job["address"].startswith("历下区")
        assert (job["unit"], job["room"]) == ("1", "101")
        assert job["place"] == {"lon": 117.02, "lat": 36.65}
        assert job["fault"]["code"] == "H01"
        assert {"A", "F"} <= set(job["evidence"]["required"])
        assert job["due"]["accept_by"] is not None
        assert job["flags"] == ["vulnerable"]
        (crew,) = body["crews"]
        assert [member["role"] for member in crew["members"]] == ["leader", "helper"]
        assert body["catalogue"]["version"] == 1
        assert body["gone"] == []

    async def test_both_members_get_it_and_another_crew_does_not(
        self, desk: Desk, leader: Phone, helper: Phone, other: Phone
    ) -> None:
        order_id = await desk.sent(crew="A1")
        assert [job["id"] for job in (await leader.sync())["jobs"]] == [order_id]
        assert [job["id"] for job in (await helper.sync())["jobs"]] == [order_id]
        assert (await other.sync())["jobs"] == []

    @pytest.mark.parametrize(
        ("fault_code", "guardian", "permit", "points"),
        [("H01", False, False, 0), ("H10", True, False, 5), ("P07", True, True, 8)],
    )
    async def test_dangerous_work_names_guardian_permit_and_checklist(
        self,
        desk: Desk,
        leader: Phone,
        fault_code: str,
        guardian: bool,
        permit: bool,
        points: int,
    ) -> None:
        await desk.sent(crew="A1", fault_code=fault_code)
        safety = (await leader.sync())["jobs"][0]["safety"]
        assert safety["guardian_required"] is guardian
        assert safety["permit_required"] is permit
        assert len(safety["checklist"]) == points
        assert all(point["zh"] and point["en"] for point in safety["checklist"])

    async def test_the_customers_number_is_masked_unless_the_company_shows_it(
        self, desk: Desk, leader: Phone
    ) -> None:
        await desk.sent()
        assert (await leader.sync())["jobs"][0]["caller_phone"] == "139****0001"
        settings.install(settings.current().model_copy(update={"mask_phones": False}))
        leader.cursor = None
        assert (await leader.sync())["jobs"][0]["caller_phone"] == "13900000001"

    @pytest.mark.parametrize("mask_phones", [True, False])
    async def test_a_protected_reporter_has_neither_name_nor_number(
        self, desk: Desk, leader: Phone, database: Database, mask_phones: bool
    ) -> None:
        """DOMAIN I13, whatever the company shows of other orders."""
        await desk.sent()
        async with database.transaction() as session:
            await session.execute(text("UPDATE work_orders SET flags = '{confidential}'"))
        settings.install(settings.current().model_copy(update={"mask_phones": mask_phones}))
        told = await leader.sync()
        (job,) = told["jobs"]
        assert (job["caller_name"], job["caller_phone"]) == ("***", None)
        assert "王女士" not in str(told) and "13900000001" not in str(told)

    async def test_more_jobs_ask_for_no_more_statements(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        counts = []
        seen: list[str] = []
        count_statements(database, seen)
        for premises in ("锦绣家园1-1-101", "锦绣家园1-1-102", "锦绣家园3-1-101"):
            await desk.sent(premises=premises)
            leader.cursor = None
            seen.clear()
            await leader.sync()
            counts.append(len(seen))
        assert len(leader.jobs) == 3
        assert counts[0] == counts[1] == counts[2] <= 24

    async def test_an_agent_may_not_sync(self, client: httpx.AsyncClient, as_: Headers) -> None:
        answer = await client.get("/mobile/sync", headers=as_("agent"))
        assert answer.status_code == 403


class TestChanges:
    async def test_after_a_restore_an_old_cursor_gives_everything_again(
        self, desk: Desk, leader: Phone, database: Database, config: settings.Settings
    ) -> None:
        order_id = await desk.sent()
        await leader.sync()
        before = leader.cursor
        assert (await leader.sync())["mode"] == "changes"
        async with database.transaction() as session:
            # As a dump from a busy cluster comes: numbers far ahead of the new one's.
            await session.execute(text("UPDATE change_feed SET xid = xid + 1000000000"))
            await session.execute(text("UPDATE feed_epoch SET purged_xid = 1000000000"))
        feed.begin_epoch(config.database_url)
        leader.cursor = before
        body = await leader.sync()
        assert (body["mode"], list(leader.jobs)) == ("full", [order_id])
        assert (await leader.sync())["mode"] == "changes"
        await leader.pulls()

    async def test_without_news_nothing_is_told(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        await desk.sent()
        async with database.transaction() as session:
            last = (await session.execute(text("SELECT max(xid) FROM change_feed"))).scalar_one()
        await leader.sync_until(lambda body: int(body["cursor"].split(".")[1]) >= last)
        body = await leader.sync()
        assert (body["mode"], body["jobs"], body["gone"]) == ("changes", [], [])

    async def test_a_new_order_and_its_amendment_come_whole(
        self, desk: Desk, leader: Phone
    ) -> None:
        await leader.sync()
        order_id = await desk.sent()
        body = await leader.sync_until(lambda body: bool(body["jobs"]))
        assert body["mode"] == "changes"
        before = leader.jobs[order_id]["version"]
        await desk.amend(order_id, notes="院门密码 2580")
        await leader.sync_until(lambda body: bool(body["jobs"]))
        assert leader.jobs[order_id]["notes"] == "院门密码 2580"
        assert leader.jobs[order_id]["version"] == before + 1

    async def test_a_reassigned_order_is_gone_for_one_crew_and_new_for_the_other(
        self, desk: Desk, leader: Phone, other: Phone
    ) -> None:
        order_id = await desk.sent(crew="A1")
        await leader.sync()
        await other.sync()
        await desk.assign(order_id, "A2")
        body = await leader.sync_until(lambda body: bool(body["gone"]))
        assert body["gone"] == [order_id]
        assert leader.jobs == {}
        await other.sync_until(lambda body: bool(body["jobs"]))
        assert list(other.jobs) == [order_id]

    async def test_a_withdrawn_order_is_gone(self, desk: Desk, leader: Phone) -> None:
        order_id = await desk.sent()
        await leader.sync()
        await desk.withdraw(order_id)
        await leader.sync_until(lambda body: body["gone"] == [order_id])
        assert order_id not in leader.jobs

    async def test_a_transaction_that_commits_late_is_not_skipped(
        self, desk: Desk, leader: Phone, database: Database, world: World
    ) -> None:
        """The slow one takes its row id first and commits last; `id > cursor` would lose it."""
        slow_id = await desk.sent(premises="锦绣家园1-1-101")
        fast_id = await desk.sent(premises="锦绣家园3-1-101")
        await leader.sync()
        told: set[str] = set()
        async with database.transaction() as slow:
            await _amend(slow, world, slow_id)
            async with database.transaction() as fast:
                await _amend(fast, world, fast_id)
            ids = await _last_feed_ids(database, slow, slow_id, fast_id)
            assert ids[0] < ids[1]
            told |= _amended(await leader.sync())
            assert slow_id not in told
        while told != {slow_id, fast_id}:
            told |= _amended(await leader.sync_until(lambda body: bool(_amended(body))))

    async def test_a_change_that_is_not_readable_yet_asks_the_phone_to_come_again(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        await leader.sync()
        async with database.transaction() as older:
            await older.execute(text("SELECT pg_current_xact_id()"))
            order_id = await desk.sent(crew="A1")
            early = await leader.sync()
            assert early["jobs"] == []
            assert early["settling"] is True
        body = await leader.sync_until(lambda told: bool(told["jobs"]))
        assert [job["id"] for job in body["jobs"]] == [order_id]
        await leader.sync_until(lambda told: not told["settling"])

    async def test_a_full_sync_beside_an_open_transaction_does_not_lose_it_either(
        self, desk: Desk, leader: Phone, database: Database, world: World
    ) -> None:
        order_id = await desk.sent()
        async with database.transaction() as slow:
            await _amend(slow, world, order_id)
            first = await leader.sync()
            assert first["jobs"][0]["notes"] == ""
        await leader.sync_until(lambda body: bool(body["jobs"]))
        while leader.jobs[order_id]["notes"] != "amended":
            await leader.sync_until(lambda body: bool(body["jobs"]))


def _amended(body: dict[str, Any]) -> set[str]:
    return {job["id"] for job in body["jobs"] if job["notes"] == "amended"}


async def _amend(session: AsyncSession, world: World, order_id: str) -> None:
    agent = await principal_of_user(session, world.users["agent"])
    order = await work_orders.locked_any(session, UUID(order_id))
    await work_orders.amend(
        session,
        order,
        Act.now(agent, Role.AGENT),
        version=order.version,
        notes="amended",
    )


async def purged(database: Database) -> None:
    """Purge until all is gone: a neighbour's open transaction may hold rows for a moment."""
    for _ in range(200):
        async with database.transaction() as session:
            await feed.purge(session)
            if not (await session.execute(text("SELECT count(*) FROM change_feed"))).scalar_one():
                return
        await asyncio.sleep(0.02)
    raise AssertionError("old changes are still there")


async def _last_feed_ids(
    database: Database, slow: AsyncSession, slow_id: str, fast_id: str
) -> tuple[int, int]:
    """Row ids as each transaction sees its own."""
    query = text("SELECT max(id) FROM change_feed WHERE entity_id = cast(:id AS uuid)")
    first = (await slow.execute(query, {"id": slow_id})).scalar_one()
    async with database.transaction() as session:
        second = (await session.execute(query, {"id": fast_id})).scalar_one()
    return first, second


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
