"""One reader of the change feed per process, for all of its open streams.

A connection listens for the feed's wake-up, another reads what is new with one SELECT, below the
horizon of running transactions; streams hold no connection. What is still above the horizon is
read again soon, since no second wake-up follows.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text

from app.core.db import Database, app_conninfo
from app.core.feed import Cursor
from app.stream.clients import Client, Clients, Word
from app.stream.events import FeedRow

CHANNEL = "change_feed"
ROWS_AT_ONCE = 1000
IDLE_S = 5.0
"""Looked at so often without any wake-up."""
GATHERED_S = 0.03
"""So long after a read the next one waits: what comes meanwhile leaves in one piece per stream."""
SETTLING_S = 0.02
LOST_CONNECTION_S = 1.0
_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_HEAD = f"SELECT epoch, {_HORIZON} - 1, purged_xid FROM feed_epoch WHERE id = 1"
_NEWS = f"""
SELECT e.epoch, {_HORIZON}, c.xid, c.id, c.entity, c.entity_id, c.audience_before, c.audience_after
  FROM feed_epoch e LEFT JOIN change_feed c ON (c.xid, c.id) > (%s, %s)
 WHERE e.id = 1 ORDER BY c.xid, c.id LIMIT %s
"""
_BETWEEN = """
SELECT xid, id, entity, entity_id, audience_before, audience_after FROM change_feed
 WHERE (xid, id) > (:xid, :id) AND (xid, id) <= (:upto_xid, :upto_id)
   AND (:everything OR audience_after && :tokens OR audience_before && :tokens)
 ORDER BY xid, id LIMIT :most
"""
_LAST_ID = 2**63 - 1

log = logging.getLogger(__name__)
Connection = psycopg.AsyncConnection[Any]


class Hub:
    """Reads the feed from its first client on; `position` is how far all of them have been told."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clients = Clients()
        self.position: Cursor | None = None
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Lock()

    async def start(self) -> None:
        """Take the feed's head as position and begin to read; once."""
        async with self._started:
            if self._task is None or self._task.done():
                epoch, xid, _ = await self._head()
                self.position = Cursor(epoch, xid, _LAST_ID)
                self._task = asyncio.create_task(self._run(), name="feed hub")

    async def close(self) -> None:
        """Stop reading; open streams end when their server stops."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def join(
        self, audience: frozenset[str] | None, cursor: Cursor | None, person: str | None = None
    ) -> Client:
        """A stream that hears all beyond `cursor`, or beyond now; fill the gap with `missed`."""
        assert self.position is not None
        behind = cursor is None or (cursor.xid, cursor.id) < (self.position.xid, self.position.id)
        place = self.position if behind or cursor is None else cursor
        client = Client(audience, place, person)
        self.clients.add(client)
        return client

    async def missed(
        self, audience: frozenset[str] | None, cursor: Cursor, upto: Cursor
    ) -> AsyncIterator[list[FeedRow]]:
        """What came after `cursor` up to a client's place, in pieces."""
        at = (cursor.xid, cursor.id)
        while at < (upto.xid, upto.id):
            values = {
                "xid": at[0],
                "id": at[1],
                "upto_xid": upto.xid,
                "upto_id": upto.id,
                "everything": audience is None,
                "tokens": sorted(audience or ()),
                "most": ROWS_AT_ONCE,
            }
            async with self.database.transaction() as session:
                rows = (await session.execute(text(_BETWEEN), values)).all()
            yield [_row(upto.epoch, row) for row in rows]
            if len(rows) < ROWS_AT_ONCE:
                return
            at = (rows[-1][0], rows[-1][1])

    async def is_good(self, cursor: Cursor) -> bool:
        """Whether nothing after the place was purged, and the history is still the same."""
        epoch, _, purged = await self._head()
        return bool(epoch == cursor.epoch and (cursor.xid, cursor.id) >= (purged, _LAST_ID))

    async def _head(self) -> tuple[UUID, int, int]:
        async with self.database.transaction() as session:
            epoch, xid, purged = (await session.execute(text(_HEAD))).one()
        return epoch, xid, purged

    async def _connect(self) -> Connection:
        return await psycopg.AsyncConnection.connect(
            **app_conninfo(self.database.url), autocommit=True
        )

    async def _run(self) -> None:
        while True:
            try:
                async with await self._connect() as listening, await self._connect() as reading:
                    await listening.execute(f"LISTEN {CHANNEL}")
                    await self._follow(listening, reading)
            except Exception:
                # Also what is no error of the database: streams must not fall silent for good.
                log.warning("the hub could not read on, it connects again", exc_info=True)
                await asyncio.sleep(LOST_CONNECTION_S)

    async def _follow(self, listening: Connection, reading: Connection) -> None:
        """Read, then wait for a wake-up; the first read closes the gap of a lost connection."""
        while True:
            settling = await self._read(reading)
            await asyncio.sleep(GATHERED_S)
            wait_s = SETTLING_S if settling else IDLE_S
            async for _ in listening.notifies(timeout=wait_s, stop_after=1):
                pass

    async def _read(self, connection: Connection) -> bool:
        """Spread all that is below the horizon; whether more is committed above it."""
        while True:
            assert self.position is not None
            at = self.position
            cursor = await connection.execute(_NEWS, (at.xid, at.id, ROWS_AT_ONCE))
            rows = await cursor.fetchall()
            epoch, horizon = rows[0][0], rows[0][1]
            if epoch != at.epoch:
                self._begin_anew(epoch, horizon)
                return False
            told = [row[2:] for row in rows if row[2] is not None and row[2] < horizon]
            for row in told:
                self.clients.spread(_row(epoch, row))
            if told:
                self.position = Cursor(epoch, told[-1][0], told[-1][1])
            if len(told) < ROWS_AT_ONCE:
                return len(told) < sum(row[2] is not None for row in rows)

    def _begin_anew(self, epoch: UUID, horizon: int) -> None:
        self.position = Cursor(epoch, horizon - 1, _LAST_ID)
        for client in self.clients.all():
            client.end(Word.RESTORED)


def _row(epoch: UUID, row: Any) -> FeedRow:
    xid, number, entity, entity_id, before, after = row
    return FeedRow(
        Cursor(epoch, xid, number), entity, entity_id, frozenset(before), frozenset(after)
    )


class HubOnDemand:
    """The hub of the database that the app works on; made at the first stream."""

    def __init__(self) -> None:
        self._hub: Hub | None = None

    async def of(self, database: Database) -> Hub:
        """A running hub."""
        if self._hub is None or self._hub.database is not database:
            await self.close()
            self._hub = Hub(database)
        await self._hub.start()
        return self._hub

    @property
    def open_streams(self) -> int:
        """How many read now."""
        return self._hub.clients.count if self._hub else 0

    @property
    def position(self) -> Cursor | None:
        """How far all streams of this process have been told; None before the first one."""
        return self._hub.position if self._hub else None

    async def close(self) -> None:
        """Stop the hub."""
        if self._hub is not None:
            await self._hub.close()
            self._hub = None
