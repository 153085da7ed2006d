"""From intake to the push provider, and from a commit to 200 open screens.

API, worker and push server are real processes (the server is the demo's stand-in for FCM and for
the gateway of texts, asked by the real SDK); the database is on the project's durable server, with
fsync. A long transaction in any database of that server holds back streams and syncs here. First an
agent reports and a dispatcher assigns 20 orders a second at 100 stations to 500 crews: a sample
ends when the provider is called for the order. Meanwhile customers get their receipts through a
gateway that misbehaves. Then orders are taken from crews on their way, while others come in at half
that rate: a sample ends when the old crew's phone, or the customer's link, shows the job no more;
of those that did so after 2 s, or showed it once again, there may be none. Then the event stream.

    python -m benchmarks.push [--orders 200] [--rate 20] [--devices 500] [--moved 40]

Exits with 1 when a limit is missed: `LIMITS`.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import numpy as np
import psycopg
import uvloop

from app.core import clock, migrations, settings
from app.core.db import Database
from app.core.settings import Environment, Settings
from app.demo import text_gateway
from app.demo.fcm_account import write_account
from app.demo.processes import Children
from app.provision import ensure_database
from app.provision.ports import free_port
from benchmarks import push_cpu, push_reassign, push_stage, push_stream, push_texts
from benchmarks.push_client import LeanClient

OUT: Final = Path(__file__).parent / "out" / "push.json"
DATABASE: Final = "paigong_push_benchmark"
SECRET: Final = "a secret of the benchmark, longer than 32 letters"  # noqa: S105
LAST_WAIT_S: Final = 30.0
WARM: Final = 20
"""Orders before the clock runs: the SDK signs in, statements are prepared."""
MOVED_PER_S: Final = 4.0
"""So many orders a second are given to another crew."""
QUEUES: Final = ("push", "texts", "wishes", "default")
LIMITS: Final = {
    "intake_to_provider_p99_s": 1.0,
    "never_called": 0,
    "reassign_phone_p99_s": 2.0,
    "reassign_link_p99_s": 2.0,
    "reassign_still_shown": 0,
    "stream_p99_ms": 300.0,
    "stream_lost": 0,
    "stream_twice": 0,
    "stream_out_of_order": 0,
    "customer_duplicates": 0,
    "customer_untold": 0,
    "customer_unsettled": 0,
}


def _environment(folder: Path, database_url: str, push_url: str) -> dict[str, str]:
    account, channels = folder / "fcm.json", folder / "channels.toml"
    write_account(account, push_url)
    text_gateway.write_channels(channels, push_url)
    return {
        "PAIGONG_ENVIRONMENT": Environment.DEMO.value,
        "DATABASE_URL": database_url,
        "PAIGONG_SECRET_KEY": SECRET,
        "PAIGONG_DATA_DIR": str(folder),
        "PAIGONG_FCM_CREDENTIALS": str(account),
        "PAIGONG_FCM_URL": push_url,
        "PAIGONG_CHANNELS_FILE": str(channels),
        "PAIGONG_PUBLIC_URL": "https://example.org",
    }


async def _answers(http: httpx.AsyncClient, url: str) -> None:
    """Wait until a process serves."""
    async with asyncio.timeout(240):
        while True:
            try:
                if (await http.get(url)).status_code < 500:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def _orders(
    client: LeanClient, stage: push_stage.Stage, numbers: range, rate: float
) -> dict[str, tuple[datetime, datetime]]:
    """Report and assign evenly; when each report left and each assignment was answered."""
    left: dict[str, tuple[datetime, datetime]] = {}

    async def one(number: int) -> None:
        at = clock.real_now()
        order_id = await push_stage.send_order(client, stage, number)
        left[order_id] = (at, clock.real_now())

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for place, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, began + place / rate - time.monotonic()))
            group.create_task(one(number))
    return left


async def _calls(http: httpx.AsyncClient, push_url: str, orders: set[str]) -> dict[str, datetime]:
    """When the provider was first called for each order; waits for the last ones."""
    deadline = time.monotonic() + LAST_WAIT_S
    while True:
        first: dict[str, datetime] = {}
        for call in (await http.get(f"{push_url}/calls")).json()["calls"]:
            named = call["data"].get("order_ids") or call["data"].get("order_id", "")
            for order_id in named.split(","):
                first.setdefault(order_id, datetime.fromisoformat(call["at"]))
        if orders <= first.keys() or time.monotonic() > deadline:
            return first
        await asyncio.sleep(0.5)


async def _intake(
    http: httpx.AsyncClient,
    client: LeanClient,
    stage: push_stage.Stage,
    push_url: str,
    asked: argparse.Namespace,
) -> dict[str, Any]:
    numbers = range(WARM, WARM + asked.orders)
    left = await _orders(client, stage, numbers, asked.rate)
    called = await _calls(http, push_url, set(left))
    told = [(*left[each], called[each]) for each in left if each in called]
    waits = [(end - began).total_seconds() for began, _, end in told]
    after = [(end - answered).total_seconds() for _, answered, end in told]
    return {
        "orders": len(left),
        "orders_per_s": asked.rate,
        "devices": asked.devices,
        "intake_to_provider_p50_s": round(float(np.percentile(waits, 50)), 3),
        "intake_to_provider_p99_s": round(float(np.percentile(waits, 99)), 3),
        "answer_to_provider_p99_s": round(float(np.percentile(after, 99)), 3),
        "busy_answers": client.busy,
        "never_called": len(left.keys() - called.keys()),
    }


async def _build(database_url: str, devices: int) -> push_stage.Stage:
    database = Database(database_url)
    try:
        return await push_stage.build(database, devices)
    finally:
        await database.close()


def _durable_database() -> str:
    """URL of an empty database of this benchmark's own on the project's durable server."""
    if os.environ.get("DATABASE_URL"):
        raise SystemExit("This benchmark drops its database: unset DATABASE_URL and run it again.")
    parts = urlsplit(ensure_database(DATABASE))
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as owner:
        owner.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())
    return ensure_database(DATABASE)


async def measure(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures."""
    database_url = _durable_database()
    migrations.upgrade(database_url)
    settings.install(
        Settings(environment=Environment.TEST, DATABASE_URL=database_url, secret_key=SECRET)
    )
    stage = await _build(database_url, asked.devices)
    push_port, port = free_port(), free_port()
    push_url = f"http://127.0.0.1:{push_port}"
    environment = _environment(folder, database_url, push_url)
    async with (
        Children(folder / "logs", environment) as children,
        httpx.AsyncClient(timeout=90) as http,
        aclosing(LeanClient(port, stage.token)) as client,
    ):
        started = [
            await children.start("push server", "app.demo.fcm", "--port", str(push_port)),
            await children.start("api", "app.cli", "serve", "--port", str(port)),
            await children.start("worker", "benchmarks.push", "--worker"),
        ]
        pids = {each.name: each.process.pid for each in started} | {"load": os.getpid()}
        await _answers(http, f"http://127.0.0.1:{port}/readyz")
        await _answers(http, f"{push_url}/counts")
        await push_texts.script(http, push_url, WARM + asked.orders)
        warm = await _orders(client, stage, range(WARM), asked.rate / 2)
        await _calls(http, push_url, set(warm))
        before = push_cpu.spent_ms(pids, DATABASE)
        told = await _intake(http, client, stage, push_url, asked)
        after = push_cpu.spent_ms(pids, DATABASE)
        told["cpu_ms_per_order"] = {
            name: round((after[name] - before[name]) / asked.orders, 1) for name in after
        }
        told |= await _reassigned(http, client, stage, (push_url, port), asked)
        told |= await _streams(http, stage, push_url, (database_url, port), asked)
    return told | {"cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 1)}


async def _reassigned(
    http: httpx.AsyncClient,
    client: LeanClient,
    stage: push_stage.Stage,
    served: tuple[str, int],
    asked: argparse.Namespace,
) -> dict[str, Any]:
    """Orders taken from crews on their way while others come in; `served` is push URL and port."""
    rate, first = asked.rate / 2, WARM + asked.orders
    ordinary = range(first, first + round(rate * (asked.moved / MOVED_PER_S + 1)))
    told = await push_reassign.run(
        http,
        client,
        stage,
        served,
        partial(_orders, client, stage, ordinary, rate),
        count=asked.moved,
        rate=MOVED_PER_S,
    )
    return told | {"reassign_orders_per_s": rate}


async def _streams(
    http: httpx.AsyncClient,
    stage: push_stage.Stage,
    push_url: str,
    served: tuple[str, int],
    asked: argparse.Namespace,
) -> dict[str, Any]:
    """The event streams, and what customers were sent meanwhile; `served` is database and port."""
    database_url, port = served
    told = await push_stream.run(
        database_url,
        port,
        stage.token,
        stage.stations,
        clients=asked.clients,
        rate=asked.changes,
        seconds=asked.seconds,
    )
    database = Database(database_url)
    try:
        return told | await push_texts.count(http, push_url, database, WARM + asked.orders)
    finally:
        await database.close()


def _work() -> None:
    """The worker's process: everything but planning, which is another benchmark's."""
    from app.worker import run_worker

    uvloop.run(run_worker(Settings(), queues=QUEUES))


def main() -> None:
    """Measure, print, and write `benchmarks/out/push.json`."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.push")
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--moved", type=int, default=40, help="orders given to another crew")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--changes", type=int, default=100, help="a second")
    parser.add_argument("--seconds", type=int, default=10, help="of changes")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        _work()
        return
    with tempfile.TemporaryDirectory() as folder:
        told = uvloop.run(measure(asked, Path(folder)))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    missed = [name for name, limit in LIMITS.items() if told[name] > limit]
    for name, value in told.items():
        limit = f"limit {LIMITS[name]}" if name in LIMITS else ""
        print(f"{name:28} {value!s:>10} {limit} {'MISSED' if name in missed else ''}".rstrip())
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
