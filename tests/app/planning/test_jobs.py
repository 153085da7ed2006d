"""What asks for plans: events, the sweep, and the queue behind them."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.core import clock
from app.core.db import Database
from app.planning import jobs, policy, run, wishes
from app.planning.context import Planner
from app.planning.models import PlanningRun
from app.planning.repository import is_behind, raise_dirty
from app.planning.sweep import sweep
from app.work_orders import assignments, service
from app.work_orders.acts import Act
from tests.app.planning.conftest import Book, Run, Take
from tests.conftest import Headers
from tests.factories.world import World


async def queued(database: Database) -> list[tuple[str, str | None]]:
    """(task, lock) of the planner's jobs that wait, oldest first."""
    async with database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT task_name, lock FROM procrastinate_jobs WHERE status = 'todo'"
                " AND starts_with(task_name, 'planning.') ORDER BY id"
            )
        )
        return [(row[0], row[1]) for row in rows]


async def wished(database: Database) -> list[UUID]:
    """Stations that a plan is wished for."""
    return await wishes.waiting(database, 100, [])


async def emptied(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM procrastinate_jobs"))
        await session.execute(text("DELETE FROM plan_wishes"))


def context(planner: Planner) -> Any:
    return SimpleNamespace(additional_context={"database": planner.database, "planner": planner})


class TestPlanIsStale:
    async def test_a_new_order_asks_for_a_plan_without_any_lock(
        self, take: Take, database: Database, world: World
    ) -> None:
        await take()
        assert (await queued(database), await wished(database)) == ([], [world.stations["S01"]])

    async def test_the_request_goes_with_a_business_transaction_that_rolls_back(
        self, take: Take, database: Database, world: World
    ) -> None:
        order = await take()
        await emptied(database)
        with pytest.raises(RuntimeError, match="changed my mind"):
            async with database.transaction() as session:
                row = await service.locked_any(session, UUID(order["id"]))
                await assignments.assign(
                    session, row, world.crews["A2"], Act.by_timer(), how="auto"
                )
                raise RuntimeError("changed my mind")
        assert (await queued(database), await wished(database)) == ([], [])

    async def test_what_the_planner_sends_asks_for_no_new_plan(
        self, take: Take, plan: Run, database: Database, book: Book
    ) -> None:
        order = await take()
        await emptied(database)
        await plan()
        assert await book.state(order) == "SENT"
        assert await wished(database) == []

    async def test_a_pin_takes_the_visit_out_of_the_plan_at_once(
        self,
        take: Take,
        plan: Run,
        book: Book,
        client: httpx.AsyncClient,
        world: World,
        as_: Headers,
    ) -> None:
        noon = clock.now() + timedelta(hours=4)
        slot = {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=1)).isoformat()}
        order = await take(fault_code="H26", appointment=slot)
        await plan()
        assert await book.visit(order) is not None
        answer = await client.post(
            f"/work-orders/{order['id']}/pin",
            json={"crew_id": str(world.crews["A2"]), "reason": "knows the house"},
            headers=as_("dispatcher"),
        )
        assert answer.status_code == 200, answer.text
        assert await book.visit(order) is None


async def ask(database: Database, station: UUID) -> None:
    async with database.transaction() as session:
        await wishes.wish(session, station)
    await wishes.gather(database, station)


class TestWishes:
    async def test_many_requests_make_one_locked_run(
        self, take: Take, planner: Planner, database: Database, world: World
    ) -> None:
        station = world.stations["S01"]
        for _ in range(2):
            async with database.transaction() as session:
                await wishes.wish(session, station)
                await wishes.wish(session, station)
            assert await wished(database) == [station]
            await wishes.gather(database, station)
            assert await wished(database) == []
        async with database.transaction() as session:
            assert await is_behind(session, station)
        assert await queued(database) == [("planning.run", f"plan-{station}")]

    async def test_a_second_plan_waits_for_the_interval_without_holding_the_lock(
        self, take: Take, plan: Run, planner: Planner, database: Database, world: World
    ) -> None:
        await plan()
        await emptied(database)
        await ask(database, world.stations["S01"])
        assert await queued(database) == [("planning.wake", None)]

    async def test_danger_waits_for_no_interval(
        self, take: Take, plan: Run, planner: Planner, database: Database, world: World
    ) -> None:
        await plan()
        await take(fault_code="H07")
        await emptied(database)
        station = world.stations["S01"]
        await ask(database, station)
        assert await queued(database) == [("planning.run", f"plan-{station}")]

    async def test_while_danger_is_inserted_no_plan_begins_because_of_it(
        self, take: Take, plan: Run, planner: Planner, database: Database, world: World
    ) -> None:
        """Not even behind an interval that is longer: should the insertion fail, a plan is next."""
        await plan()
        await emptied(database)
        station = world.stations["S01"]
        await ask(database, station)
        await take(fault_code="H07")
        insertion, interval = ("planning.danger", f"danger-{station}"), ("planning.wake", None)
        for _ in range(2):
            await ask(database, station)
            assert sorted(await queued(database)) == [insertion, interval, interval]
        async with database.transaction() as session:
            soonest = await session.execute(
                text("SELECT min(scheduled_at) FROM procrastinate_jobs WHERE status = 'todo'")
            )
            left = soonest.scalar_one() - clock.now()
        assert left == timedelta(seconds=policy.DANGER_FIRST_S)
        await jobs.wake(context(planner), str(station))
        assert ("planning.run", f"plan-{station}") in await queued(database)


