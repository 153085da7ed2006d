"""The service under test: its own PostgreSQL, API and worker, any of which can be killed."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from sqlmodel.ext.asyncio.session import AsyncSession

from app import wiring
from app.core import clock, migrations, settings
from app.core.clock import ScaledClock
from app.core.db import Database, is_passing
from app.core.settings import Environment, Settings
from app.provision.cluster import OWNER, Cluster
from app.provision.ports import free_port
from app.provision.project import Project
from app.provision.server import server_pid
from tests.factories.world import NOW, World
from tests.hostile.company import Roster, found
from tests.hostile.nursery import Born, Nursery, processor_s

_SECRET = "a hostile test's secret of more than 32 characters"
_NAME = "hostile"
_READY_S = 120.0


@dataclass(slots=True)
class House:
    """Everything on the server's side; use as `async with House(nursery, folder, crews)`.

    Installs settings and clock for this whole process: one house a process.
    """

    nursery: Nursery
    folder: Path
    crews: int
    with_worker: bool = True
    sign_in_s: float = 600.0
    """How long an access token lasts."""
    port: int = field(default_factory=free_port)
    kills: dict[str, int] = field(default_factory=lambda: {"api": 0, "worker": 0, "database": 0})
    _running: dict[str, Born] = field(default_factory=dict)
    _fault: str | None = None
    cluster: Cluster = field(init=False)
    environment: dict[str, str] = field(init=False)
    config: Settings = field(init=False)
    database: Database = field(init=False)
    world: World = field(init=False)
    roster: Roster = field(init=False)

    async def __aenter__(self) -> "House":
        self.cluster = Cluster(Project(self.folder), throwaway=False)
        try:
            await self._open()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in self._running.values():
            await child.killed()
        if hasattr(self, "database"):
            await self.database.close()
        await asyncio.to_thread(self.cluster.remove)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _open(self) -> None:
        note = await asyncio.to_thread(self.cluster.start)
        server = f"postgresql://{OWNER}@127.0.0.1:{note.port}"
        with psycopg.connect(f"{server}/postgres", autocommit=True) as owner:
            owner.execute(f"CREATE DATABASE {_NAME}".encode())
        self.config = Settings(
            environment=Environment.TEST,
            database_url=f"{server}/{_NAME}",
            secret_key=_SECRET,
            data_dir=self.folder / "data",
        )
        settings.install(self.config)
        await asyncio.to_thread(migrations.upgrade, self.config.database_url)
        wiring.wire()
        self.database = Database(self.config.database_url, pool_size=3)
        began_at = clock.real_now()
        clock.install(ScaledClock(began_at, NOW, 1.0))
        self.world, self.roster = await found(self.database, self.crews)
        (self.folder / "logs").mkdir()
        self.environment = self._environment(began_at.isoformat())
        self.start("api")
        if self.with_worker:
            self.start("worker")
        await self.ready()

    def _environment(self, began_at: str) -> dict[str, str]:
        return {
            "DATABASE_URL": self.config.database_url,
            "PAIGONG_ENVIRONMENT": "test",
            "PAIGONG_SECRET_KEY": _SECRET,
            "PAIGONG_DATA_DIR": str(self.config.data_dir),
            "PAIGONG_DEMO_REAL_EPOCH": began_at,
            "PAIGONG_DEMO_BUSINESS_EPOCH": NOW.isoformat(),
            "PAIGONG_PLAN_BUDGET_S": "0.05",
            "PAIGONG_PLAN_MIN_INTERVAL_S": "3600",
            "PAIGONG_PLAN_SWEEP_S": "3600",
        }

    def start(self, name: str) -> None:
        """Start `api` or `worker`."""
        fault = ["--fault", self._fault] if self._fault else []
        life = ["--sign-in-s", str(self.sign_in_s)]
        arguments = ["--port", str(self.port), *life, *fault] if name == "api" else []
        log = self.folder / "logs" / f"{name}.log"
        self._running[name] = self.nursery.bear(name, arguments, log, self.environment)

    async def kill(self, name: str) -> None:
        """SIGKILL to `api`, `worker` or `database`, and whatever it started."""
        self.kills[name] += 1
        if name == "database":
            await asyncio.to_thread(self._kill_database)
            return
        await self._running.pop(name).killed()

    def _kill_database(self) -> None:
        for each in self._database_pids():
            self.nursery.spent_s["database"] += processor_s(each)
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    def _database_pids(self) -> list[int]:
        note = self.cluster.note()
        assert note is not None
        pid = server_pid(Path(note.data_dir))
        assert pid is not None
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def processor_s(self) -> dict[str, float]:
        """Seconds that everything here worked since the start, by role."""
        spent = self.nursery.spent_s.copy()
        for role, child in self._running.items():
            spent[role] += processor_s(child.pid)
        spent["database"] += sum(map(processor_s, self._database_pids()))
        spent["harness"] = time.process_time()
        return {role: round(seconds, 1) for role, seconds in sorted(spent.items())}

    async def restart(self, name: str) -> None:
        """Start again what was killed."""
        if name == "database":
            await asyncio.to_thread(self.cluster.start)
        else:
            self.start(name)
        await self.ready()

    async def restart_with(self, fault: str | None) -> None:
        """The API with a seeded fault, or without one again."""
        await self.kill("api")
        self._fault = fault
        await self.restart("api")

    async def ready(self) -> None:
        """Until the API answers; raises EndedEarly when it ended instead."""
        api = self._running["api"]
        async with httpx.AsyncClient() as http:
            until = clock.monotonic() + _READY_S
            while clock.monotonic() < until:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.url}/readyz")).status_code == 200:
                        return
                api.assert_alive()
                await asyncio.sleep(0.1)
        raise TimeoutError(f"the API did not become ready; see {api.log}")

    async def do[Value](self, act: Callable[[AsyncSession], Any]) -> Value:
        """`act` in a transaction of its own, tried again while the database is down."""
        for attempt in range(100):
            try:
                async with self.database.transaction() as session:
                    value: Value = await act(session)
                return value
            except Exception as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    # The driver tells a cancelled wait as a cancelled query, which would pass.
                    raise asyncio.CancelledError from error
                if attempt == 99 or not is_passing(error):
                    raise
                await asyncio.sleep(0.2)
        raise AssertionError
