"""Works out why crews were sent their orders, soon after and beside everything that is urgent.

A row that waits for its reason is written with the assignment and costs no job (ADR 8): a ticker
looks for such rows, and what it misses it finds the next time. The problem of a run is unpacked
once for all of its orders.
"""

import asyncio
import logging
from typing import Any
from uuid import UUID

from app.core.db import Database
from app.planning import reason_rows
from app.planning.reason_rows import Pending
from app.planning.stored import unpacked
from app.planning.why_shown import why_planned

log = logging.getLogger(__name__)
EVERY_S = 10.0
"""Between looks; until then the reason is worked out when somebody asks."""


async def work_out(database: Database) -> None:
    """Store the reason of every order that was sent by plan and lacks it, run after run.

    What cannot be worked out is not tried again. Two workers at the same run do no harm: they find
    the same.
    """
    async with database.transaction() as session:
        runs = await reason_rows.runs_with_pending(session)
    for run_id in runs:
        async with database.transaction() as session:
            pending = await reason_rows.pending_of(session, run_id)
            body = await reason_rows.body_of(session, run_id)
        found = await _reasons(run_id, body, pending)
        async with database.transaction() as session:
            await reason_rows.settle(session, found)


async def _reasons(
    run_id: UUID, body: bytes | None, pending: list[Pending]
) -> dict[UUID, dict[str, Any] | None]:
    """Assignment -> its reason; one at a time takes milliseconds of a thread, so that whatever else
    the process does gets its turn."""
    found: dict[UUID, dict[str, Any] | None] = {each.assignment_id: None for each in pending}
    if body is None:
        return found
    try:
        asked = await asyncio.to_thread(unpacked, body)
    except Exception:
        log.exception("the problem of run %s cannot be read", run_id)
        return found
    for each in pending:
        try:
            found[each.assignment_id] = await asyncio.to_thread(
                why_planned, asked, each.serial, each.crew_id
            )
        except Exception:
            log.exception("why %s was sent by run %s cannot be worked out", each.serial, run_id)
    return found
