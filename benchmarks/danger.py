"""How long danger waits: from the agent's HTTP request to the call at the push provider.

A SIMULATED city of 126 crews with a thousand open orders, none of them danger. API, two workers,
database and push server are real processes, started as the demo starts them (its fake of FCM
answers the real SDK); nobody accepts or drives. Plans of the whole city are solved one after the
other all the time, each with `--solve` seconds of search. Meanwhile danger is reported, one order
after the other. A sample ends when the push server is called for that order, by the same machine's
clock.

    python -m benchmarks.danger [--orders 1000] [--dangers 60] [--solve 20]
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import psycopg

from app.core import clock
from app.core.clock import ScaledClock
from app.demo.call_centre import AGENTS
from app.demo.founding import COMPANY, Company
from app.demo.inputs import Inputs, build_inputs
from app.demo.opening import House, open_client, open_house
from app.demo.options import DemoOptions
from app.demo.town import generate_city
from benchmarks.danger_stage import drop, form, fresh, premises_of, report_all, switch_on

OUT: Final = Path(__file__).parent / "out" / "danger.json"
SEED: Final = 1
HOURS: Final = 8.0
BEGIN: Final = timedelta(hours=1.5)
"""After opening: every shift has begun."""
FAULTS: Final = ("H07", "H09", "P27", "P22")
"""Leaks, an open box, sparks: danger that a standing crew repairs."""
EVERY_S: Final = (1.5, 2.5)
LONGEST_S: Final = 60.0
"""How long the last pushes are waited for."""
LOOK_S: Final = 0.25

Figures = dict[str, Any]


@dataclass(slots=True)
class Sample:
    """One danger order."""

    began: datetime
    """When the request left, by the real clock; so are the others."""
    busy: bool
    """Whether a search was running."""
    answered: datetime | None = None
    order_id: str | None = None
    sent: datetime | None = None
    """When the order was given to a crew."""
    pushed: datetime | None = None


@dataclass(slots=True)
class Search:
    """What keeps the machine busy: plans of the whole city, one after the other."""

    solving: bool = False
    runs: list[Figures] = field(default_factory=list)

    async def go_on(self, company: Company, seconds: float) -> None:
        """Plan for ever."""
        dispatcher = company.as_("dispatcher")
        body = {"station_id": company.station_ids[COMPANY], "seconds": seconds}
        while True:
            run = await dispatcher.post("/planning-runs", body)
            while run["state"] in ("queued", "running"):
                await asyncio.sleep(LOOK_S)
                run = await dispatcher.get(f"/planning-runs/{run['id']}")
                self.solving = run["step"] == "solving"
            self.solving = False
            if run["state"] == "published":
                self.runs.append(_told(run))


def _told(run: Mapping[str, Any]) -> Figures:
    result = run["result"]
    visits = sum(len(route["visits"]) for route in result["routes"])
    return {
        "orders": visits + len(result["unassigned"]),
        "crews": len(result["routes"]),
        "timings_s": result.get("timings_s"),
    }


def measure(*, orders: int = 1000, dangers: int = 60, solve_s: float = 20.0) -> Figures:
    """Return the figures; times in seconds of wall clock."""
    database_url = fresh()
    try:
        with tempfile.TemporaryDirectory(prefix="paigong-danger-") as folder:
            return asyncio.run(_measured(database_url, Path(folder), orders, dangers, solve_s))
    finally:
        drop(database_url)


async def _measured(
    database_url: str, folder: Path, orders: int, dangers: int, solve_s: float
) -> Figures:
    inputs = build_inputs(generate_city(SEED), seed=SEED, orders=orders, hours=HOURS)
    options = DemoOptions(orders=orders, hours=HOURS, seed=SEED, rate=1.0, folder=folder)
    house = open_house(options, database_url)
    async with house.children, open_client(house) as http:
        company = await house.prepare(http, inputs)
        begin = inputs.opens_at + BEGIN
        await house.start_services(ScaledClock(clock.real_now(), begin, 1.0))
        await switch_on(http, house, inputs, company)
        premises = await asyncio.to_thread(premises_of, database_url)
        await report_all(inputs, company, premises)
        search = Search()
        busy = asyncio.create_task(search.go_on(company, solve_s))
        watch = asyncio.create_task(house.watch())
        try:
            await _until_solving(search, busy, watch)
            load = os.getloadavg()[0]
            samples = await _dangers(inputs, company, premises, search, dangers)
            await _hear(house, samples)
        finally:
            for task in (busy, watch):
                task.cancel()
            await asyncio.gather(busy, watch, return_exceptions=True)
        await asyncio.to_thread(_read_events, database_url, samples)
    return _figures(inputs, samples, search, solve_s, load)


async def _until_solving(search: Search, *tasks: asyncio.Task[None]) -> None:
    """Until the first plan of everything is published and the next one is searched for."""
    while not (search.runs and search.solving):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(LOOK_S)


async def _dangers(
    inputs: Inputs,
    company: Company,
    premises: Mapping[str, str],
    search: Search,
    count: int,
) -> list[Sample]:
    """Report danger at homes that have not called, one every two seconds or so."""
    dice = random.Random(SEED)
    called = {call.customer_no for call in inputs.calls}
    quiet = [each.customer_no for each in inputs.customers if each.customer_no not in called]
    agent, samples = company.as_(AGENTS[0]), []
    for number, customer_no in enumerate(dice.sample(quiet, count)):
        sample = Sample(clock.real_now(), search.solving)
        body = form(premises[customer_no], FAULTS[number % len(FAULTS)])
        order = await agent.post("/work-orders", body)
        sample.answered, sample.order_id = clock.real_now(), order["id"]
        samples.append(sample)
        await asyncio.sleep(dice.uniform(*EVERY_S))
    return samples


async def _hear(house: House, samples: Sequence[Sample]) -> None:
    """Ask the push server when it was first called for each order."""
    by_order = {sample.order_id: sample for sample in samples}
    until = clock.monotonic() + LONGEST_S
    async with httpx.AsyncClient(base_url=house.push_url) as push:
        while clock.monotonic() < until:
            for call in (await push.get("/calls")).json()["calls"]:
                named = call["data"].get("order_ids") or call["data"].get("order_id", "")
                for order_id in named.split(","):  # one push may tell of several
                    sample = by_order.get(order_id)
                    if sample is not None and sample.pushed is None:
                        sample.pushed = datetime.fromisoformat(call["at"])
            if all(sample.pushed for sample in samples):
                return
            await asyncio.sleep(1.0)


def _read_events(database_url: str, samples: Sequence[Sample]) -> None:
    """When each order was given to a crew, for the account of where time goes."""
    statement = (
        "SELECT min(server_at) FROM work_order_events WHERE action = 'sent' AND order_id = %s"
    )
    with psycopg.connect(database_url) as owner:
        for sample in samples:
            row = owner.execute(statement, [sample.order_id]).fetchone()
            if row is not None and row[0] is not None:
                sample.sent = clock.to_real(row[0])


def _figures(
    inputs: Inputs, samples: Sequence[Sample], search: Search, solve_s: float, load: float
) -> Figures:
    heard = [s for s in samples if s.pushed is not None]
    waits = [(s.pushed - s.began).total_seconds() for s in heard if s.pushed]
    busy = [(s.pushed - s.began).total_seconds() for s in heard if s.pushed and s.busy]
    return {
        "simulated": True,
        "crews": len(inputs.crews),
        "solve_s": solve_s,
        "runs": search.runs,
        "dangers": len(samples),
        "never_pushed": len(samples) - len(heard),
        "while_searching": sum(sample.busy for sample in samples),
        "danger_p50_s": _percentile(waits, 50),
        "danger_p90_s": _percentile(waits, 90),
        # While a plan is searched for. One never pushed has waited longer than any that was.
        "danger_p99_s": _percentile(busy, 99) if len(heard) == len(samples) else LONGEST_S,
        "danger_most_s": round(max(waits), 3) if waits else None,
        "parts_p50_s": {
            "request": _percentile(
                [(s.answered - s.began).total_seconds() for s in samples if s.answered], 50
            ),
            "to_crew": _percentile(
                [(s.sent - s.answered).total_seconds() for s in samples if s.sent and s.answered],
                50,
            ),
            "to_push": _percentile(
                [(s.pushed - s.sent).total_seconds() for s in heard if s.sent and s.pushed], 50
            ),
        },
        "samples_s": [
            [
                round((at - s.began).total_seconds(), 3) if at else None
                for at in (s.answered, s.sent, s.pushed)
            ]
            for s in samples
        ],
        "load_average": round(load, 1),
    }


def _percentile(values: Sequence[float], share: float) -> float:
    return round(float(np.percentile(values, share)), 3) if values else LONGEST_S


def main() -> None:
    """Measure, print and write `benchmarks/out/danger.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--dangers", type=int, default=60)
    parser.add_argument("--solve", type=float, default=20.0)
    asked = parser.parse_args()
    figures = measure(orders=asked.orders, dangers=asked.dangers, solve_s=asked.solve)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    for name, value in figures.items():
        if name not in ("samples_s", "runs"):
            print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
