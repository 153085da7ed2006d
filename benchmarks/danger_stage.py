"""The stage of `benchmarks.danger`: a database of its own, phones that are on, a day's orders."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql

from app.demo.call_centre import AGENTS
from app.demo.client import Caller, Refused
from app.demo.faults import FAULT_BY_CODE, FAULTS
from app.demo.founding import Company, in_turns
from app.demo.inputs import Inputs
from app.demo.opening import House
from app.demo.phone import Phone, installation
from app.provision import ensure_database
from app.work_orders.states import AWAITING_DISPATCH, IN_CREW_HANDS

DATABASE: Final = "paigong_danger_benchmark"
Form = dict[str, Any]
ORDINARY: Final = tuple(
    fault.code for fault in FAULTS if fault.service_class != "E1" and fault.crews_needed == 1
)
LOOK_EVERY_S: Final = 2.0


def fresh() -> str:
    """An empty database of this benchmark's own in the private durable cluster."""
    url = ensure_database(DATABASE)
    drop(url)
    return ensure_database(DATABASE)


def drop(url: str) -> None:
    """Drop it; raises ValueError for any other database."""
    parts = urlsplit(url)
    if parts.path != f"/{DATABASE}":
        raise ValueError(f"only {DATABASE} is dropped, not {parts.path}: unset DATABASE_URL")
    server = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE))
        )


async def switch_on(
    http: httpx.AsyncClient, house: House, inputs: Inputs, company: Company
) -> None:
    """Every technician's phone: signed in, known to the push server, on line at its station."""
    stations = {station.code: (station.lon, station.lat) for station in inputs.city.stations}
    phones = [
        Phone(
            caller=installation(http, each.username, company.passwords[each.username]),
            push_server=house.push_url,
            counts=Counter(),
            pull_every_s=3600.0,
            place=stations[each.station_code],
        )
        for each in inputs.technicians
    ]
    await in_turns([phone.switch_on() for phone in phones])


def premises_of(database_url: str) -> dict[str, str]:
    """Customer number -> premises, as the screen pop would say."""
    with psycopg.connect(database_url) as owner:
        rows = owner.execute(
            "SELECT c.customer_no, min(o.premises_id::text) FROM customers c"
            " JOIN occupancies o ON o.customer_id = c.id GROUP BY 1"
        )
        return {str(number): str(premises) for number, premises in rows}


async def report_all(inputs: Inputs, company: Company, premises: Mapping[str, str]) -> None:
    """The day's calls, all at once, but danger; a second call of a home is no order of its own.

    Danger is dispatched the moment it is reported: as nobody accepts here, a hundred of it would be
    sent again and again, and what is measured would wait behind that.
    """
    calls = {
        call.customer_no: call
        for call in inputs.calls
        if call.twist != "repeat_call" and FAULT_BY_CODE[call.fault_code].service_class != "E1"
    }
    agents = [company.as_(name) for name in AGENTS]

    async def report(number: int, customer_no: str, fault: str) -> None:
        with suppress(Refused):
            body = form(premises[customer_no], fault)
            await agents[number % len(agents)].post("/work-orders", body)

    await in_turns(
        [report(n, call.customer_no, call.fault_code) for n, call in enumerate(calls.values())]
    )


@dataclass(slots=True)
class Backlog:
    """Orders that a plan has to count with: never fewer than wanted."""

    database_url: str
    company: Company
    homes: Iterator[str]
    """Premises that nobody has called from."""
    wanted: int
    added: int = 0
    """Reported on top of the day's calls."""
    fewest: int | None = None
    """Open orders at the worst look since the first `fill`."""

    async def fill(self) -> None:
        """Report ordinary faults until there are as many as wanted."""
        while (lacking := self.wanted - await asyncio.to_thread(self._open)) > 0:
            agents = [self.company.as_(name) for name in AGENTS]
            homes = list(islice(self.homes, lacking))
            if not homes:
                raise RuntimeError(f"no home is left for the last {lacking} orders")
            await in_turns(
                [
                    self._report(agents[n % len(agents)], home, ORDINARY[n % len(ORDINARY)])
                    for n, home in enumerate(homes)
                ]
            )

    async def keep(self) -> None:
        """Look again and again, and fill what lacks; for ever."""
        while True:
            now = await asyncio.to_thread(self._open)
            self.fewest = now if self.fewest is None else min(self.fewest, now)
            await self.fill()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _report(self, agent: Caller, home: str, fault: str) -> None:
        with suppress(Refused):
            await agent.post("/work-orders", form(home, fault))
            self.added += 1

    def _open(self) -> int:
        states = [state.value for state in AWAITING_DISPATCH | IN_CREW_HANDS]
        statement = "SELECT count(*) FROM work_orders WHERE state = ANY(%s)"
        with psycopg.connect(self.database_url) as owner:
            row = owner.execute(statement, [states]).fetchone()
            assert row is not None
            return int(row[0])


def form(premises_id: str, fault: str) -> Form:
    """What an agent fills in."""
    return {
        "caller": {"name": "王女士", "phone": "13900000001"},
        "premises_id": premises_id,
        "fault_code": fault,
        "description": "报修",
    }
