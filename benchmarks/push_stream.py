"""200 open event streams at 100 changes a second: how late, and is anything lost or out of order.

Clients read raw sockets, as many as the machine allows in one process; some hang up in the middle
and resume two seconds later by the id of the last event that they heard.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg

from app.core import clock, feed
from app.core.db import app_conninfo
from app.core.ids import new_id

EVENT: Final = re.compile(
    rb"id: (\S+)\nevent: (change|ready)\n"
    rb'data: \{(?:"entity":"work_order","entity_id":"([0-9a-f-]{36})"[^}]*)?\}\n\n'
)
CHANGE: Final = """
INSERT INTO change_feed (entity, entity_id, audience_before, audience_after, at)
VALUES ('work_order', %s, '{}', %s, %s)
"""
AWAY_S: Final = 2.0
LAST_WAIT_S: Final = 20.0


@dataclass(slots=True)
class Reader:
    """One client; `heard` are the numbers of changes in the order in which they came."""

    goes_away: bool
    heard: list[int] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    last_id: str = ""
    ready: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Changes:
    """What was committed: number and time by entity id."""

    numbers: dict[str, int] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    total: int = 0


async def run(
    database_url: str,
    port: int,
    token: str,
    stations: Sequence[UUID],
    *,
    clients: int,
    rate: int,
    seconds: int,
) -> dict[str, Any]:
    """Latency in milliseconds, and how many events were lost or came out of order."""
    changes = Changes(total=rate * seconds)
    readers = [Reader(goes_away=number % 10 == 0) for number in range(clients)]
    tasks = [asyncio.create_task(_read(each, port, token, changes)) for each in readers]
    await asyncio.gather(*(each.ready.wait() for each in readers))
    away = asyncio.create_task(_send_away(readers, tasks, port, token, changes, seconds / 3))
    await _change(database_url, stations, changes, rate)
    tasks = await away
    async with asyncio.timeout(LAST_WAIT_S):
        await asyncio.gather(*tasks)
    expected = list(range(changes.total))
    stayed = [ms for each in readers if not each.goes_away for ms in each.late_ms]
    return {
        "clients": clients,
        "changes_per_s": rate,
        "changes": changes.total,
        "resumed": sum(each.goes_away for each in readers),
        "stream_p50_ms": round(float(np.percentile(stayed, 50)), 1),
        "stream_p99_ms": round(float(np.percentile(stayed, 99)), 1),
        "stream_lost": sum(len(set(expected) - set(each.heard)) for each in readers),
        "stream_twice": sum(len(each.heard) - len(set(each.heard)) for each in readers),
        "stream_out_of_order": sum(each.heard != sorted(each.heard) for each in readers),
    }


async def _change(database_url: str, stations: Sequence[UUID], changes: Changes, rate: int) -> None:
    """Commit one change after the other, evenly, as the feed writes them, of one station each."""
    began = time.monotonic()
    connection = await psycopg.AsyncConnection.connect(
        **app_conninfo(database_url), autocommit=True
    )
    async with connection:
        for number in range(changes.total):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            entity_id = new_id()
            changes.numbers[str(entity_id)] = number
            changes.began[str(entity_id)] = time.monotonic()
            token = feed.station_token(stations[number % len(stations)])
            await connection.execute(CHANGE, (entity_id, [token], clock.real_now()))


async def _send_away(
    readers: Sequence[Reader],
    tasks: list[asyncio.Task[None]],
    port: int,
    token: str,
    changes: Changes,
    after_s: float,
) -> list[asyncio.Task[None]]:
    await asyncio.sleep(after_s)
    gone = [number for number, each in enumerate(readers) if each.goes_away]
    for number in gone:
        tasks[number].cancel()
    await asyncio.sleep(AWAY_S)
    for number in gone:
        tasks[number] = asyncio.create_task(_read(readers[number], port, token, changes))
    return tasks


async def _read(reader: Reader, port: int, token: str, changes: Changes) -> None:
    stream, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    resume = f"Last-Event-ID: {reader.last_id}\r\n" if reader.last_id else ""
    writer.write(
        (
            "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            f"Authorization: Bearer {token}\r\n{resume}\r\n"
        ).encode()
    )
    waiting = b""
    try:
        while len(reader.heard) < changes.total:
            piece = await stream.read(2**18)
            if not piece:
                raise RuntimeError(f"the stream ended: {waiting[-300:]!r}")
            waiting = _take(reader, waiting + piece, changes)
    finally:
        writer.close()


def _take(reader: Reader, waiting: bytes, changes: Changes) -> bytes:
    now, end = time.monotonic(), 0
    for found in EVENT.finditer(waiting):
        end = found.end()
        reader.last_id = found[1].decode()
        if found[2] == b"ready":
            reader.ready.set()
        elif found[3] and (number := changes.numbers.get(found[3].decode())) is not None:
            reader.heard.append(number)
            reader.late_ms.append((now - changes.began[found[3].decode()]) * 1000)
    return waiting[end:]
