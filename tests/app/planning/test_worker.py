"""The worker as it runs: queues, tickers, the solving process and a stop by signal."""

import asyncio
import os
import signal
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.core.settings import Settings
from app.tickers import purge, rescue, run_timers
from app.web.idempotency import IdempotentAnswer
from app.work_orders import timers
from app.worker import run_worker
from tests.app.planning.conftest import Book, Take
from tests.factories.world import NOW, World


class TestRunWorker:
    @pytest.mark.parametrize("queue", ["urgent", "planning"])
    async def test_danger_reaches_a_crew_by_insertion_or_by_a_plan_and_a_signal_ends_the_work(
        self, take: Take, book: Book, config: Settings, queue: str
    ) -> None:
        order = await take(fault_code="H07")
        working = asyncio.create_task(run_worker(config, queues=[queue, "wishes", "default"]))
        async with asyncio.timeout(120):
            while await book.state(order) != "SENT":
                assert not working.done(), working.exception()
                await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(30):
            await working


class TestTimers:
    async def test_an_order_that_fails_does_not_stop_the_others(
        self,
        take: Take,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        bad, good = UUID((await take())["id"]), UUID((await take(at="锦绣家园3-1-101"))["id"])
        served: list[UUID] = []

        async def due(_session: AsyncSession, after: UUID | None) -> list[UUID]:
            return {None: [bad], bad: [good], good: []}[after]

        async def act(_session: AsyncSession, order_id: UUID) -> None:
            if order_id == bad:
                raise LookupError("a crew that is gone")
            served.append(order_id)

        monkeypatch.setattr(timers, "AT_ONCE", 1)
        monkeypatch.setattr(timers, "orders_with_due_timers", due)
        monkeypatch.setattr(timers, "run_due_timers", act)
        await run_timers(database)
        assert served == [good]
        assert f"ALERT the timers of order {bad} failed" in caplog.text


class TestPurge:
    async def test_stored_answers_are_forgotten_after_30_days(
        self, database: Database, world: World, config: Settings
    ) -> None:
        def answer(key: str, at: object) -> IdempotentAnswer:
            return IdempotentAnswer(
                principal_id=world.users["agent"],
                route="POST /x",
                key=key,
                request_hash="h",
                created_at=at,  # type: ignore[arg-type]
            )

        async with database.transaction() as session:
            session.add_all(
                [answer("old", NOW.replace(year=2025)), answer("new", clock.real_now())]
            )
        await purge(database)
        async with database.transaction() as session:
            rows = await session.execute(text("SELECT key FROM idempotent_answers"))
            assert [row[0] for row in rows] == ["new"]


class TestRescue:
    async def test_a_dead_workers_job_is_queued_again_or_gives_way_to_its_twin(
        self, take: Take, database: Database, config: Settings
    ) -> None:
        from app.core import jobs

        insert = text(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args,"
            " status) VALUES ('planning', :task, :lock, :lock, '{}', cast(:status AS"
            " procrastinate_job_status))"
        )
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM procrastinate_jobs"))
            for lock, status in (("a", "doing"), ("b", "doing"), ("b", "todo")):
                named = {"task": "planning.run", "lock": lock, "status": status}
                await session.execute(insert, named)
        async with jobs.opened_app(config.database_url).open_async() as queue:
            await rescue(queue)
        async with database.transaction() as session:
            rows = await session.execute(
                text("SELECT lock, status::text FROM procrastinate_jobs ORDER BY lock")
            )
            assert [(row[0], row[1]) for row in rows] == [("a", "todo"), ("b", "todo")]
