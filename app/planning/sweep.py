"""Asks again for what stayed behind: the sweep, not the single job, is the truth."""

from datetime import timedelta

from app.core import clock, settings
from app.core.db import Database
from app.planning import jobs, policy, repository


async def sweep(database: Database) -> None:
    """Queue runs for plans that are behind or old, and commits of visits that became due.

    A plan is old after five business minutes while orders wait: crews move and shifts begin
    without any order changing.
    """
    now = clock.now()
    due_before = now + timedelta(seconds=settings.current().commit_horizon_s)
    async with database.transaction() as session:
        behind = await repository.stations_behind(session, now - policy.STALE_AFTER)
        due = await repository.stations_with_due_visits(session, due_before)
    for station_id in behind:
        async with database.transaction() as session:
            if not await repository.is_behind(session, station_id):
                await repository.raise_dirty(session, station_id)
        await jobs.queue_run(database, station_id)
    for station_id in due:
        await jobs.queue_commit(database, station_id)
