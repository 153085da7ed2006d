"""Founds the demo's company before the morning: registers by file, accounts and shifts by HTTP."""

import asyncio
import csv
import json
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from app.demo.client import Caller
from app.demo.csv_files import write_csvs
from app.demo.inputs import Inputs
from app.demo.ladders import write_ladders
from app.demo.people import Crew, StaffMember
from app.demo.processes import Children

COMPANY = "LC"
ADMIN, ADMIN_PASSWORD = "admin", "demo-admin-2027"
_AT_ONCE = 6
_LUNCH_S = (4 * 3600, 6 * 3600)
"""The break lies somewhere between these, in seconds after opening."""


@dataclass(slots=True)
class Company:
    """What the harness must know of the company to speak for its people."""

    http: httpx.AsyncClient
    passwords: dict[str, str] = field(default_factory=dict)
    station_ids: dict[str, str] = field(default_factory=dict)
    """By code; the company's root is `COMPANY`."""
    crews: list[dict[str, Any]] = field(default_factory=list)
    technicians: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, with skills."""
    _signed_in: dict[str, Caller] = field(default_factory=dict)

    def as_(self, username: str) -> Caller:
        """The person at a desk, signed in at the first request."""
        if username not in self._signed_in:
            caller = Caller(self.http, username, self.passwords[username])
            self._signed_in[username] = caller
        return self._signed_in[username]


async def import_registers(children: Children, inputs: Inputs, folder: Path, rate: float) -> None:
    """Schema, administrator and registers, by the commands that a company would use."""
    registers = folder / "registers"
    await asyncio.to_thread(write_csvs, inputs, registers)
    _write_stations(inputs, registers / "stations.csv")
    commands = [
        ["migrate"],
        ["admin", "create", "--username", ADMIN],
        ["import", "folder", str(registers)],
        ["import", "ladders", str(write_ladders(folder / "ladders.toml", inputs.opens_at, rate))],
    ]
    await children.run(
        "registers",
        "app.demo.commands",
        json.dumps(commands),
        extra={"PAIGONG_ADMIN_PASSWORD": ADMIN_PASSWORD},
    )


def _write_stations(inputs: Inputs, path: Path) -> None:
    city = inputs.city
    rows = [[COMPANY, f"{city.name}供能公司", "", "", "", ""]]
    rows += [
        [station.code, station.name_zh, COMPANY, station.wkt, str(station.lon), str(station.lat)]
        for station in city.stations
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "name", "parent_code", "area_wkt", "lon", "lat"])
        writer.writerows(rows)


async def found_company(http: httpx.AsyncClient, inputs: Inputs) -> Company:
    """Accounts for the office, passwords for the technicians, today's shifts."""
    company = Company(http, {ADMIN: ADMIN_PASSWORD})
    admin = company.as_(ADMIN)
    await admin.sign_in()
    company.station_ids = {each["code"]: each["id"] for each in await admin.pages("/stations")}
    company.crews = await admin.pages("/crews")
    people = await admin.pages("/technicians")
    company.technicians = {each["id"]: each for each in people}
    by_employee = {each["employee_no"]: each["user_id"] for each in people}
    staff = [each for each in inputs.staff if each.username != ADMIN]
    await in_turns([_hire(company, admin, each) for each in staff])
    technicians = [(each.username, by_employee[each.employee_no]) for each in inputs.technicians]
    await in_turns([_issue_password(company, admin, *each) for each in technicians])
    crew_ids = {each["code"]: each["id"] for each in company.crews}
    await in_turns([_add_shift(admin, inputs, each, crew_ids[each.code]) for each in inputs.crews])
    return company


async def _hire(company: Company, admin: Caller, person: StaffMember) -> None:
    station = company.station_ids[person.station_code] if person.station_code else None
    made = await admin.post(
        "/users",
        {
            "username": person.username,
            "display_name": person.name,
            "phone": person.phone,
            "grants": [{"role": person.role.value, "station_id": station}],
        },
    )
    company.passwords[person.username] = made["password"]


async def _issue_password(company: Company, admin: Caller, username: str, user_id: str) -> None:
    made = await admin.post(f"/users/{user_id}/password")
    company.passwords[username] = made["password"]


async def _add_shift(admin: Caller, inputs: Inputs, crew: Crew, crew_id: str) -> None:
    def at(offset_s: int) -> str:
        return (inputs.opens_at + timedelta(seconds=offset_s)).isoformat()

    breaks = []
    if crew.break_s:
        breaks = [{"from": at(_LUNCH_S[0]), "to": at(_LUNCH_S[1]), "duration_s": crew.break_s}]
    await admin.post(
        "/shifts",
        {
            "crew_id": crew_id,
            "starts_at": at(crew.shift_start_s),
            "ends_at": at(crew.shift_end_s),
            "breaks": breaks,
        },
    )


def write_logins(company: Company, path: Path) -> None:
    """Every login of the demo, readable by its owner alone."""
    path.write_text(
        json.dumps(company.passwords, ensure_ascii=False, indent=1, sort_keys=True), "utf-8"
    )
    path.chmod(0o600)


async def in_turns(tasks: Sequence[Awaitable[None]]) -> None:
    """Run all of them, a few at a time; the first failure ends the rest."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(task: Awaitable[None]) -> None:
        async with gate:
            await task

    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(one(task))
