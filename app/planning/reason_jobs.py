"""Works out why crews were sent their orders, soon after and beside everything that is urgent.

A row that waits for its reason is written with the assignment, so what a job misses the next one
finds. The problem of its run is unpacked once for all of its orders.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from procrastinate import JobContext
from procrastinate.exceptions import AlreadyEnqueued

from app.core import clock, jobs
from app.core.db import Database
from app.planning import reason_rows
from app.planning.reason_rows import Pending
from app.planning.stored import Asked, unpacked
from app.planning.why_shown import why_planned

log = logging.getLogger(__name__)
QUEUE = "questions"
"""Beside "what if", away from plans and dispatch."""
LAST = -10
"""Priority in that queue: somebody waits for an answer, nobody for this."""
LOCK = "sent-reasons"
SOON = timedelta(seconds=5)
"""The push of what was just sent comes first."""


@jobs.app.task(name="planning.reasons", queue=QUEUE, priority=LAST, pass_context=True)
async def work_out_reasons(context: JobContext) -> None:
    """Store the reason of every order that was sent by plan and lacks it."""
    await work_out(context.additional_context["database"])


async def ask(database: Database) -> None:
    """Queue it unless it waits already."""
    with suppress(AlreadyEnqueued):
        async with database.transaction() as session:
            at = clock.now() + SOON
            await jobs.defer(session, work_out_reasons, lock=LOCK, queueing_lock=LOCK, at=at)


async def work_out(database: Database) -> None:
    """Run after run; what cannot be worked out is not tried again."""
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
    """Assignment -> its reason; a thread at a time takes milliseconds, so others get their turn."""
    found: dict[UUID, dict[str, Any] | None] = {each.assignment_id: None for each in pending}
    if body is None:
        return found
    try:
        asked = await asyncio.to_thread(unpacked, body)
        for each in pending:
            found[each.assignment_id] = await asyncio.to_thread(_reason, asked, each)
    except Exception:
        log.exception("the reasons of run %s cannot be worked out", run_id)
    return found


def _reason(asked: Asked, sent: Pending) -> dict[str, Any] | None:
    """None where the order was sent to another crew than that run's: danger took its place."""
    why = why_planned(asked, sent.serial)
    return why if why is not None and why["chosen"]["crew_id"] == sent.crew_id else None
