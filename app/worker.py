"""The worker process: background jobs by queue, and the tickers that are the truth behind them."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any
from uuid import UUID

from procrastinate import App
from procrastinate.exceptions import ProcrastinateException
from procrastinate.jobs import Status
from sqlalchemy import text

from app import wiring
from app.core import clock, drain, feed, jobs, memory
from app.core import settings as installed
from app.core.db import Database
from app.core.drain import Drain
from app.core.settings import Environment, Settings
from app.evidence import expiry
from app.mobile import clocks, notices
from app.notifications import alarms, customer_delivery, delivery, outbox
from app.notifications import retention as messages
from app.notifications.customer_messages import watch_arrivals
from app.notifications.providers import open_channels
from app.organisation import service as organisation
from app.payouts import sweep as pay
from app.planning import wishes
from app.planning.context import Planner
from app.planning.engine import open_engine
from app.planning.jobs import QUESTIONS, URGENT
from app.planning.jobs import QUEUE as PLANNING
from app.planning.roads import keep_ready
from app.planning.solver import QUESTION_NICENESS, SolverProcess
from app.planning.sweep import sweep
from app.travel import arrivals, learning
from app.travel import policy as travel
from app.travel import service as trips
from app.web.idempotency import KEPT_DAYS
from app.webhooks import retention as old_webhooks
from app.webhooks import sending as webhooks
from app.work_orders import timers

log = logging.getLogger(__name__)
PUSH, TEXTS, WISHES = "push", "texts", "wishes"
"""What waits in rows of its own and is drained (ADR 8)."""
QUEUES = (PLANNING, QUESTIONS, URGENT, PUSH, TEXTS, WISHES, "webhooks", "default")
EXPRESS = (URGENT, PUSH)
"""What nobody may wait for: a process of its own keeps it away from plans being read, merged and
published, which take seconds of the event loop's time in a large city."""
TASKS = (
    "app.planning.jobs",
    "app.notifications.jobs",
    "app.webhooks.jobs",
)
PUSHES_AT_ONCE = 16
"""A provider answers in tenths of a second: so many of them are waited for side by side."""
TEXTS_EVERY_S = 0.25
WISHES_EVERY_S = 0.4
"""A report and its assignment, or the reports of a burst, then ask for one plan together."""
POLLING_S = 0.5
"""Jobs that wait for a lock start only at the next poll."""
REMINDERS_EVERY_S = 60.0
"""Business seconds between looks for files of finished jobs that are not in."""
PURGE_EVERY_S = 3600.0
ROADS_EVERY_S = 60.0
"""Business seconds between looks whether the roads of the hour are served."""
RESCUE_EVERY_S = 30.0
ARRIVALS_EVERY_S = 20.0
"""Business seconds between looks at who moved or runs late."""
PAY_EVERY_S = 900.0
"""Business seconds between looks at what time alone brings to pay."""
DRIVES_EVERY_S = 300.0
"""Business seconds between matchings of what phones measured, and looks whether it is night."""


async def run_worker(
    settings: Settings, *, queues: Collection[str] | None = None, concurrency: int = 4
) -> None:
    """Work until SIGINT or SIGTERM; `queues` of None are all of `QUEUES`.

    Each queue has a worker of its own with `concurrency` jobs at once; planning and questions have
    one, since their searches share a process, and what is drained has its own measure. The
    tickers run in every worker but an express one (`EXPRESS`): they lock what they touch and look
    again, so that two workers do nothing twice.
    """
    installed.install(settings)
    clock.install(settings.scaled_clock())
    wiring.wire()
    for name in TASKS:
        import_module(name)
    memory.settle()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with _tools(settings) as tools:
            await _serve(settings, tools, queues or QUEUES, concurrency, stop)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@dataclass(frozen=True, slots=True)
class _Tools:
    """What jobs and tickers work with."""

    database: Database
    queue: App
    planner: Planner
    solver: SolverProcess
    questioner: Planner
    """Answers "what if" by a process of its own, which starts with the first question."""
    channels: dict[str, Any]


