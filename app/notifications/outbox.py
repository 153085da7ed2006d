"""Messages on their way: queued with the happening, claimed by one worker, found again when lost.

A dispatch is one message through one channel. Its job leaves with the business transaction; what
a dead worker left behind is queued again by `requeue_lost`, which is the truth behind the jobs.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.db import Database
from app.core.ids import new_id
from app.core.jobs import defer
from app.notifications.jobs import send_push, send_text

PUSH, SMS, VOICE, STAFF = "push", "sms", "voice", "staff"
LEASE = timedelta(seconds=45)
"""Longer than any provider may take: afterwards the worker that claimed it is dead."""
LOST_AFTER = timedelta(seconds=15)
"""Due for so long and nobody began: its job is gone."""
SWEPT_AT_ONCE = 500


async def enqueue(
    session: AsyncSession,
    channel: str,
    *,
    about: UUID,
    step: int,
    notification_id: UUID | None = None,
    alarm_id: UUID | None = None,
    user_id: UUID | None = None,
) -> bool:
    """Queue one message with this transaction; False when it was queued before."""
    dispatch_id = new_id()
    row = {
        "id": dispatch_id,
        "key": f"{about}:{step}:{channel}",
        "notification_id": notification_id,
        "alarm_id": alarm_id,
        "user_id": user_id,
        "step": step,
        "channel": channel,
        "state": "queued",
        "attempt": 0,
        "created_at": clock.now(),
        "due_at": clock.real_now(),
    }
    if not await sql.insert_once(session, "dispatches", row):
        return False
    await defer_send(session, dispatch_id, channel)
    return True


async def defer_send(
    session: AsyncSession, dispatch_id: UUID, channel: str, due_at: datetime | None = None
) -> None:
    """Queue the job that sends it, at once or at a real instant.

    Texts and calls have a queue of their own: a push provider that does not answer must not keep
    them waiting.
    """
    at = clock.to_business(due_at) if due_at else None
    task = send_push if channel == PUSH else send_text
    await defer(session, task, at=at, dispatch_id=str(dispatch_id))


_LOST = """
UPDATE dispatches SET state = 'queued', leased_until = NULL, due_at = :now
 WHERE id IN (SELECT id FROM dispatches
               WHERE (state = 'queued' AND due_at < :late AND NOT EXISTS (
                        SELECT FROM procrastinate_jobs j
                         WHERE j.status IN ('todo', 'doing')
                           AND j.args ->> 'dispatch_id' = dispatches.id::text
                           AND coalesce(j.scheduled_at, :now) <= :now))
                  OR (state = 'sending' AND leased_until < :now)
               ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING id, channel
"""


async def requeue_lost(database: Database) -> int:
    """Queue again what is overdue and has no job, and what a worker claimed and never settled.

    Returns how many. A job that waits its turn in a full queue is let be: it needs no second.
    """
    now = clock.real_now()
    async with database.transaction() as session:
        values: dict[str, Any] = {"now": now, "late": now - LOST_AFTER, "most": SWEPT_AT_ONCE}
        rows = (await session.execute(text(_LOST), values)).all()
        for row in rows:
            await defer_send(session, row.id, row.channel)
    return len(rows)
