"""Danger is sent by insertion at once, without waiting for a full run."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm.exc import StaleDataError

from app.core import clock
from app.core.db import Database
from app.planning import danger as at_once
from app.planning import jobs, repository
from app.planning.context import Planner
from app.planning.danger import dispatch_danger
from app.planning.models import PlannedVisit, PlanningRun
from app.work_orders import assignments, service
from app.work_orders.acts import Act
from tests.app.planning.conftest import Book, Run, SolverHere, Take
from tests.app.planning.test_jobs import context, queued
from tests.app.planning.test_run import offline
from tests.factories.world import World

ONLY_A3 = ("tech01", "tech02", "tech03")


class RoadsWhile:
    """The planner's engine; `meanwhile` runs while roads are asked."""

    def __init__(self, planner: Planner, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self.engine, self.meanwhile = planner.engine, meanwhile

    async def matrix(self, *args: Any) -> Any:
        await self.meanwhile()
        return await self.engine.matrix(*args)


async def events(database: Database, order: dict[str, Any]) -> list[tuple[str, str | None]]:
    async with database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT action, payload ->> 'reason' FROM work_order_events"
                " WHERE order_id = :id ORDER BY seq"
            ),
            {"id": order["id"]},
        )
        return [(row[0], row[1]) for row in rows]


async def somebody_waits(database: Database) -> bool:
    """Whether a transaction waits for another one's lock."""
    async with database.transaction() as session:
        waiting = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool((await session.execute(waiting)).scalar_one())


def in_the_afternoon() -> dict[str, Any]:
    opens = clock.now() + timedelta(hours=4)
    slot = {"starts_at": opens.isoformat(), "ends_at": (opens + timedelta(hours=1)).isoformat()}
    return {"fault_code": "H26", "appointment": slot}


async def is_behind(database: Database, world: World) -> bool:
    async with database.transaction() as session:
        return await repository.is_behind(session, world.stations["S01"])


