"""Forgetting webhooks that have had their time: messages, deliveries and their log."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.catalogue import service as policies
from app.core import clock
from app.core.db import Database

AT_ONCE = 2000

_OLD = (
    "DELETE FROM webhook_attempts WHERE id IN (SELECT a.id FROM webhook_attempts a"
    " JOIN webhook_deliveries d ON d.id = a.delivery_id"
    " JOIN webhook_messages m ON m.id = d.message_id"
    " WHERE m.created_at < :before LIMIT :most)",
    "DELETE FROM webhook_deliveries WHERE id IN (SELECT d.id FROM webhook_deliveries d"
    " JOIN webhook_messages m ON m.id = d.message_id WHERE m.created_at < :before"
    " AND NOT EXISTS (SELECT FROM webhook_attempts a WHERE a.delivery_id = d.id) LIMIT :most)",
    "DELETE FROM webhook_messages WHERE id IN (SELECT id FROM webhook_messages m"
    " WHERE m.created_at < :before"
    " AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.message_id = m.id) LIMIT :most)",
)


async def purge(database: Database) -> int:
    """Delete what is older than the policy keeps, a little per transaction; how many rows went."""
    async with database.transaction() as session:
        days = (await policies.policy(session)).rules.messages.kept_days
    before, gone = clock.now() - timedelta(days=days), 0
    for statement in _OLD:
        while True:
            async with database.transaction() as session:
                values = {"before": before, "most": AT_ONCE}
                found: Any = await session.execute(text(statement), values)
            gone += found.rowcount
            if found.rowcount == 0:
                break
    return gone