@asynccontextmanager
async def _tools(settings: Settings) -> AsyncIterator[_Tools]:
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        engine = await stack.enter_async_context(open_engine(settings))
        solver = await stack.enter_async_context(SolverProcess())
        asked = await stack.enter_async_context(SolverProcess(niceness=QUESTION_NICENESS))
        channels = open_channels(settings)
        for channel in channels.values():
            stack.push_async_callback(channel.close)
        queue = await stack.enter_async_context(jobs.opened_app(settings.database_url).open_async())
        planner = Planner(database, engine, solver)
        questioner = Planner(database, engine, asked)
        yield _Tools(database, queue, planner, solver, questioner, dict(channels))


async def _serve(
    settings: Settings,
    tools: _Tools,
    queues: Collection[str],
    concurrency: int,
    stop: asyncio.Event,
) -> None:
    """Run queues and tickers until a stop is asked for, or until one of them fails."""
    drains = _drains(tools)
    tasks = [
        asyncio.create_task(_work(tools, name, concurrency), name=f"queue {name}")
        for name in queues
        if name not in drains
    ]
    tasks += [
        asyncio.create_task(each.run(), name=f"drain {each.name}")
        for name in queues
        for each in drains.get(name, ())
    ]
    if PLANNING in queues:
        tasks.append(asyncio.create_task(_warm(tools.solver), name="warm solver"))
    if set(queues) <= set(EXPRESS):
        tasks.append(_ready(settings, tools))
    else:
        tasks += _tickers(settings, tools)
    stopped = asyncio.create_task(stop.wait(), name="stop")
    running = {task for task in tasks if task.get_name() != "warm solver"}
    await asyncio.wait({*running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    asked = stop.is_set()
    for task in (*tasks, stopped):
        task.cancel()
    for error in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(error, Exception):
            raise error
    if not asked:
        raise RuntimeError("a queue's worker ended by itself; its log says why")


def _work(tools: _Tools, queue: str, concurrency: int) -> Coroutine[Any, Any, None]:
    return tools.queue.run_worker_async(
        queues=[queue],
        name=f"paigong {queue}",
        concurrency=1 if queue in (PLANNING, QUESTIONS) else concurrency,
        fetch_job_polling_interval=POLLING_S,
        delete_jobs="successful",
        shutdown_graceful_timeout=drain.GRACE_S,
        install_signal_handlers=False,
        additional_context={
            "database": tools.database,
            "planner": tools.questioner if queue == QUESTIONS else tools.planner,
            "channels": tools.channels,
        },
    )


def _drains(tools: _Tools) -> dict[str, tuple[Drain, ...]]:
    """What each drained queue looks for and does."""
    database, channels = tools.database, tools.channels
    send = partial(delivery.deliver, database, channels)
    tell = partial(customer_delivery.deliver, database, channels)
    pushes = partial(outbox.due, database, (outbox.PUSH,))
    words = partial(outbox.due, database, outbox.WORDS)
    gather = partial(wishes.gather, database)
    return {
        PUSH: (Drain("pushes", pushes, send, at_once=PUSHES_AT_ONCE),),
        TEXTS: (
            Drain("texts and calls", words, send, every_s=TEXTS_EVERY_S),
            Drain(
                "customers' messages",
                partial(customer_delivery.due, database),
                tell,
                every_s=TEXTS_EVERY_S,
            ),
        ),
        WISHES: (
            Drain(
                "wishes for plans",
                partial(wishes.waiting, database),
                gather,
                at_once=4,
                every_s=WISHES_EVERY_S,
            ),
        ),
    }


async def _warm(solver: SolverProcess) -> None:
    """Load the solver before the first plan; a failure shows again, and is told, at that plan."""
    with suppress(Exception):
        await solver.warm()


def _ready(settings: Settings, tools: _Tools) -> asyncio.Task[None]:
    """An express worker plans nothing: without this its first danger of an hour waits for roads."""

    async def look() -> None:
        await keep_ready(tools.planner.engine, clock.now())

    every_s = max(1.0, ROADS_EVERY_S / settings.demo_rate)
    return asyncio.create_task(_every(every_s, "roads", look), name="roads")


def _tickers(settings: Settings, tools: _Tools) -> list[asyncio.Task[None]]:
    timers_s = 1.0 if settings.environment is Environment.DEMO else 5.0
    sweep_s = max(1.0, settings.plan_sweep_s / settings.demo_rate)
    arrivals_s = max(1.0, ARRIVALS_EVERY_S / settings.demo_rate)
    drives_s = max(1.0, DRIVES_EVERY_S / settings.demo_rate)
    reminders_s = max(1.0, REMINDERS_EVERY_S / settings.demo_rate)
    database, engine = tools.database, tools.planner.engine
    observe = partial(learning.observe, database, engine, lookback=travel.RECENT)
    wanted: list[tuple[str, float, Callable[[], Awaitable[object]]]] = [
        ("ladders", timers_s, partial(alarms.sweep, database)),
        ("lost messages", timers_s, partial(outbox.requeue_lost, database)),
        ("lost webhooks", 10.0, partial(webhooks.requeue_lost, database)),
        ("customers' arrivals", arrivals_s, partial(watch_arrivals, database)),
        ("order timers", timers_s, partial(run_timers, database)),
        ("plan sweep", sweep_s, partial(sweep, database)),
        ("arrivals", arrivals_s, partial(arrivals.refresh, database, engine)),
        ("drives", drives_s, observe),
        ("learning", drives_s, partial(learning.learn_by_night, database, engine)),
        ("phone reminders", reminders_s, partial(notices.remind, database)),
        ("pay", max(1.0, PAY_EVERY_S / settings.demo_rate), partial(pay.sweep, database)),
        ("purge", PURGE_EVERY_S, partial(purge, database)),
        ("rescue", RESCUE_EVERY_S, partial(rescue, tools.queue)),
    ]
    return [
        asyncio.create_task(_every(seconds, name, act), name=name) for name, seconds, act in wanted
    ]


async def _every(seconds: float, name: str, act: Callable[[], Awaitable[object]]) -> None:
    """Do it again and again; one failure is told and does not end it."""
    while True:
        try:
            await act()
        except Exception:
            log.exception("ALERT the ticker %s failed, it goes on", name)
        await asyncio.sleep(seconds)


async def run_timers(database: Database) -> None:
    """Let order clocks act that have run out: acceptance, holds, limits, replies, approvals.

    Of several workers that tick at the same moment one looks; each order has its own transaction,
    under its lock. An order that fails is told and left for the next tick: the others go on, also
    those behind more of them than one look finds.
    """
    last: UUID | None = None
    while True:
        async with database.transaction() as session:
            if not await _only_one(session, "order timers"):
                return
            due = await timers.orders_with_due_timers(session, last)
        for order_id in due:
            try:
                async with database.transaction() as session:
                    await timers.run_due_timers(session, order_id)
            except Exception:
                log.exception("ALERT the timers of order %s failed", order_id)
        if len(due) < timers.AT_ONCE:
            return
        last = due[-1]


async def _only_one(session: Any, name: str) -> bool:
    statement = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 11))")
    return bool((await session.execute(statement, {"name": name})).scalar_one())


async def purge(database: Database) -> None:
    """Forget what has had its time: stored answers, changes, positions, drives, messages.

    Answers go after 30 days, when nobody repeats a submission; the rest when its room says.
    """
    before = clock.real_now() - timedelta(days=KEPT_DAYS)
    async with database.transaction() as session:
        await session.execute(
            text("DELETE FROM idempotent_answers WHERE created_at < :before"), {"before": before}
        )
    async with database.transaction() as session:
        await organisation.purge_positions(session)
    async with database.transaction() as session:
        await trips.purge_drives(session)
    async with database.transaction() as session:
        await feed.purge(session)
    async with database.transaction() as session:
        await clocks.purge_samples(session)
    await expiry.purge(database)
    await messages.purge(database)
    await old_webhooks.purge(database)


async def rescue(queue: App) -> None:
    """Put jobs of workers that died back into the queue; their locks would stay for ever."""
    for job in await queue.job_manager.get_stalled_jobs():
        log.warning("job %s of a dead worker is queued again", job.task_name)
        try:
            await queue.job_manager.retry_job(job, retry_at=clock.real_now())
        except ProcrastinateException:  # a twin with its queueing lock waits already
            await queue.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
