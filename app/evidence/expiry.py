"""Forgetting what has had its time: unfinished uploads, quarantine, recordings, torn copies."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from app.core import clock
from app.core.db import Database
from app.evidence import limits, repository, retention
from app.evidence.creation import forget
from app.evidence.parts import parts
from app.evidence.storage import DiskStorage, quarantine_key, storage

BATCH = 500
TORN_AFTER = timedelta(days=1)


async def purge(database: Database) -> None:
    """Run every hour, by any number of workers: what one has locked the other passes over."""
    await _forget_unfinished(database)
    await _forget_strays(database)
    await _forget_quarantine(database)
    await retention.remove_recordings(database)
    kept = storage()
    if isinstance(kept, DiskStorage):
        await asyncio.to_thread(kept.forget_torn, clock.real_now() - TORN_AFTER)


async def _forget_unfinished(database: Database) -> None:
    """Uploads that got no chunk for as long as they may; a manifest's files are due as before."""
    async with database.transaction() as session:
        expired = await repository.expired(session, clock.real_now(), BATCH)
        for file in expired:
            await forget(session, file)
    await _forget_parts([file.id for file in expired])


async def _forget_strays(database: Database) -> None:
    """Parts that no upload will go on with, such as those of a server killed at the very end."""
    before = clock.real_now() - timedelta(days=limits.current().keeping.upload_days)
    old = await asyncio.to_thread(lambda: list(parts().untouched_since(before)))
    async with database.transaction() as session:
        wanted = await repository.unfinished(session, old)
    await _forget_parts(set(old) - wanted)


async def _forget_parts(file_ids: Collection[UUID]) -> None:
    for file_id in file_ids:
        await asyncio.to_thread(parts().forget, file_id)


async def _forget_quarantine(database: Database) -> None:
    """The bytes go, the row stays: that there was a rejected file is never forgotten."""
    before = clock.now() - timedelta(days=limits.current().keeping.quarantine_days)
    async with database.transaction() as session:
        due = await repository.quarantined_before(session, before, BATCH)
    for each in due:
        await asyncio.to_thread(storage().delete, quarantine_key(each))
        async with database.transaction() as session:
            await repository.mark_purged(session, each, clock.now())
