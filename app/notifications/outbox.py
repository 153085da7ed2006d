"""Messages on their way: queued with the happening, claimed by one worker, found again when lost.

A dispatch is one message through one channel. Its row is written in the business transaction and
is itself the queue (ADR 8); what a dead worker left behind is queued again by `requeue_lost`.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.db import Database
from app.core.ids import new_id

PUSH, SMS, VOICE, STAFF = "push", "sms", "voice", "staff"
LEASE = timedelta(seconds=45)
"""Longer than any provider may take: afterwards the worker that claimed it is dead."""


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
    row = {
        "id": new_id(),
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
    return await sql.insert_once(session, "dispatches", row)


SEEN_AT_ONCE = 1000
"""Of a long queue only the longest due are looked at."""
# The state of a message that it joined is asked row by row: a join would be planned for the few
# open rows that statistics know of, and take the square of a backlog.
_DUE = """
SELECT id FROM (
    SELECT DISTINCT ON (coalesce(user_id, id)) id, due_at
      FROM (SELECT d.id, d.user_id, d.due_at FROM dispatches d
             WHERE d.state = 'queued' AND d.channel = :channel AND d.due_at <= :now
               AND d.id <> ALL(:others)
               AND (d.joined_id IS NULL
                    OR coalesce((SELECT l.state FROM dispatches l WHERE l.id = d.joined_id),
                                'sent') NOT IN ('queued', 'sending'))
             ORDER BY d.due_at LIMIT :seen) longest
     ORDER BY coalesce(user_id, id), id) leads
 ORDER BY due_at LIMIT :most
"""


async def due(database: Database, channel: str, most: int, but_for: Collection[UUID]) -> list[UUID]:
    """Messages of a channel whose turn has come, one per person: what else is due joins it."""
    values = {
        "now": clock.real_now(),
        "channel": channel,
        "others": list(but_for),
        "seen": max(SEEN_AT_ONCE, most),
        "most": most,
    }
    async with database.transaction() as session:
        return [row.id for row in await sql.rows(session, _DUE, values)]


_LOST = """
UPDATE dispatches SET state = 'queued', leased_until = NULL, due_at = :now
 WHERE id IN (SELECT id FROM dispatches WHERE state = 'sending' AND leased_until < :now
               ORDER BY due_at FOR UPDATE SKIP LOCKED)
RETURNING id
"""


async def requeue_lost(database: Database) -> int:
    """Queue again what a worker claimed and never settled, since it died; how many."""
    async with database.transaction() as session:
        return len(await sql.rows(session, _LOST, {"now": clock.real_now()}))
