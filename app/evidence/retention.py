"""Recordings are kept for 90 days: then the bytes go, and the record stays (DOMAIN 6, 录音录像)."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.evidence import limits, repository
from app.evidence.storage import kept_key, storage
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.states import ENDED, Action, State
from app.work_orders.transitions import transition

BATCH = 200
AGAIN = timedelta(days=30)
"""Bytes of what was removed lately are deleted again: a sweep may have died in between."""


async def remove_recordings(database: Database) -> None:
    """Remove the sound and video of orders that are over, once their days have passed.

    Row, size and hash stay, and an event of the order's chain says which files the policy removed.
    Bytes that another file still names stay too.
    """
    before = clock.now() - timedelta(days=limits.current().keeping.recordings_days)
    async with database.transaction() as session:
        due = await repository.orders_with_old_recordings(session, before, BATCH)
    for order_id in due:
        async with database.transaction() as session:
            await _remove(session, order_id, before)
    async with database.transaction() as session:
        hashes = await repository.removed_hashes(session, clock.now() - AGAIN)
    for sha256 in hashes:
        await asyncio.to_thread(storage().delete, kept_key(sha256))


async def _remove(session: AsyncSession, order_id: UUID, before: datetime) -> None:
    order = await work_orders.locked_any(session, order_id)
    files = await repository.old_recordings(session, order_id, before)
    if State(order.state) not in ENDED or not files:
        return  # another sweep was here
    act = Act.by_timer()
    for file in files:
        file.removed_at = act.at
    told = [
        {"file_id": str(file.id), "sha256": file.sha256, "size_bytes": file.size_bytes}
        for file in files
    ]
    days = limits.current().keeping.recordings_days
    await transition(session, order, Action.RECORDINGS_REMOVED, act, days=days, files=told)
