"""Texts to customers while their gateway misbehaves: is anybody told the same thing twice?

One number in ten is scripted: the gateway takes the text and says it is down, takes it and never
answers, is down, asks for time, or loses it. Counted is what arrived, by number and sentence.
"""

import asyncio
import time
from collections import Counter
from itertools import cycle
from typing import Any, Final

import httpx
from sqlalchemy import text

from app.core.db import Database

SCRIPTS: Final = ("taken", "unanswered", "unavailable", "quota", "lost")
ONE_IN: Final = 10
RETRY_AFTER_S: Final = 2
LAST_WAIT_S: Final = 90.0


def number_of(order: int) -> str:
    """The telephone of the order's caller."""
    return f"139{order:08d}"


async def script(http: httpx.AsyncClient, push_url: str, orders: int) -> None:
    """Tell the gateway how the first text to each tenth number fares."""
    for order, failure in zip(range(0, orders, ONE_IN), cycle(SCRIPTS), strict=False):
        told = {"failure": failure, "times": 1, "retry_after_s": RETRY_AFTER_S}
        answer = await http.put(f"{push_url}/script/{number_of(order)}", json=told)
        answer.raise_for_status()


async def count(
    http: httpx.AsyncClient, push_url: str, database: Database, orders: int
) -> dict[str, Any]:
    """What arrived once the last message was settled, twice told, and never settled."""
    open_messages = await _settled(database)
    arrived: Counter[tuple[str, str]] = Counter()
    for order in range(orders):
        answer = await http.get(f"{push_url}/phones/{number_of(order)}/messages")
        for each in answer.json()["messages"]:
            arrived[number_of(order), each["data"]["text"]] += 1
    scripted = len(range(0, orders, ONE_IN))
    lost = sum(failure == "lost" for failure, _ in zip(cycle(SCRIPTS), range(scripted)))
    return {
        "customer_texts": arrived.total(),
        "customer_texts_scripted": scripted,
        "customer_duplicates": arrived.total() - len(arrived),
        "customer_untold": orders - lost - len(arrived),
        "customer_unsettled": open_messages,
    }


async def _settled(database: Database) -> int:
    """Wait until every message has had its end; how many have not."""
    deadline = time.monotonic() + LAST_WAIT_S
    query = text("SELECT count(*) FROM customer_messages WHERE state = 'queued'")
    while True:
        async with database.transaction() as session:
            waiting: int = (await session.execute(query)).scalar_one()
        if waiting == 0 or time.monotonic() > deadline:
            return waiting
        await asyncio.sleep(0.5)
