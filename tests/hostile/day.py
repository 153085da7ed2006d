"""Bytes over the wire of a technician's day of 12 jobs: `python -m tests.hostile.day`.

The same syncs twice: with the cursor, and as a phone would that always asks for everything.
Headers count. Commands and files are left out: both phones send the same.
"""

import asyncio
import json
import random
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from app.core import clock
from app.demo.client import API, Caller, Device, open_http
from tests.factories.world import PASSWORD
from tests.hostile.desk import Desk
from tests.hostile.house import House
from tests.hostile.network import HostileNetwork
from tests.hostile.nursery import Nursery
from tests.hostile.serve import serving

_JOBS = 12
_SHIFT_S = 8 * 3600
_STEPS = ("accept", "contact", "depart", "arrive", "start")


async def main(nursery: Nursery) -> dict[str, Any]:
    """Play the day; bytes by way of syncing."""
    with tempfile.TemporaryDirectory(prefix="paigong-day-") as folder:
        async with House(nursery, Path(folder) / "house", 1, with_worker=False) as house:
            desk = Desk(house, _JOBS, ["H1"], random.Random(1), _JOBS)
            jobs = [str(await house.do(desk.sending("H1"))) for _ in range(_JOBS)]
            return await _day(house, jobs)


async def _day(house: House, jobs: list[str]) -> dict[str, Any]:
    delta, full = HostileNetwork(house.port, 1, 0.0), HostileNetwork(house.port, 1, 0.0)
    syncs, seq = 0, 0
    async with (
        delta,
        full,
        _phone(delta) as by_cursor,
        _phone(full) as anew,
        open_http(house.url) as http,
    ):
        caller = Caller(http, "h1leader", PASSWORD, Device(uuid4(), "day"))
        rules = (await caller.get("/mobile/sync"))["rules"]
        held: dict[str, str] = {}
        looks = _SHIFT_S // rules["sync_every_s"]
        acts = [(kind, job) for job in jobs for kind in _STEPS]
        for look in range(looks + len(acts)):
            if look % 2 == 0 and seq < len(acts):
                await _act(caller, seq + 1, *acts[seq])
                seq += 1
            await _sync(caller, by_cursor, held)
            await _sync(caller, anew, {})
            syncs += 1
    found = {"with_cursor": delta.traffic, "everything_each_time": full.traffic}
    return {
        "jobs": _JOBS,
        "syncs": syncs,
        "sync_every_s": rules["sync_every_s"],
        **{
            name: traffic.sent["sync"] + traffic.received["sync"] for name, traffic in found.items()
        },
    }


def _phone(network: HostileNetwork) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{network.url}{API}", timeout=30)


async def _act(caller: Caller, seq: int, kind: str, order_id: str) -> None:
    command: dict[str, Any] = {
        "id": str(uuid4()),
        "device_seq": seq,
        "kind": kind,
        "order_id": order_id,
        "client_at": clock.now().isoformat(),
    }
    if kind == "contact":
        command["reached"] = True
    await caller.send("POST", "/mobile/commands", json={"commands": [command]})


async def _sync(caller: Caller, http: httpx.AsyncClient, held: dict[str, str]) -> None:
    """One sync; `held` keeps cursor and tag, and stays empty for a phone that keeps none."""
    headers = {**await caller.authorised(), "Device-Time": clock.now().isoformat()}
    query = {"cursor": held["cursor"]} if "cursor" in held else {}
    if "etag" in held:
        headers["If-None-Match"] = held["etag"]
    answer = await http.get("/mobile/sync", params=query, headers=headers)
    assert answer.status_code in (200, 304), answer.text
    if answer.status_code == 200:
        held |= {"cursor": answer.json()["cursor"], "etag": answer.headers["etag"]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Nursery({"api": serving()}))), indent=1))
