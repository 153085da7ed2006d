"""The books checked by several processes at once, all of which see the same instant."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from sqlalchemy import text

from app.core import clock, settings
from app.core.db import Database
from app.core.settings import Settings
from app.verification.books import Part, check_books
from app.verification.difference import Difference
from app.verification.reading import take_snapshot

TIMEOUT_S = 600
Found = tuple[int, list[Difference]]


async def check_in_parts(database: Database, processes: int) -> Found:
    """(entries looked at, differences) of the whole books; the settings are the environment's.

    Each process checks a share of the orders and of the people in the snapshot that this
    transaction holds open until all are done.
    """
    async with database.transaction() as session:
        if processes == 1:
            return await check_books(session)
        await take_snapshot(session)
        shared = (await session.execute(text("SELECT pg_export_snapshot()"))).scalar_one()
        loop, spawned = asyncio.get_running_loop(), multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, spawned) as pool:
            parts = [Part(number, processes) for number in range(processes)]
            found = await asyncio.gather(
                *(loop.run_in_executor(pool, _part, each, shared) for each in parts)
            )
    return sum(each[0] for each in found), [one for each in found for one in each[1]]


def _part(part: Part, snapshot: str) -> Found:
    config = Settings()
    settings.install(config)
    clock.install(config.scaled_clock())

    async def run() -> Found:
        database = Database(config.database_url, statement_timeout_s=TIMEOUT_S)
        try:
            async with database.transaction() as session:
                return await check_books(session, part, snapshot)
        finally:
            await database.close()

    return asyncio.run(run())