class TestRunPlan:
    async def test_plans_what_is_behind_and_then_nothing(
        self, take: Take, planner: Planner, book: Book, world: World
    ) -> None:
        order, station = await take(), world.stations["S01"]
        async with planner.database.transaction() as session:
            await raise_dirty(session, station)
        await jobs.run_plan(context(planner), str(station))
        assert await book.state(order) == "SENT"
        assert await run.begin_if_behind(planner.database, station) is None


class TestSweep:
    @pytest.mark.parametrize("begun", [False, True])
    async def test_a_run_that_a_dead_worker_left_is_ended(
        self, planner: Planner, database: Database, world: World, begun: bool
    ) -> None:
        """The worker died after the run's row, and its job did not come back."""
        station = world.stations["S01"]
        async with database.transaction() as session:
            await raise_dirty(session, station)
        run_id = await run.begin_if_behind(database, station)
        assert run_id is not None
        if begun:
            await run._start(database, run_id)
        await sweep(database)
        async with database.transaction() as session:
            ended = await session.get_one(PlanningRun, run_id)
            told = await session.execute(
                text("SELECT count(*) FROM change_feed WHERE entity_id = :id"), {"id": run_id}
            )
            assert (ended.state, ended.finished_at) == ("failed", clock.now())
            assert told.scalar_one() == 1
        asked_again = "planning.wake" if begun else "planning.run"
        assert [name for name, _ in await queued(database)] == [asked_again]

    @pytest.mark.parametrize("status", ["todo", "doing"])
    async def test_a_run_whose_job_lives_is_left_alone(
        self, client: httpx.AsyncClient, database: Database, world: World, as_: Headers, status: str
    ) -> None:
        answer = await client.post(
            "/planning-runs",
            json={"station_id": str(world.stations["S01"])},
            headers=as_("dispatcher"),
        )
        assert answer.status_code == 202, answer.text
        async with database.transaction() as session:
            await session.execute(text(f"UPDATE procrastinate_jobs SET status = '{status}'"))
        await sweep(database)
        async with database.transaction() as session:
            kept = await session.get_one(PlanningRun, UUID(answer.json()["id"]))
            assert kept.state == "queued"

    async def test_the_next_run_ends_the_automatic_one_before_but_no_wish(
        self, planner: Planner, database: Database, world: World
    ) -> None:
        station = world.stations["S01"]
        async with database.transaction() as session:
            await raise_dirty(session, station)
        lost = await run.begin_if_behind(database, station)
        wish = await run.begin_if_behind(database, station)
        again = await run.begin_if_behind(database, station)
        assert lost and wish and again
        async with database.transaction() as session:
            (await session.get_one(PlanningRun, wish)).trigger = "manual"
        await run._start(database, again)
        async with database.transaction() as session:
            states = [(await session.get_one(PlanningRun, each)).state for each in (lost, wish)]
        assert states == ["failed", "queued"]

    async def test_asks_again_for_an_old_plan_while_orders_wait(
        self, take: Take, plan: Run, database: Database, world: World
    ) -> None:
        await take(fault_code="P12")
        await plan()
        await emptied(database)
        await sweep(database)
        assert await queued(database) == []
        clock.advance(timedelta(minutes=6))
        await sweep(database)
        assert await queued(database) == [("planning.run", f"plan-{world.stations['S01']}")]

    async def test_it_gives_danger_that_is_being_inserted_its_seconds_as_a_wish_does(
        self, take: Take, planner: Planner, database: Database, world: World
    ) -> None:
        station = world.stations["S01"]
        await take(fault_code="H07")
        async with database.transaction() as session:
            await raise_dirty(session, station)
        await sweep(database)
        insertion = ("planning.danger", f"danger-{station}")
        assert await queued(database) == [insertion, ("planning.wake", None)]
        await jobs.wake(context(planner), str(station))
        assert ("planning.run", f"plan-{station}") in await queued(database)

    async def test_a_crew_that_went_off_line_is_planned_around_at_the_next_look(
        self, take: Take, plan: Run, database: Database, book: Book, world: World
    ) -> None:
        noon = clock.now() + timedelta(hours=4)
        slot = {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=1)).isoformat()}
        order = await take(fault_code="H26", appointment=slot)
        await plan()
        visit = await book.visit(order)
        assert visit is not None
        await emptied(database)
        await sweep(database)
        assert await queued(database) == []
        async with database.transaction() as session:
            members = "SELECT technician_id FROM crew_members WHERE crew_id = :crew"
            await session.execute(
                text(f"UPDATE presence SET online = false WHERE technician_id IN ({members})"),
                {"crew": visit.crew_id},
            )
        await sweep(database)
        assert [name for name, _ in await queued(database)] == ["planning.wake"]
        async with database.transaction() as session:
            assert await is_behind(session, world.stations["S01"])

    async def test_a_visit_that_became_due_is_sent_without_a_new_plan(
        self, take: Take, plan: Run, planner: Planner, database: Database, book: Book, world: World
    ) -> None:
        noon = clock.now() + timedelta(hours=4)
        slot = {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=1)).isoformat()}
        order = await take(fault_code="H26", appointment=slot)
        await plan()
        await emptied(database)
        station = str(world.stations["S01"])
        clock.advance(timedelta(hours=4))
        await sweep(database)
        assert ("planning.commit", f"plan-{station}") in await queued(database)
        await jobs.commit_visits(context(planner), station)
        assert await book.state(order) == "SENT"
