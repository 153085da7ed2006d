"""Asks again for what stayed behind: the sweep, not the single job, is the truth."""

import logging
from datetime import timedelta

from app.core import clock, settings
from app.core.db import Database
from app.planning import jobs, policy, repository
from app.planning.models import PlanningRun
from app.planning.publish import tell

log = logging.getLogger(__name__)


async def _end_orphans(database: Database) -> None:
    async with database.transaction() as session:
        for run_id in await repository.end_orphans(session, clock.now()):
            log.warning("planning run %s was left by a dead worker; it is ended", run_id)
            await tell(session, await session.get_one(PlanningRun, run_id))


async def sweep(database: Database) -> None:
    """Queue runs for plans that are behind or old, and commits of visits that became due; end
    runs that a dead worker left.

    A plan is old after five business minutes while orders wait: crews move and shifts begin
    without any order changing. So is one that counts on a crew which has gone off line or silent,
    or whose work outlasts its estimate.
    """
    now = clock.now()
    due_before = now + timedelta(seconds=settings.current().commit_horizon_s)
    await _end_orphans(database)
    async with database.transaction() as session:
        behind = set(await repository.stations_behind(session, now - policy.STALE_AFTER))
        silent_since = now - policy.SILENT_AFTER
        behind |= set(await repository.stations_with_absent_crews(session, silent_since))
        behind |= set(await repository.stations_with_overruns(session, now))
        due = await repository.stations_with_due_visits(session, due_before)
    for station_id in sorted(behind):
        async with database.transaction() as session:
            if not await repository.is_behind(session, station_id):
                await repository.raise_dirty(session, station_id)
        await jobs.queue_run(database, station_id)
    for station_id in due:
        await jobs.queue_commit(database, station_id)
