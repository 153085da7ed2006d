"""Forgetting messages that have had their time, as the policy in force says (`kept_days`).

Alarms, the steps that they took and what people answered are never forgotten: they are few, and
tell how long a crew was silent. What delivery figures count is kept for more than a year.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as policies
from app.core import clock
from app.core.db import Database

AT_ONCE = 2000
"""Rows per transaction: the change feed's horizon waits for every one that is open."""

# In this order: each is free once what points to it is gone.
_OLD = (
    "DELETE FROM delivery_attempts WHERE id IN"
    " (SELECT id FROM delivery_attempts WHERE at < :before LIMIT :most)",
    "DELETE FROM dispatches WHERE id IN (SELECT id FROM dispatches d WHERE d.created_at < :before"
    " AND NOT EXISTS (SELECT FROM delivery_attempts a WHERE a.dispatch_id = d.id)"
    " AND NOT EXISTS (SELECT FROM dispatches j WHERE j.joined_id = d.id) LIMIT :most)",
    "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications n"
    " WHERE n.created_at < :before"
    " AND NOT EXISTS (SELECT FROM delivery_attempts a WHERE a.notification_id = n.id)"
    " AND NOT EXISTS (SELECT FROM dispatches d WHERE d.notification_id = n.id) LIMIT :most)",
    "DELETE FROM customer_messages WHERE id IN"
    " (SELECT id FROM customer_messages WHERE created_at < :before AND state <> 'queued'"
    " LIMIT :most)",
)


async def _kept_since(session: AsyncSession) -> datetime:
    """What is older may go."""
    days = (await policies.policy(session)).rules.messages.kept_days
    return clock.now() - timedelta(days=days)


async def purge(database: Database) -> int:
    """Delete what is too old, a little per transaction; how many rows went."""
    async with database.transaction() as session:
        before = await _kept_since(session)
    return sum([await _in_pieces(database, statement, before) for statement in _OLD])


async def _in_pieces(database: Database, statement: str, before: datetime) -> int:
    """Repeat a DELETE of at most `:most` rows older than `:before` until it finds no more."""
    gone = 0
    while True:
        values: dict[str, Any] = {"before": before, "most": AT_ONCE}
        async with database.transaction() as session:
            deleted: Any = await session.execute(text(statement), values)
            found: int = deleted.rowcount
        gone += found
        if found == 0:
            return gone
