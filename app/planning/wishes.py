"""Wishes for a plan: written with what made the old one stale, gathered per station afterwards.

A wish is a row of its own, so that intake never waits for intake; whoever gathers raises the
station's `dirty_seq` and queues its run, in transactions of its own.
"""

from collections.abc import Collection
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.db import Database
from app.planning import jobs, repository

_WAITING = """
SELECT station_id FROM plan_wishes WHERE station_id <> ALL(:others)
 GROUP BY station_id ORDER BY min(id) LIMIT :most
"""


async def wish(session: AsyncSession, station_id: UUID) -> None:
    """Ask for a plan of the station with this transaction."""
    await sql.rows(
        session,
        "INSERT INTO plan_wishes (station_id, at) VALUES (:station, :at)",
        {"station": station_id, "at": clock.real_now()},
    )


async def waiting(database: Database, most: int, but_for: Collection[UUID]) -> list[UUID]:
    """Stations that a plan is wished for, the longest waiting first."""
    values = {"others": list(but_for), "most": most}
    async with database.transaction() as session:
        return [row.station_id for row in await sql.rows(session, _WAITING, values)]


async def gather(database: Database, station_id: UUID) -> None:
    """Make of all the station's wishes one queued run, unless one waits already.

    A worker that dies in between leaves the station behind, which the sweep finds.
    """
    async with database.transaction() as session:
        wished = await sql.rows(
            session,
            "DELETE FROM plan_wishes WHERE station_id = :station RETURNING id",
            {"station": station_id},
        )
        if not wished:
            return
        await repository.raise_dirty(session, station_id)
        if await jobs.run_waits(session, station_id):
            return  # and begins after this commit, so it sees what changed
    await jobs.queue_run(database, station_id, patient=True)
