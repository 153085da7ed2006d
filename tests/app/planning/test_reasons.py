"""Why a crew was sent an order is kept beside its dispatch."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.core import clock
from app.core.db import Database
from app.planning import policy, retention, sent_reasons
from app.planning.context import Planner
from app.planning.danger import dispatch_danger
from tests.app.planning.conftest import EAST, Run, Take
from tests.app.planning.test_questions import at_noon
from tests.conftest import Headers

Order = dict[str, Any]


@pytest.fixture
def why(client: httpx.AsyncClient, as_: Headers) -> Any:
    """`await why(order)`: what the desk is told."""

    async def ask(order: Order) -> Any:
        answer = await client.get(f"/work-orders/{order['id']}/plan", headers=as_("chief1"))
        assert answer.status_code == 200, answer.text
        return answer.json()["why"]

    return ask


@pytest.fixture
def command(client: httpx.AsyncClient, as_: Headers) -> Any:
    """`await command("chief1", "/approvals/7/decide", approved=True)`: the answer."""

    async def post(who: str, path: str, **body: Any) -> Any:
        answer = await client.post(path, json=body, headers=as_(who))
        assert answer.is_success, answer.text
        return answer.json()

    return post


async def approved(command: Any, order: Order, what: str, **body: Any) -> None:
    """Asked for by the dispatcher, decided by the chief."""
    asked = await command("dispatcher1", f"/work-orders/{order['id']}/{what}", **body)
    await command("chief1", f"/approvals/{asked['id']}/decide", approved=True)


async def hold(command: Any, order: Order) -> None:
    body: dict[str, Any] = {"reason": "customer_absent", "note": "nobody at home"}
    body["until"] = (clock.now() + timedelta(hours=1)).isoformat()
    body["proof"] = {"kind": "sms", "reference": "0115-08"}
    await approved(command, order, "hold", **body)


async def closed(database: Database) -> None:
    async with database.transaction() as session:
        ended = text("UPDATE work_orders SET state = 'CLOSED', assignment_id = NULL")
        await session.execute(ended)
        await session.execute(text("UPDATE assignments SET ended_at = now()"))


async def forget_problems(database: Database) -> None:
    """As newer runs do."""
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM planning_problems"))


async def kept(database: Database) -> list[tuple[str, bool]]:
    async with database.transaction() as session:
        rows = await session.execute(text("SELECT decided_by, pending FROM sent_reasons"))
        return [(row[0], row[1]) for row in rows]


class TestSentByPlan:
    async def test_the_reason_outlives_the_run_and_the_order(
        self, take: Take, plan: Run, database: Database, why: Any
    ) -> None:
        order = await take()
        run = await plan()
        fresh = await why(order)
        assert fresh["decided_by"] == "plan" and fresh["cannot"] == []
        assert await kept(database) == [("plan", True)]
        await sent_reasons.work_out(database)
        assert await kept(database) == [("plan", False)]
        await forget_problems(database)
        assert await why(order) == fresh
        assert run.result is not None
        assert fresh["planned_at"] == run.result["planned_at"].replace("+00:00", "Z")
        clock.advance(timedelta(days=3))
        await closed(database)
        assert await why(order) == fresh

    @pytest.mark.parametrize("worked_out", [True, False])
    async def test_a_hold_that_ends_with_the_same_crew_decides_nothing(
        self, take: Take, plan: Run, database: Database, why: Any, command: Any, worked_out: bool
    ) -> None:
        order = await take()
        await plan()
        if worked_out:
            await sent_reasons.work_out(database)
        told = await why(order)
        assert told["decided_by"] == "plan"
        await hold(command, order)
        assert await why(order) == told
        url = f"/work-orders/{order['id']}/resume"
        assert (await command("dispatcher1", url, reason="back"))["state"] == "SENT"
        assert await why(order) == told

    async def test_one_that_cannot_be_worked_out_keeps_no_other_waiting(
        self,
        take: Take,
        plan: Run,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        await take()
        await take(EAST)
        await plan()
        assert await kept(database) == [("plan", True)] * 2
        why_planned, asked = sent_reasons.why_planned, []

        def first_fails(found: Any, serial: str, crew_id: Any) -> Any:
            asked.append(serial)
            if len(asked) == 1:
                raise RuntimeError("no such order")
            return why_planned(found, serial, crew_id)

        monkeypatch.setattr(sent_reasons, "why_planned", first_fails)
        await sent_reasons.work_out(database)
        assert await kept(database) == [("plan", False)] * 2
        async with database.transaction() as session:
            rows = await session.execute(text("SELECT reason IS NULL FROM sent_reasons"))
            assert sorted(row[0] for row in rows) == [False, True]
        assert f"why {asked[0]} was sent" in caplog.text

    async def test_the_problem_stays_until_it_has_been_worked_out(
        self, take: Take, plan: Run, database: Database, why: Any
    ) -> None:
        order = await take()
        first = await plan()
        for _ in range(policy.KEPT_PROBLEMS[True]):
            await plan()
        problems = text("SELECT run_id FROM planning_problems ORDER BY run_id")
        async with database.transaction() as session:
            rows = [row[0] for row in await session.execute(problems)]
            assert first.id in rows and len(rows) == policy.KEPT_PROBLEMS[True] + 1
        await sent_reasons.work_out(database)
        await plan()
        async with database.transaction() as session:
            rows = [row[0] for row in await session.execute(problems)]
            assert first.id not in rows and len(rows) == policy.KEPT_PROBLEMS[True]
        assert (await why(order))["chosen"]

    async def test_a_run_without_a_problem_is_not_asked_again(
        self, take: Take, plan: Run, database: Database, why: Any
    ) -> None:
        order = await take()
        await plan()
        await forget_problems(database)
        await sent_reasons.work_out(database)
        assert await kept(database) == [("plan", False)]
        assert await why(order) is None


class TestDecidedByHand:
    async def test_no_later_step_of_it_has_a_why_of_the_planners(
        self, take: Take, plan: Run, why: Any, command: Any, database: Database
    ) -> None:
        """The last plan that knew the order had another crew for it."""
        order = await take(fault_code="H26", appointment=at_noon())
        await plan()
        crew_id = (await why(order))["others"][0]["crew_id"]
        url = f"/work-orders/{order['id']}"
        await command("dispatcher", f"{url}/assign", crew_id=crew_id, reason="knows the house")
        assert await why(order) is None
        await hold(command, order)
        assert await why(order) is None
        resumed = await command("dispatcher1", f"{url}/resume", reason="back")
        assert resumed["state"] == "SENT" and resumed["holder"]["crew_id"] == crew_id
        assert await why(order) is None
        await approved(command, order, "cancel", reason="by mistake")
        assert await why(order) is None
        await closed(database)
        assert await why(order) is None

    async def test_it_ends_what_was_kept_this_crew_or_another(
        self, take: Take, plan: Run, database: Database, why: Any, command: Any
    ) -> None:
        order = await take()
        await plan()
        await sent_reasons.work_out(database)
        told = await why(order)
        url = f"/work-orders/{order['id']}"
        await command("dispatcher", f"{url}/withdraw", reason="other plan")
        assert await why(order) is None, "it waits, and has no visit"
        for crew in (told["chosen"]["crew_id"], told["others"][0]["crew_id"]):
            await command("dispatcher", f"{url}/assign", crew_id=crew, reason="resumed")
            assert await why(order) is None


class TestDanger:
    async def test_the_proposals_are_kept(
        self, take: Take, planner: Planner, database: Database, why: Any
    ) -> None:
        order = await take(fault_code="H07")
        crew_id = await dispatch_danger(planner, UUID(order["id"]))
        assert await kept(database) == [("danger", False)]
        told = await why(order)
        assert told["decided_by"] == "danger" and told["chosen"]["crew_id"] == str(crew_id)
        assert len(told["others"]) == 2 and told["zh"] and told["en"]
        prices = [each["price_s"] for each in told["others"]]
        assert prices == sorted(prices)
        for each in (told["chosen"], *told["others"]):
            assert sum(each["terms_s"].values()) == each["price_s"]
            assert each["price_s"] - told["chosen"]["price_s"] == each["dearer_s"]


class TestRetention:
    async def test_they_go_when_messages_go(
        self, take: Take, plan: Run, database: Database
    ) -> None:
        await take()
        await plan()
        assert await retention.purge(database) == 0
        clock.advance(timedelta(days=401))
        assert await retention.purge(database) == 1
        assert await kept(database) == []
