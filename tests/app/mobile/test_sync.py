"""GET /mobile/sync: nothing is lost, nobody else's work is told, phones are masked."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import feed, settings
from app.core.db import Database, count_statements
from app.core.permissions import Role
from app.identity.service import principal_of_user
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World


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


async def _last_feed_ids(
    database: Database, slow: AsyncSession, slow_id: str, fast_id: str
) -> tuple[int, int]:
    """Row ids as each transaction sees its own."""
    query = text("SELECT max(id) FROM change_feed WHERE entity_id = cast(:id AS uuid)")
    first = (await slow.execute(query, {"id": slow_id})).scalar_one()
    async with database.transaction() as session:
        second = (await session.execute(query, {"id": fast_id})).scalar_one()
    return first, second
