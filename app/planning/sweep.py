"""Asks again for what stayed behind: the sweep, not the single job, is the truth."""

import logging
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.db import Database
from app.organisation import service as organisation
from app.planning import jobs, policy, repository
from app.planning.models import PlanningRun
from app.planning.publish import tell

log = logging.getLogger(__name__)


async def _end_orphans(database: Database) -> None:
    async with database.transaction() as session:
        for run_id in await repository.end_orphans(session, clock.now()):
            log.warning("planning run %s was left by a dead worker; it is ended", run_id)
            await tell(session, await session.get_one(PlanningRun, run_id))


async def _under_way(session: AsyncSession) -> set[UUID]:
    """Stations that a run at work is about to give a new plan."""
    query = select(PlanningRun.station_id).where(
        col(PlanningRun.state) == "running", col(PlanningRun.publish)
    )
    at_work = (await session.exec(query)).all()
    return {each for station in at_work for each in await organisation.subtree(session, station)}


async def sweep(database: Database) -> None:
    """Queue runs for plans that are behind or old, and commits of visits that became due; end
    runs that a dead worker left.

    A plan is old after five business minutes while orders wait: crews move and shifts begin
    without any order changing; where a run at work replaces it, as in a whole city's minutes, that
    is waited for. A plan that counts on a crew which has gone off line or silent, or whose work
    outlasts its estimate, is made anew in any case.
    """
    now = clock.now()
    due_before = now + timedelta(seconds=settings.current().commit_horizon_s)
    await _end_orphans(database)
    async with database.transaction() as session:
        old = set(await repository.stations_behind(session, now - policy.STALE_AFTER))
        silent_since = now - policy.SILENT_AFTER
        wrong = set(await repository.stations_with_absent_crews(session, silent_since))
        wrong |= set(await repository.stations_with_overruns(session, now))
        waited_for = await _under_way(session) - wrong
        due = await repository.stations_with_due_visits(session, due_before)
    for station_id in sorted(old | wrong):
        async with database.transaction() as session:
            if not await repository.is_behind(session, station_id):
                if station_id in waited_for:
                    continue
                await repository.raise_dirty(session, station_id)
        await jobs.queue_run(database, station_id, patient=True)
    for station_id in due:
        await jobs.queue_commit(database, station_id)
