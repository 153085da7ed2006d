"""How long danger waits: from the agent's HTTP request to the call at the push provider.

A SIMULATED city of 126 crews with never less than a thousand open orders. API, two workers,
database and push server are real processes, started as the demo starts them (its fake of FCM
answers the real SDK); nobody accepts or drives. Plans of the whole city are solved one after the
other all the time, each with `--solve` seconds of search. Meanwhile danger is reported, one order
after the other; then in bursts of ten within a second, each begun during a search, which have
figures of their own. A sample ends when the push server is called for that order, by the same
machine's clock.

    python -m benchmarks.danger [--orders 1000] [--dangers 60] [--solve 20]
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from app.core import clock
from app.core.clock import ScaledClock
from app.demo.call_centre import AGENTS
from app.demo.founding import COMPANY, Company
from app.demo.inputs import Inputs, build_inputs
from app.demo.opening import House, open_client, open_house
from app.demo.options import DemoOptions
from app.demo.town import generate_city
from benchmarks.danger_figures import LONGEST_S, Figures, Sample, burst_figures, figures
from benchmarks.danger_stage import (
    Backlog,
    drop,
    form,
    fresh,
    premises_of,
    report_all,
    switch_on,
)

OUT: Final = Path(__file__).parent / "out" / "danger.json"
SEED: Final = 1
HOURS: Final = 8.0
BEGIN: Final = timedelta(hours=1.5)
"""After opening: every shift has begun."""
FAULTS: Final = ("H07", "H09", "P27", "P22")
"""Leaks, an open box, sparks: danger that a standing crew repairs."""
EVERY_S: Final = (1.5, 2.5)
BURSTS: Final = 3
BURST: Final = 10
BURST_S: Final = 0.9
"""From the first request of a burst to the last."""
REST_S: Final = 8.0
"""Between two bursts."""
MARGIN: Final = 30
"""Open orders beyond those wanted, so that none ends below it between two looks."""
LOOK_S: Final = 0.25


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
        backlog = Backlog(database_url, company, _homes(inputs, premises), orders + MARGIN)
        await backlog.fill()
        told = await _reported_meanwhile(house, backlog, dangers, solve_s)
    return {"simulated": True, "crews": len(inputs.crews), **told}


def _homes(inputs: Inputs, premises: Mapping[str, str]) -> Iterator[str]:
    """Premises that have not called."""
    called = {call.customer_no for call in inputs.calls}
    quiet = [each.customer_no for each in inputs.customers if each.customer_no not in called]
    random.Random(SEED).shuffle(quiet)
    return iter([premises[customer_no] for customer_no in quiet])


async def _reported_meanwhile(
    house: House, backlog: Backlog, dangers: int, solve_s: float
) -> Figures:
    """Plan all the time, and report danger one by one and in bursts."""
    search = Search()
    tasks = [
        asyncio.create_task(each)
        for each in (search.go_on(backlog.company, solve_s), house.watch(), backlog.keep())
    ]
    try:
        await _until_solving(search, *tasks)
        load = os.getloadavg()[0]
        single = await _dangers(backlog, search, dangers)
        bursts = await _bursts(backlog, search, *tasks)
        await _hear(house, [*single, *bursts])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(_read_events, backlog.database_url, [*single, *bursts])
    return {
        "solve_s": solve_s,
        "open_orders_fewest": backlog.fewest,
        "orders_topped_up": backlog.added,
        "orders_planned_fewest": min(run["orders"] for run in search.runs),
        "runs": search.runs,
        **figures(single),
        **burst_figures(bursts),
        "load_average": round(load, 1),
    }


async def _until_solving(search: Search, *tasks: asyncio.Task[None]) -> None:
    """Until the first plan of everything is published and the next one is searched for."""
    while not (search.runs and search.solving):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(LOOK_S)


async def _dangers(backlog: Backlog, search: Search, count: int) -> list[Sample]:
    """Report danger at homes that have not called, one every two seconds or so."""
    dice, samples = random.Random(SEED), []
    for number in range(count):
        samples.append(await _reported(backlog, search, number))
        await asyncio.sleep(dice.uniform(*EVERY_S))
    return samples


async def _bursts(backlog: Backlog, search: Search, *tasks: asyncio.Task[None]) -> list[Sample]:
    """Report ten within a second, three times, each as soon as a plan is searched for."""

    async def one(number: int) -> Sample:
        await asyncio.sleep(BURST_S * number / (BURST - 1))
        return await _reported(backlog, search, number)

    samples: list[Sample] = []
    for _ in range(BURSTS):
        await _until_solving(search, *tasks)
        samples += await asyncio.gather(*(one(number) for number in range(BURST)))
        await asyncio.sleep(REST_S)
    return samples


async def _reported(backlog: Backlog, search: Search, number: int) -> Sample:
    body = form(next(backlog.homes), FAULTS[number % len(FAULTS)])
    agent = backlog.company.as_(AGENTS[number % len(AGENTS)])
    sample = Sample(clock.real_now(), search.solving)
    order = await agent.post("/work-orders", body)
    sample.answered, sample.order_id = clock.real_now(), order["id"]
    return sample


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
        if name not in ("samples_s", "danger_burst_samples_s", "runs"):
            print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
