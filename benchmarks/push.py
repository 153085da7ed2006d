"""From intake to the push provider, and from a commit to 200 open screens.

API, worker and push server are real processes (the server is the demo's stand-in for FCM, asked by
the real SDK); the database is the project's own, durable. First an agent reports and a dispatcher
assigns 20 orders a second to 500 crews: a sample ends when the provider is called for the order.
Then the event stream. Texts to customers are counted at the gateway by their key.

    python -m benchmarks.push [--orders 200] [--rate 20] [--devices 500] [--clients 200]
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import numpy as np
from sqlalchemy import text

from app.core import clock, migrations, settings
from app.core.db import Database
from app.core.settings import Environment, Settings
from app.demo import text_gateway
from app.demo.fcm_account import write_account
from app.demo.processes import Children
from app.provision import ensure_database
from app.provision.ports import free_port
from benchmarks import push_stage, push_stream

OUT: Final = Path(__file__).parent / "out" / "push.json"
DATABASE: Final = "paigong_push_benchmark"
SECRET: Final = "a secret of the benchmark, longer than 32 letters"  # noqa: S105
LAST_WAIT_S: Final = 30.0
CALLER: Final = "13900000001"
QUEUES: Final = ("push", "texts", "default")


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
    http: httpx.AsyncClient, stage: push_stage.Stage, count: int, rate: float
) -> dict[str, tuple[datetime, datetime]]:
    """Report and assign evenly; when each report left and each assignment was answered."""
    left: dict[str, tuple[datetime, datetime]] = {}

    async def one(number: int) -> None:
        at = clock.real_now()
        order = await _post(
            http,
            "/work-orders",
            {
                "caller": {"name": "王女士", "phone": CALLER},
                "premises_id": str(stage.premises[number % len(stage.premises)]),
                "fault_code": "H01",
                "description": "全屋不热",
            },
        )
        crew = stage.crews[number % len(stage.crews)]
        await _post(
            http, f"/work-orders/{order['id']}/assign", {"crew_id": str(crew), "reason": "next"}
        )
        left[order["id"]] = (at, clock.real_now())

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            group.create_task(one(number))
    return left


async def _post(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post(path, json=body, headers={"Idempotency-Key": str(uuid4())})
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


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
        await asyncio.sleep(0.25)


async def _intake(
    http: httpx.AsyncClient, stage: push_stage.Stage, push_url: str, asked: argparse.Namespace
) -> dict[str, Any]:
    left = await _orders(http, stage, asked.orders, asked.rate)
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
        "never_called": len(left.keys() - called.keys()),
    }


async def _customers(http: httpx.AsyncClient, push_url: str, database: Database) -> dict[str, int]:
    """Texts that reached the customer, and how many more than there was to say."""
    box = (await http.get(f"{push_url}/phones/{CALLER}/messages")).json()["messages"]
    async with database.transaction() as session:
        query = text("SELECT count(*) FROM customer_messages WHERE state = 'sent'")
        meant: int = (await session.execute(query)).scalar_one()
    return {"customer_texts": len(box), "customer_duplicates": max(0, len(box) - meant)}


async def _build(database_url: str, devices: int) -> push_stage.Stage:
    database = Database(database_url)
    try:
        return await push_stage.build(database, devices)
    finally:
        await database.close()


async def measure(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures."""
    database_url = ensure_database(DATABASE, throwaway=True, fresh=True)
    migrations.upgrade(database_url)
    settings.install(
        Settings(environment=Environment.TEST, DATABASE_URL=database_url, secret_key=SECRET)
    )
    stage = await _build(database_url, asked.devices)
    push_port, port = free_port(), free_port()
    push_url = f"http://127.0.0.1:{push_port}"
    environment = _environment(folder, database_url, push_url)
    limits = httpx.Limits(max_connections=100)
    async with (
        Children(folder / "logs", environment) as children,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            headers={"Authorization": f"Bearer {stage.token}"},
            timeout=90,
            limits=limits,
        ) as http,
    ):
        await children.start("push", "app.demo.fcm", "--port", str(push_port))
        await children.start("api", "app.cli", "serve", "--port", str(port))
        await children.start("worker", "benchmarks.push", "--worker")
        await _answers(http, f"http://127.0.0.1:{port}/readyz")
        await _answers(http, f"{push_url}/counts")
        await _warm(http, stage, push_url)
        told = await _intake(http, stage, push_url, asked)
        told |= await _streams(http, stage, push_url, (database_url, port), asked)
    return told | {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


async def _streams(
    http: httpx.AsyncClient,
    stage: push_stage.Stage,
    push_url: str,
    served: tuple[str, int],
    asked: argparse.Namespace,
) -> dict[str, Any]:
    """The event streams, and what customers were sent meanwhile; `served` is database and port."""
    database_url, port = served
    database = Database(database_url)
    try:
        told = await push_stream.run(
            database,
            port,
            stage.token,
            stage.station_id,
            clients=asked.clients,
            rate=asked.changes,
            seconds=asked.seconds,
        )
        return told | await _customers(http, push_url, database)
    finally:
        await database.close()


async def _warm(http: httpx.AsyncClient, stage: push_stage.Stage, push_url: str) -> None:
    """One order through everything: the first send loads the SDK and signs in."""
    stage.premises, spare = stage.premises[1:], stage.premises[0]
    stage.crews, crew = stage.crews[1:], stage.crews[0]
    one = push_stage.Stage(stage.station_id, [crew], [spare], stage.token)
    left = await _orders(http, one, 1, 1)
    await _calls(http, push_url, set(left))


def _work() -> None:
    """The worker's process: everything but planning, which is another benchmark's."""
    from app.worker import run_worker

    asyncio.run(run_worker(Settings(), queues=QUEUES))


def main() -> None:
    """Measure, print, and write `benchmarks/out/push.json`."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.push")
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--changes", type=int, default=100, help="a second")
    parser.add_argument("--seconds", type=int, default=10, help="of changes")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        _work()
        return
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(measure(asked, Path(folder)))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    for name, value in told.items():
        print(f"{name:28} {value}")
    sys.exit(0 if told["stream_lost"] == told["never_called"] == 0 else 1)


if __name__ == "__main__":
    main()
