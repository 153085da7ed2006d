"""Opens the house: database, registers, map, then API, worker, push server and phones."""

import asyncio
import contextlib
import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.core import clock
from app.core.clock import ScaledClock
from app.core.settings import DEMO_SECRET
from app.demo.board import Board
from app.demo.client import API, open_http
from app.demo.fcm_account import write_account
from app.demo.founding import Company, found_company, import_registers
from app.demo.inputs import Inputs
from app.demo.options import DemoOptions
from app.demo.osm_file import write_osm
from app.demo.pace import start_clock
from app.demo.processes import Child, Children, ProcessFailed
from app.demo.text_gateway import write_channels
from app.provision.ports import free_port, is_free

_USUAL_PORT = 8000
_LEAST_LEAD_S, _MOST_LEAD_S, _LEAD_STARTS = 8.0, 25.0, 4.0
"""Real seconds between the start of the service and seven o'clock, in which crews clock in: so
many times what the API took to start before, within these bounds."""
_PULL_EVERY_S, _DEAF_PULL_EVERY_S = 420.0, 150.0
"""Business seconds between pulls without a push; where pushes are lost, phones look more often."""
_DEAF_FROM = 0.2
_READY_TRIES = 900


@dataclass(slots=True)
class House:
    """The running processes of one demo and where to find them."""

    options: DemoOptions
    children: Children
    port: int
    push_port: int
    api: Child | None = None
    phones: Child | None = None
    _start_s: float = 0.0

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def maps_dir(self) -> Path:
        return self.options.folder / "maps"

    @property
    def push_url(self) -> str:
        return f"http://127.0.0.1:{self.push_port}"

    async def prepare(self, http: httpx.AsyncClient, inputs: Inputs) -> Company:
        """Schema, registers, accounts and map, an hour before the day opens."""
        before = inputs.opens_at - timedelta(hours=1)
        self._set_clock(ScaledClock(clock.real_now(), before, 1.0))
        await asyncio.to_thread(write_account, self._account, self.push_url)
        write_channels(self.options.folder / "channels.toml", self.push_url)
        _write_holidays(self.options.folder / "holidays.toml", inputs.opens_at.year)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._import_map(inputs))
            company = await self._found(http, inputs)
        return company

    async def _found(self, http: httpx.AsyncClient, inputs: Inputs) -> Company:
        self.api = await self._serve()
        async with asyncio.TaskGroup() as group:
            folder, rate = self.options.folder, self.options.clock_rate()
            group.create_task(import_registers(self.children, inputs, folder, rate))
            group.create_task(self._measure_start())
        await self._leave_taken_port(http)
        await self._until_answers("/readyz")
        company = await found_company(http, inputs)
        await self.children.stop(self.api)
        return company

    async def _import_map(self, inputs: Inputs) -> None:
        """The roads of this city; addresses of complaints come without any."""
        source = self.options.map_file
        if not self.options.has_roads():
            return
        if source is None:
            source = self.options.folder / "city.osm.pbf"
            await asyncio.to_thread(write_osm, inputs.city, source)
        await self.children.run("import-map", "app.cli", "import-map", str(source))

    async def open_day(self, inputs: Inputs, company: Company) -> None:
        """Start everything on the scaled clock; returns when every phone is clocked in."""
        lead_s = min(_MOST_LEAD_S, max(_LEAST_LEAD_S, _LEAD_STARTS * self._start_s))
        real_epoch = clock.real_now() + timedelta(seconds=lead_s)
        scaled = ScaledClock(real_epoch, inputs.opens_at, self.options.clock_rate())
        await self.start_services(scaled)
        config = self.options.folder / "phones.json"
        config.write_text(json.dumps(self._phones(inputs, company, scaled)), "utf-8")
        config.chmod(0o600)
        self.phones = await self.children.start(
            "phones", "app.demo.phones", str(config), talks=True
        )
        await self._phones_ready()

    async def start_services(self, scaled: ScaledClock) -> None:
        """Push server, API and worker on this clock; returns when the API is ready."""
        self._set_clock(scaled)
        push_options = ("--port", str(self.push_port), "--loss", str(self.options.push_loss))
        await self.children.start(
            "push", "app.demo.fcm", *push_options, "--seed", str(self.options.seed)
        )
        self.api = await self._serve()
        await self.start_workers()
        await self._until_answers("/readyz")

    async def reopen(self, at: datetime) -> None:
        """The API alone at a later instant, at an ordinary pace; everything else but the push
        server goes home. Returns when it is ready.
        """
        ending = [each for each in self.children.running if each.name != "push"]
        await asyncio.gather(*(self.children.stop(each) for each in ending))
        self.phones = None
        self._set_clock(ScaledClock(clock.real_now(), at, 1.0))
        self.api = await self._serve()
        await self._until_answers("/readyz")

    async def start_workers(self) -> None:
        """Background work, on the clock that is set."""
        await self.children.start("worker", "app.cli", "worker", "--only", "rest")
        await self.children.start("express", "app.cli", "worker", "--only", "express")

    def _set_clock(self, scaled: ScaledClock) -> None:
        """For this process and every child that starts from now on."""
        start_clock(scaled.real_epoch, scaled.business_epoch, scaled.rate)
        self.children.environment |= {
            "PAIGONG_DEMO_REAL_EPOCH": scaled.real_epoch.isoformat(),
            "PAIGONG_DEMO_BUSINESS_EPOCH": scaled.business_epoch.isoformat(),
            "PAIGONG_DEMO_RATE": str(scaled.rate),
        }

    async def _serve(self) -> Child:
        return await self.children.start("api", "app.cli", "serve", "--port", str(self.port))

    async def _leave_taken_port(self, http: httpx.AsyncClient) -> None:
        """Another program may have taken the usual port first: then ours ended; take another."""
        assert self.api is not None
        if self.api.process.returncode is None or self.options.port is not None:
            return
        self.children.running.remove(self.api)
        self.port = free_port()
        http.base_url = httpx.URL(f"{self.api_url}{API}")
        self.api = await self._serve()

    async def _measure_start(self) -> None:
        began = clock.monotonic()
        with contextlib.suppress(ProcessFailed):  # told, or mended, when the registers are in
            await self._until_answers("/healthz")
        self._start_s = clock.monotonic() - began

    async def _until_answers(self, path: str) -> None:
        """Until the API says 200 at `path`; raises ProcessFailed when it ended instead."""
        assert self.api is not None
        async with httpx.AsyncClient() as http:
            for _ in range(_READY_TRIES):
                answers = False
                with contextlib.suppress(httpx.HTTPError):
                    answers = (await http.get(f"{self.api_url}{path}")).status_code == 200
                await asyncio.sleep(0.2)
                # Another program that took the port in between would answer too; ours ends then.
                if self.api.process.returncode is not None:
                    await self.api.ended_early()
                if answers:
                    return
        raise TimeoutError(f"the API on {self.api_url} did not become ready; see {self.api.log}")

    @property
    def _account(self) -> Path:
        return self.options.folder / "push-account.json"

    def _phones(self, inputs: Inputs, company: Company, scaled: ScaledClock) -> dict[str, Any]:
        stations = {station.code: (station.lon, station.lat) for station in inputs.city.stations}
        return {
            "api": self.api_url,
            "push": self.push_url,
            "seed": self.options.seed,
            "maps": str(self.maps_dir) if self.options.has_roads() else None,
            "pull_every_s": _DEAF_PULL_EVERY_S
            if self.options.push_loss >= _DEAF_FROM
            else _PULL_EVERY_S,
            "shorten": self.options.shorten,
            "clock": {
                "real_epoch": scaled.real_epoch.isoformat(),
                "business_epoch": scaled.business_epoch.isoformat(),
                "rate": scaled.rate,
            },
            "technicians": [
                {
                    "username": each.username,
                    "password": company.passwords[each.username],
                    "place": _parked(stations[each.station_code], each.crew_code),
                }
                for each in inputs.technicians
            ],
        }

    async def _phones_ready(self) -> None:
        assert self.phones is not None and self.phones.process.stdout is not None
        line = await self.phones.process.stdout.readline()
        if not line:
            await self.phones.ended_early()
        assert "ready" in json.loads(line)

    def tell_phones(self, line: bytes) -> None:
        """One line about a site into the phones' process."""
        assert self.phones is not None and self.phones.process.stdin is not None
        self.phones.process.stdin.write(line)

    async def hear_phones(self, board: Board) -> None:
        """Keep the counters that the phones' process tells."""
        assert self.phones is not None and self.phones.process.stdout is not None
        while line := await self.phones.process.stdout.readline():
            told = json.loads(line)
            board.phone_counts, board.driven = told["counts"], told["driven"]

    async def watch(self) -> None:
        """Never returns; raises ProcessFailed when any process ends."""
        async with asyncio.TaskGroup() as group:
            for child in self.children.running:
                group.create_task(child.ended_early())


