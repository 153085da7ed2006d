"""Forgetting why orders were sent, when messages about them are forgotten (`kept_days`)."""

from datetime import timedelta

from app.catalogue import service as policies
from app.core import clock
from app.core.db import Database
from app.planning import reason_rows

AT_ONCE = 2000
"""Rows per transaction: the change feed's horizon waits for every one that is open."""


async def purge(database: Database) -> int:
    """Delete what is older than the policy keeps, a little per transaction; how many rows went."""
    async with database.transaction() as session:
        days = (await policies.policy(session)).rules.messages.kept_days
    before, gone = clock.now() - timedelta(days=days), 0
    while True:
        async with database.transaction() as session:
            found = await reason_rows.forget_before(session, before, AT_ONCE)
        gone += found
        if found == 0:
            return gone
