"""What a worker looks at again and again: what jobs may have lost, and what time alone brings."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from procrastinate import App
from procrastinate.exceptions import ProcrastinateException
from procrastinate.jobs import Status
from sqlalchemy import text

from app.core import clock, feed
from app.core.db import Database
from app.core.settings import Environment, Settings
from app.evidence import expiry
from app.mobile import clocks, notices
from app.notifications import alarms, outbox
from app.notifications import retention as messages
from app.notifications.customer_messages import watch_arrivals
from app.organisation import service as organisation
from app.payouts import sweep as pay
from app.planning import retention as reasons
from app.planning import sent_reasons
from app.planning.sweep import sweep
from app.travel import arrivals, learning
from app.travel import policy as travel
from app.travel import service as trips
from app.web.idempotency import KEPT_DAYS
from app.webhooks import retention as old_webhooks
from app.webhooks import sending as webhooks
from app.work_orders import timers
from routing.engine import RoutingEngine

log = logging.getLogger(__name__)
REMINDERS_EVERY_S = 60.0
"""Business seconds between looks for files of finished jobs that are not in."""
PURGE_EVERY_S = 3600.0
RESCUE_EVERY_S = 30.0
ARRIVALS_EVERY_S = 20.0
"""Business seconds between looks at who moved or runs late."""
PAY_EVERY_S = 900.0
"""Business seconds between looks at what time alone brings to pay."""
DRIVES_EVERY_S = 300.0
"""Business seconds between matchings of what phones measured, and looks whether it is night."""


def tickers(
    settings: Settings, database: Database, engine: RoutingEngine, queue: App
) -> list[asyncio.Task[None]]:
    """A running task for each."""
    timers_s = 1.0 if settings.environment is Environment.DEMO else 5.0
    sweep_s = max(1.0, settings.plan_sweep_s / settings.demo_rate)
    arrivals_s = max(1.0, ARRIVALS_EVERY_S / settings.demo_rate)
    drives_s = max(1.0, DRIVES_EVERY_S / settings.demo_rate)
    reminders_s = max(1.0, REMINDERS_EVERY_S / settings.demo_rate)
    observe = partial(learning.observe, database, engine, lookback=travel.RECENT)
    wanted: list[tuple[str, float, Callable[[], Awaitable[object]]]] = [
        ("ladders", timers_s, partial(alarms.sweep, database)),
        ("lost messages", timers_s, partial(outbox.requeue_lost, database)),
        ("lost webhooks", 10.0, partial(webhooks.requeue_lost, database)),
        ("customers' arrivals", arrivals_s, partial(watch_arrivals, database)),
        ("order timers", timers_s, partial(run_timers, database)),
        ("plan sweep", sweep_s, partial(sweep, database)),
        ("sent reasons", sent_reasons.EVERY_S, partial(sent_reasons.work_out, database)),
        ("arrivals", arrivals_s, partial(arrivals.refresh, database, engine)),
        ("drives", drives_s, observe),
        ("learning", drives_s, partial(learning.learn_by_night, database, engine)),
        ("phone reminders", reminders_s, partial(notices.remind, database)),
        ("pay", max(1.0, PAY_EVERY_S / settings.demo_rate), partial(pay.sweep, database)),
        ("purge", PURGE_EVERY_S, partial(purge, database)),
        ("rescue", RESCUE_EVERY_S, partial(rescue, queue)),
        ("old jobs", RESCUE_EVERY_S, partial(adopt, database)),
    ]
    return [
        asyncio.create_task(every(seconds, name, act), name=name) for name, seconds, act in wanted
    ]


async def every(seconds: float, name: str, act: Callable[[], Awaitable[object]]) -> None:
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
    """Forget what has had its time: stored answers, changes, positions, drives, messages, reasons.

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
    await reasons.purge(database)
    await old_webhooks.purge(database)


_ADOPT = """
WITH gone AS (
    DELETE FROM procrastinate_jobs
     WHERE status IN ('todo', 'failed')
       AND task_name IN ('notifications.push', 'notifications.text', 'notifications.customer',
                         'planning.requested')
    RETURNING task_name, args)
INSERT INTO plan_wishes (station_id, at)
SELECT DISTINCT CAST(args ->> 'station_id' AS uuid), CAST(:at AS timestamptz) FROM gone
 WHERE task_name = 'planning.requested'
"""


async def adopt(database: Database) -> None:
    """Take over what processes of a version before ADR 8 queued while they were replaced."""
    async with database.transaction() as session:
        await session.execute(text(_ADOPT), {"at": clock.real_now()})


async def rescue(queue: App) -> None:
    """Put jobs of workers that died back into the queue; their locks would stay for ever."""
    for job in await queue.job_manager.get_stalled_jobs():
        log.warning("job %s of a dead worker is queued again", job.task_name)
        try:
            await queue.job_manager.retry_job(job, retry_at=clock.real_now())
        except ProcrastinateException:  # a twin with its queueing lock waits already
            await queue.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