def _parked(station: tuple[float, float], crew_code: str) -> list[float]:
    """Where the crew's van stands in the morning: in the street of its station.

    Within 50 m: beside a wood, more than 300 m from any road, travel would be an estimate.
    """
    chance = random.Random(crew_code)
    return [round(part + chance.uniform(-4e-4, 4e-4), 7) for part in station]


def _write_holidays(file: Path, year: int) -> None:
    """What a company has to say itself of a year that is not announced yet."""
    file.write_text(f"[{year}]\nholidays = [{year}-01-01]\n", encoding="utf-8")


def open_house(options: DemoOptions, database_url: str) -> House:
    """The house of a demo on its database; nothing runs yet."""
    port = options.port or (_USUAL_PORT if is_free(_USUAL_PORT) else free_port())
    push_port = free_port()
    environment = {
        "DATABASE_URL": database_url,
        "PAIGONG_ENVIRONMENT": "demo",
        "PAIGONG_SECRET_KEY": DEMO_SECRET,
        "PAIGONG_DATA_DIR": str(options.folder),
        "PAIGONG_FCM_URL": f"http://127.0.0.1:{push_port}",
        "PAIGONG_FCM_CREDENTIALS": str(options.folder / "push-account.json"),
        "PAIGONG_CHANNELS_FILE": str(options.folder / "channels.toml"),
        "PAIGONG_PLAN_BUDGET_S": "0.5",
        "PAIGONG_PLAN_MIN_INTERVAL_S": "180",
    }
    return House(options, Children(options.folder / "logs", environment), port, push_port)


def open_client(house: House) -> httpx.AsyncClient:
    """Connections of the people at desks."""
    return open_http(house.api_url)
