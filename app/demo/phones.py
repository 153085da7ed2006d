"""All technicians' phones in one process: `python -m app.demo.phones CONFIG.json`.

The config names API, push server, clock and technicians; lines on stdin describe sites, and the
end of stdin ends the process. Counters go to stdout as lines of JSON, about once a second.
"""

import asyncio
import json
import logging
import random
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from app.demo.client import open_http
from app.demo.crew import Leader
from app.demo.pace import start_clock
from app.demo.person import Person
from app.demo.phone import Phone, installation
from app.demo.sites import Sites

_AT_ONCE = 6


async def main(config: dict[str, Any]) -> None:
    """Switch on every phone, then live until stdin ends."""
    random.seed(config["seed"])
    sites, counts = Sites(), Counter[str]()
    reader = await _stdin()
    async with open_http(config["api"], 60) as http, httpx.AsyncClient() as push_http:
        phones = [_phone(each, config, http, counts) for each in config["technicians"]]
        await _switch_on(phones)
        _start(config)
        people = {
            phone.technician_id: Person(
                phone.technician_id, phone, config["shorten"] * random.uniform(0.85, 1.25)
            )
            for phone in phones
        }
        _say({"ready": len(phones)})
        living = [
            asyncio.create_task(each)
            for person in people.values()
            for each in _life(person, people, sites, push_http)
        ]
        living.append(asyncio.create_task(_count(counts)))
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


def _life(
    person: Person, people: dict[str, Person], sites: Sites, push_http: httpx.AsyncClient
) -> list[Any]:
    """What a phone and its owner do all day."""
    leader = Leader(person.phone, people, sites)
    return [
        person.phone.listen(push_http),
        person.phone.keep_pulling(),
        leader.answer_jobs(),
        leader.work(),
    ]


async def _count(counts: Counter[str]) -> None:
    while True:
        await asyncio.sleep(1)
        _say({"counts": dict(counts)})


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
