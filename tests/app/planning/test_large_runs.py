"""A plan of the whole company takes minutes: nobody else waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from sqlmodel import update

from app.core import clock, jobs
from app.core.db import Database
from app.core.settings import Settings
from app.organisation.models import Presence
from app.planning import run
from app.planning.context import Planner
from app.planning.jobs import LARGE, QUEUE, queue_commit, queue_run, run_plan
from app.planning.models import PlanningRun
from app.planning.repository import raise_dirty
from app.planning.sweep import sweep
from app.worker import QUEUES, _Tools, _work
from tests.app.planning.conftest import Book, Run, SolverHere, Take
from tests.app.planning.test_jobs import context, emptied, queued
from tests.conftest import Headers
from tests.factories.world import World

WITHIN_S = 30


@dataclass
class Gate:
    """Holds the solver of large runs until it is let go."""

    planner: Planner
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Planner]:
        """A planner for one run, as the worker makes it."""
        solver = SolverHere()
        solver.before = self._hold
        self.open += 1
        yield replace(self.planner, solver=solver)
        self.open -= 1

    async def _hold(self) -> None:
        self.entered.set()
        await self.let_go.wait()


@pytest.fixture
async def gate(planner: Planner, config: Settings) -> AsyncIterator[Gate]:
    """The worker's planning queues at work, with this gate before the solver of large runs."""
    gate = Gate(planner)
    async with AsyncExitStack() as stack:
        queue = await stack.enter_async_context(jobs.opened_app(config.database_url).open_async())
        tools = _Tools(
            database=planner.database,
            queue=queue,
            planner=planner,
            solver=cast(Any, planner.solver),
            large=gate.opened,
            questioner=planner,
            channels={},
        )
        works = [asyncio.create_task(_work(tools, name, 4)) for name in (QUEUE, LARGE)]
        yield gate
        gate.let_go.set()
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


@pytest.fixture
def ask(client: httpx.AsyncClient, world: World, as_: Headers) -> Callable[..., Awaitable[UUID]]:
    """`await ask("CO")`: a run by hand."""

    async def post(station: str, **more: Any) -> UUID:
        body = {"station_id": str(world.stations[station]), **more}
        answer = await client.post("/planning-runs", json=body, headers=as_("dispatcher"))
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    return post


async def heard_of(database: Database) -> None:
    """Every technician's phone has just spoken: nobody counts as silent."""
    async with database.transaction() as session:
        await session.execute(update(Presence).values(seen_at=clock.now()))


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await look():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def run_of(database: Database, run_id: UUID) -> PlanningRun:
    async with database.transaction() as session:
        return await session.get_one(PlanningRun, run_id)


class TestLargeRuns:
    @pytest.mark.parametrize(
        ("station", "more"), [("CO", {}), ("S02", {"seconds": 30})], ids=["company", "seconds"]
    )
    async def test_while_one_is_solved_others_are_sent_and_planned(
        self,
        take: Take,
        plan: Run,
        book: Book,
        gate: Gate,
        ask: Callable[..., Awaitable[UUID]],
        database: Database,
        world: World,
        station: str,
        more: dict[str, Any],
    ) -> None:
        noon = clock.now() + timedelta(hours=4)
        slot = {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=1)).isoformat()}
        due = await take(fault_code="H26", appointment=slot)
        await plan("S01")
        assert await book.state(due) == "NEW"
        clock.advance(timedelta(hours=4))
        await heard_of(database)
        await take("阳光花园2-1-101")
        large = await ask(station, **more)
        async with asyncio.timeout(WITHIN_S):
            await gate.entered.wait()

        await queue_commit(database, world.stations["S01"])

        async def sent() -> bool:
            return await book.state(due) == "SENT"

        await until(sent)
        order = await take("锦绣家园3-1-101")
        async with database.transaction() as session:
            await raise_dirty(session, world.stations["S01"])
        await queue_run(database, world.stations["S01"])

        async def planned() -> bool:
            return await book.state(order) == "SENT" or await book.visit(order) is not None

        await until(planned)
        assert (await run_of(database, large)).step == "solving"
        gate.let_go.set()

        async def done() -> bool:
            return (await run_of(database, large)).step == "done" and not gate.open

        await until(done)

    async def test_it_is_handed_on_under_its_stations_lock_and_is_no_orphan(
        self,
        planner: Planner,
        ask: Callable[..., Awaitable[UUID]],
        database: Database,
        world: World,
    ) -> None:
        company = world.stations["CO"]
        large = await ask("CO")
        await emptied(database)
        await run_plan(context(planner), str(company), str(large))
        assert await queued(database) == [("planning.large", f"plan-{company}")]
        await sweep(database)
        assert (await run_of(database, large)).state == "queued"

    async def test_old_plans_that_it_replaces_are_waited_for_and_changes_are_not(
        self,
        take: Take,
        plan: Run,
        ask: Callable[..., Awaitable[UUID]],
        database: Database,
        world: World,
    ) -> None:
        await take(fault_code="P12")
        await plan()
        clock.advance(timedelta(minutes=6))
        await emptied(database)
        await run._start(database, await ask("CO"))
        company = ("planning.run", f"plan-{world.stations['CO']}")
        await sweep(database)
        assert await queued(database) == [company]
        async with database.transaction() as session:
            await raise_dirty(session, world.stations["S01"])
        await sweep(database)
        station = ("planning.run", f"plan-{world.stations['S01']}")
        assert await queued(database) == [company, station]


async def test_what_is_due_is_sent_before_the_plans_that_wait_are_made(
    database: Database, world: World, config: Settings
) -> None:
    await queue_run(database, world.stations["S02"])
    await queue_commit(database, world.stations["S01"])
    async with jobs.opened_app(config.database_url).open_async() as queue:
        worker = await queue.job_manager.register_worker()
        first = await queue.job_manager.fetch_job(queues=[QUEUE], worker_id=worker)
    assert first is not None and first.task_name == "planning.commit"


def test_every_worker_that_plans_serves_large_runs_too() -> None:
    assert {QUEUE, LARGE} <= set(QUEUES)