class TestReport:
    async def test_danger_is_queued_beside_the_request_for_a_plan(
        self, take: Take, database: Database, world: World
    ) -> None:
        await take(fault_code="H07")
        assert await queued(database) == [
            ("planning.danger", f"danger-{world.stations['S01']}"),
        ]

    async def test_the_job_sends_it_with_its_reason_and_no_run(
        self, take: Take, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        order = await take(fault_code="H07")
        await jobs.send_danger(context(planner), order["id"])
        assert await book.state(order) == "SENT"
        action, reason = (await events(database, order))[-1]
        assert action == "sent" and reason is not None
        assert reason.startswith("danger at once: A") and "; next A" in reason
        assert await is_behind(database, world), "a full run has to follow"
        async with database.transaction() as session:
            assert (await session.execute(PlanningRun.__table__.select())).all() == []  # type: ignore[attr-defined]

    async def test_a_failure_leaves_it_to_the_full_run(
        self,
        take: Take,
        planner: Planner,
        book: Book,
        plan: Run,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def fail() -> None:
            raise ConnectionError("no roads today")

        order = await take(fault_code="H07")
        broken = Planner(planner.database, RoadsWhile(planner, fail), planner.solver)  # type: ignore[arg-type]
        await jobs.send_danger(context(broken), order["id"])
        assert await book.state(order) == "NEW"
        assert "ALERT danger order" in caplog.text
        await plan()
        assert await book.state(order) == "SENT"


class TestDispatchDanger:
    async def test_a_lower_priority_gives_way_and_says_so(
        self, take: Take, plan: Run, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, *ONLY_A3)
        opens = clock.now() + timedelta(minutes=90)
        slot = {
            "starts_at": opens.isoformat(),
            "ends_at": (opens + timedelta(minutes=1)).isoformat(),
        }
        calm = []
        for at in ("锦绣家园1-1-101", "锦绣家园1-1-102", "锦绣家园1-2-201", "锦绣家园3-1-101"):
            calm.append(await take(at, fault_code="H26", appointment=slot))
        await plan()
        planned = [order for order in calm if await book.visit(order)]
        assert planned and [await book.state(order) for order in planned] == ["NEW"] * len(planned)
        danger = await take("锦绣家园3-2-201", fault_code="H07")
        assert await dispatch_danger(planner, UUID(danger["id"])) == world.crews["A3"]
        assert await book.state(danger) == "SENT"
        gone = [order for order in planned if await book.visit(order) is None]
        assert len(gone) == 1 and await book.reasons(gone[0]) == ["gave_way"]
        reason = (await events(database, danger))[-1][1]
        assert reason is not None and f"{gone[0]['serial']} gives way" in reason

    async def test_an_order_that_changed_meanwhile_is_left_to_the_run(
        self, take: Take, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        order = await take(fault_code="H07")
        open_transactions = []

        async def pin() -> None:
            open_transactions.append(database.engine.pool.checkedout())  # type: ignore[attr-defined]
            async with database.transaction() as session:
                row = await service.locked_any(session, UUID(order["id"]))
                row.pinned, row.preferred_crew_id = True, world.crews["A2"]

        busy = Planner(planner.database, RoadsWhile(planner, pin), planner.solver)  # type: ignore[arg-type]
        assert await dispatch_danger(busy, UUID(order["id"])) is None
        assert await book.state(order) == "NEW" and open_transactions == [0]
        assert await dispatch_danger(planner, UUID(order["id"])) == world.crews["A2"]

    async def test_a_crew_that_the_guards_refuse_gives_its_turn_to_the_next(
        self, take: Take, planner: Planner, database: Database, world: World
    ) -> None:
        first, second = (
            await take(fault_code="H07"),
            await take("锦绣家园1-1-102", fault_code="H07"),
        )
        nearest = await dispatch_danger(planner, UUID(first["id"]))
        assert nearest is not None
        async with database.transaction() as session:
            row = await service.locked_any(session, UUID(first["id"]))
            await assignments.withdraw(session, row, Act.by_timer(), "a test")
        people = {"A1": ("tech01", "tech02"), "A2": ("tech03",), "A3": ("tech04",)}
        codes = {crew_id: code for code, crew_id in world.crews.items()}

        async def vanish() -> None:
            await offline(database, world, *people[codes[nearest]])

        busy = Planner(planner.database, RoadsWhile(planner, vanish), planner.solver)  # type: ignore[arg-type]
        found = await dispatch_danger(busy, UUID(second["id"]))
        assert found is not None and found != nearest

    async def test_a_run_that_solves_meanwhile_sends_it_no_second_time(
        self,
        take: Take,
        plan: Run,
        planner: Planner,
        solver: SolverHere,
        database: Database,
    ) -> None:
        order = await take(fault_code="H07")

        async def insert() -> None:
            assert await dispatch_danger(planner, UUID(order["id"])) is not None

        solver.before = insert
        run = await plan()
        assert run.result is not None
        assert [each["serial"] for each in run.result["left_out"]] == [order["serial"]]
        assert [action for action, _ in await events(database, order)].count("sent") == 1

    async def test_a_plan_that_is_being_published_meanwhile_is_waited_for(
        self,
        take: Take,
        plan: Run,
        planner: Planner,
        book: Book,
        database: Database,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await offline(database, world, *ONLY_A3)
        calm = [
            await take(at, **in_the_afternoon()) for at in ("锦绣家园1-1-101", "锦绣家园3-1-101")
        ]
        await plan()
        note_planned, racing = repository.note_planned, []

        async def hold_open(*args: Any) -> None:
            """The new visits are written, and not committed yet."""
            danger = await take("锦绣家园3-2-201", fault_code="H07")
            sending = asyncio.create_task(dispatch_danger(planner, UUID(danger["id"])))
            racing.append((danger, sending))
            while not sending.done() and not await somebody_waits(database):
                pass
            await note_planned(*args)

        monkeypatch.setattr(repository, "note_planned", hold_open)
        newer = await plan()
        [(danger, sending)] = racing
        assert await sending == world.crews["A3"]
        assert await book.state(danger) == "SENT"
        for order in calm:
            visit = await book.visit(order)
            assert visit is not None and visit.run_id == newer.id

    async def test_a_stumbling_database_is_asked_once_more_and_the_giver_may_change(
        self, take: Take, planner: Planner, book: Book, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = await take(fault_code="H07")
        send, asked = at_once._send, []

        async def stumble(*args: Any) -> bool:
            asked.append(args[2])
            if len(asked) == 1:
                raise StaleDataError("somebody was faster")
            if len(asked) == 2:
                return False
            return await send(*args)

        monkeypatch.setattr(at_once, "_send", stumble)
        found = await dispatch_danger(planner, UUID(order["id"]))
        assert found is not None and await book.state(order) == "SENT"
        assert asked[0] is asked[1] is not asked[2], "again, then the next proposal"

    async def test_what_no_crew_can_do_stays_for_the_run_to_explain(
        self, take: Take, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, *ONLY_A3, "tech04")
        order = await take(fault_code="H07")
        assert await dispatch_danger(planner, UUID(order["id"])) is None
        assert await book.state(order) == "NEW"

    async def test_a_calm_order_is_none_of_its_business(
        self, take: Take, planner: Planner, book: Book, database: Database
    ) -> None:
        order = await take()
        assert await dispatch_danger(planner, UUID(order["id"])) is None
        assert await book.state(order) == "NEW"
        async with database.transaction() as session:
            assert await session.get(PlannedVisit, UUID(order["id"])) is None
