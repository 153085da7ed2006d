"""The worker process: background jobs by queue, what is drained, and the tickers beside them."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from procrastinate import App

from app import wiring
from app.core import clock, drain, giving_way, jobs, memory
from app.core import settings as installed
from app.core.db import Database
from app.core.drain import Drain
from app.core.settings import Settings
from app.notifications import customer_delivery, delivery, outbox
from app.notifications.providers import open_channels
from app.planning import danger, wishes
from app.planning.context import Planner
from app.planning.engine import open_engine
from app.planning.jobs import LARGE, QUESTIONS, URGENT, LargePlanner
from app.planning.jobs import QUEUE as PLANNING
from app.planning.roads import keep_ready
from app.planning.solver import QUESTION_NICENESS, SolverProcess
from app.tickers import every, tickers

log = logging.getLogger(__name__)
PUSH, TEXTS, WISHES = "push", "texts", "wishes"
"""What waits in rows of its own and is drained (ADR 8)."""
QUEUES = (PLANNING, LARGE, QUESTIONS, URGENT, PUSH, TEXTS, WISHES, "webhooks", "default")
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
WISHES_REST_S = 15.0
"""A station whose wishes cannot be gathered is planned by nobody meanwhile."""
ONE_BY_ONE = (PLANNING, LARGE, QUESTIONS)
"""Each has one process to search in."""
LARGE_NICENESS = 6
"""A run of minutes gives way to the plans of seconds beside it."""
REST_NICENESS, REST_SESSION = 3, 5
"""A worker without danger and pushes gives way to the one that has them and to the API, as a
process and as a session: danger waited longest while a large plan was read, merged or published.
Texts and calls, the orders' clocks and its road servers give way with it, its searches further.
Containers share time among themselves by other means: see docker-compose.yml."""
POLLING_S = 0.5
"""Jobs that wait for a lock start only at the next poll."""
URGENT_POLLING_S = 0.1
"""The second danger of a burst at one station follows the first as soon as can be."""
ROADS_EVERY_S = 60.0
"""Business seconds between looks whether the roads of the hour are served."""


def give_way(queues: Collection[str]) -> None:
    """Let the API and express workers go first; this is for a process of these queues alone."""
    if set(queues).isdisjoint(EXPRESS):
        os.nice(REST_NICENESS)
        giving_way.as_a_session(REST_SESSION, of_its_own=False)


async def run_worker(
    settings: Settings, *, queues: Collection[str] | None = None, concurrency: int = 4
) -> None:
    """Work until SIGINT or SIGTERM; `queues` of None are all of `QUEUES`.

    Each queue has a worker of its own with `concurrency` jobs at once; those that search have one
    (`ONE_BY_ONE`), and what is drained has its own measure. The tickers run in every worker but an
    express one (`EXPRESS`): they lock what they touch and look again, so that two workers do
    nothing twice.
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
    large: LargePlanner
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
        large = partial(_with_own_solver, planner)
        yield _Tools(database, queue, planner, solver, large, questioner, dict(channels))


@asynccontextmanager
async def _with_own_solver(planner: Planner) -> AsyncIterator[Planner]:
    """The same roads, and a solving process that takes memory only while it is needed."""
    async with SolverProcess(niceness=LARGE_NICENESS) as solver:
        yield replace(planner, solver=solver)


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
        tasks += tickers(settings, tools.database, tools.planner.engine, tools.queue)
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
        concurrency=1 if queue in ONE_BY_ONE else concurrency,
        fetch_job_polling_interval=URGENT_POLLING_S if queue == URGENT else POLLING_S,
        delete_jobs="successful",
        shutdown_graceful_timeout=drain.GRACE_S,
        install_signal_handlers=False,
        additional_context={
            "database": tools.database,
            "planner": tools.questioner if queue == QUESTIONS else tools.planner,
            "large": tools.large,
            "channels": tools.channels,
        },
    )


def _drains(tools: _Tools) -> dict[str, tuple[Drain, ...]]:
    """What each drained queue looks for and does; a channel that hangs keeps no other waiting."""
    database = tools.database
    send = partial(delivery.deliver, database, tools.channels)
    tell = partial(customer_delivery.deliver, database, tools.channels)
    to_customers = partial(customer_delivery.due, database)
    pushes = partial(outbox.due, database, outbox.PUSH)
    plans = Drain(
        "wishes for plans",
        partial(wishes.waiting, database),
        partial(wishes.gather, database),
        at_once=4,
        every_s=WISHES_EVERY_S,
        longest_rest_s=WISHES_REST_S,
    )
    return {
        PUSH: (Drain("pushes", pushes, send, at_once=PUSHES_AT_ONCE),),
        TEXTS: (
            *(
                Drain(name, partial(outbox.due, database, name), send, every_s=TEXTS_EVERY_S)
                for name in (outbox.SMS, outbox.VOICE, outbox.STAFF)
            ),
            Drain("customers' messages", to_customers, tell, every_s=TEXTS_EVERY_S),
        ),
        WISHES: (plans,),
    }


async def _warm(solver: SolverProcess) -> None:
    """Load the solver before the first plan; a failure shows again, and is told, at that plan."""
    with suppress(Exception):
        await solver.warm()


def _ready(settings: Settings, tools: _Tools) -> asyncio.Task[None]:
    """An express worker plans nothing: without this its first danger waits for what was never done
    before, and its first of an hour for roads.
    """
    rehearsed = False

    async def look() -> None:
        nonlocal rehearsed
        await keep_ready(tools.planner.engine, clock.now())
        rehearsed = rehearsed or await danger.rehearse(tools.planner)

    every_s = max(1.0, ROADS_EVERY_S / settings.demo_rate)
    return asyncio.create_task(every(every_s, "ready for danger", look), name="ready")
