"""All technicians' phones in one process: `python -m app.demo.phones CONFIG.json`.

The config names API, push server, clock, technicians, and the folder of the map whose roads they
drive on (or none); lines on stdin describe sites, and the end of stdin ends the process. Counters,
and what was really driven, go to stdout as lines of JSON, about once a second.
"""

import asyncio
import json
import logging
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from app.demo.client import open_http
from app.demo.crew import Leader
from app.demo.pace import start_clock
from app.demo.person import Person
from app.demo.phone import Phone, installation
from app.demo.roads import Roads, open_roads
from app.demo.sites import Sites

_AT_ONCE = 6


async def main(config: dict[str, Any]) -> None:
    """Switch on every phone, then live until stdin ends."""
    random.seed(config["seed"])
    sites, counts = Sites(), Counter[str]()
    reader = await _stdin()
    async with (
        open_http(config["api"], 60) as http,
        httpx.AsyncClient() as push_http,
        _roads(config) as roads,
    ):
        http.event_hooks["request"].append(_counting(counts))
        phones = [_phone(each, config, http, counts) for each in config["technicians"]]
        await _switch_on(phones)
        _start(config)
        people = {
            phone.technician_id: Person(
                phone.technician_id,
                phone,
                pace=config["shorten"] * random.uniform(0.85, 1.25),
                road_pace=config["shorten"] * random.uniform(0.9, 1.1),
            )
            for phone in phones
        }
        _say({"ready": len(phones)})
        living = [
            asyncio.create_task(each)
            for person in people.values()
            for each in _life(person, Leader(person.phone, people, sites, roads), push_http)
        ]
        living.append(asyncio.create_task(_count(counts, roads)))
        over = asyncio.create_task(sites.learn(reader))
        done, _ = await asyncio.wait([over, *living], return_when=asyncio.FIRST_COMPLETED)
        for task in [over, *living]:
            task.cancel()
        for task in done:
            task.result()


def _phone(
    told: dict[str, Any], config: dict[str, Any], http: httpx.AsyncClient, counts: Counter[str]
) -> Phone:
    return Phone(
        caller=installation(http, told["username"], told["password"]),
        push_server=config["push"],
        counts=counts,
        pull_every_s=config["pull_every_s"],
        place=(told["place"][0], told["place"][1]),
    )


async def _switch_on(phones: list[Phone]) -> None:
    """A few at a time: each sign-in costs the service a password hash."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(phone: Phone) -> None:
        async with gate:
            await phone.switch_on()

    async with asyncio.TaskGroup() as group:
        for phone in phones:
            group.create_task(one(phone))


def _start(config: dict[str, Any]) -> None:
    told = config["clock"]
    start_clock(
        datetime.fromisoformat(told["real_epoch"]),
        datetime.fromisoformat(told["business_epoch"]),
        told["rate"],
    )


def _roads(config: dict[str, Any]) -> AbstractAsyncContextManager[Roads | None]:
    """The physical world: of the service's product nothing is known here but its API."""
    opens_at = datetime.fromisoformat(config["clock"]["business_epoch"])
    maps_dir = Path(config["maps"]) if config["maps"] else None
    start = config["technicians"][0]["place"]
    return open_roads(maps_dir, config["seed"], opens_at, (start[0], start[1]))


def _counting(counts: Counter[str]) -> Callable[[httpx.Request], Awaitable[None]]:
    async def count(_: httpx.Request) -> None:
        counts["requests"] += 1

    return count


def _life(person: Person, leader: Leader, push_http: httpx.AsyncClient) -> list[Any]:
    """What a phone and its owner do all day."""
    return [
        person.phone.listen(push_http),
        person.phone.keep_pulling(),
        leader.answer_jobs(),
        leader.work(),
    ]


async def _count(counts: Counter[str], roads: Roads | None) -> None:
    while True:
        await asyncio.sleep(1)
        driven = roads.odometer.told() if roads else {}
        _say({"counts": dict(counts), "driven": driven})


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    _config = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    asyncio.run(main(_config))
