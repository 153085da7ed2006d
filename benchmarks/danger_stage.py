"""The stage of `benchmarks.danger`: a database of its own, phones that are on, a day's orders."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql

from app.demo.call_centre import AGENTS
from app.demo.client import Refused
from app.demo.faults import FAULT_BY_CODE
from app.demo.founding import Company, in_turns
from app.demo.inputs import Inputs
from app.demo.opening import House
from app.demo.phone import Phone, installation
from app.provision import ensure_database

DATABASE: Final = "paigong_danger_benchmark"
Form = dict[str, Any]


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


def form(premises_id: str, fault: str) -> Form:
    """What an agent fills in."""
    return {
        "caller": {"name": "王女士", "phone": "13900000001"},
        "premises_id": premises_id,
        "fault_code": fault,
        "description": "报修",
    }
