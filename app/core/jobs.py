"""Background jobs, deferred inside the business transaction (a transactional outbox).

Only `defer` puts a job in the queue. It joins the session's own transaction: no job survives a
rollback, and none starts before the commit. Effects are at-least-once: a job re-reads the state.
"""

from contextlib import nullcontext
from datetime import datetime
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.tasks import Task
from psycopg.pq import TransactionStatus
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.db import app_conninfo

app = App(connector=PsycopgConnector())
"""Tasks register here; a worker opens it on a real connection with `opened_app`."""


def opened_app(database_url: str) -> App:
    """The task app bound to a database, for a worker process to open and run."""
    return app.with_connector(PsycopgConnector(kwargs=app_conninfo(database_url)))


async def defer(
    session: AsyncSession,
    task: Task[..., Any, Any],
    *,
    lock: str | None = None,
    queueing_lock: str | None = None,
    at: datetime | None = None,
    **arguments: Any,
) -> None:
    """Queue `task` with this transaction; `at` is business time.

    Raises RuntimeError on a connection outside a transaction, where the job would be committed
    by itself, and procrastinate's AlreadyEnqueued for a taken `queueing_lock`. A queueing lock
    belongs in a short transaction of its own, never in a business transaction: it would block.
    """
    await session.flush()
    raw = await sql.driver(session)
    if raw.info.transaction_status == TransactionStatus.IDLE:
        await raw.execute("SELECT 1")  # the first statement begins the transaction
    if raw.info.transaction_status != TransactionStatus.INTRANS:
        raise RuntimeError("a job can only be deferred inside a transaction")
    configured = task.configure(
        connection=raw,
        lock=lock,
        queueing_lock=queueing_lock,
        schedule_at=clock.to_real(at) if at else None,
    )
    # Only a taken queueing lock is a failure that callers live with; a savepoint costs two trips.
    async with raw.transaction() if queueing_lock else nullcontext():
        await configured.defer_async(**arguments)


async def waits(session: AsyncSession, queueing_lock: str) -> bool:
    """Whether a job with this queueing lock waits already; then it waits for this transaction too.

    Workers pass over a locked row, so the job begins after the commit and sees what changed.
    """
    statement = (
        "SELECT id FROM procrastinate_jobs WHERE queueing_lock = :lock AND status = 'todo'"
        " FOR KEY SHARE"
    )
    return await sql.first(session, statement, {"lock": queueing_lock}) is not None


async def under_way(session: AsyncSession, lock: str) -> bool:
    """Whether a job with this lock waits or is being done, as far as the queue knows."""
    statement = (
        "SELECT id FROM procrastinate_jobs WHERE lock = :lock AND status IN ('todo', 'doing')"
        " LIMIT 1"
    )
    return await sql.first(session, statement, {"lock": lock}) is not None
