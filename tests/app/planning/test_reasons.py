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
from app.work_orders import assignments, service
from app.work_orders.acts import Act
from tests.app.planning.conftest import Run, Take
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
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE work_orders SET state = 'CLOSED', assignment_id = NULL")
            )
            await session.execute(text("UPDATE assignments SET ended_at = now()"))
        assert await why(order) == fresh

    async def test_a_dispatcher_who_decides_otherwise_ends_it(
        self,
        take: Take,
        plan: Run,
        database: Database,
        why: Any,
        client: httpx.AsyncClient,
        as_: Headers,
    ) -> None:
        order = await take()
        await plan()
        await sent_reasons.work_out(database)
        told = await why(order)
        url = f"/work-orders/{order['id']}/assign"
        for crew in (told["others"][0]["crew_id"], told["chosen"]["crew_id"]):
            by_hand = {"crew_id": crew, "reason": "knows the house"}
            answer = await client.post(url, json=by_hand, headers=as_("dispatcher"))
            assert answer.status_code == 200, answer.text
            assert await why(order) is None, "people have decided, this crew or another"

    async def test_a_hold_that_ends_with_the_same_crew_decides_nothing(
        self, take: Take, plan: Run, database: Database, why: Any
    ) -> None:
        order = await take()
        await plan()
        await sent_reasons.work_out(database)
        told = await why(order)
        clock.advance(timedelta(minutes=1))
        async with database.transaction() as session:
            row = await service.locked_any(session, UUID(order["id"]))
            crew_id = UUID(told["chosen"]["crew_id"])
            await session.execute(
                text(
                    "UPDATE assignments SET ended_at = :at, ended_why = 'held'"
                    " WHERE order_id = :order"
                ),
                {"at": clock.now(), "order": row.id},
            )
            row.state, row.assignment_id = "NEW", None
            await session.flush()
            await assignments.assign(
                session, row, crew_id, Act.by_planner(), how="auto", reason="resumed"
            )
        assert await why(order) == told

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
