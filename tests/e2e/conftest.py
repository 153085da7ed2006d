"""One small demo day, played once per worker by the real processes, for every test here."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.engine import make_url

from app.core import settings
from app.core.db import Database
from app.core.settings import DEMO_SECRET
from app.evidence.storage import storage
from app.provision import ensure_database
from app.verification import Difference, verify
from tests.app.board.both import Figures, counted
from tests.conftest import settings_for

ROOT = Path(__file__).parents[2]
_PLAY = """
import sys
from pathlib import Path
from app.demo.run import DemoOptions, run_demo
folder = Path(sys.argv[1])
options = DemoOptions(
    orders=6, hours=0.5, rate=60, shorten=0.1, once=True,
    report=folder / "report.json", folder=folder,
)
sys.exit(run_demo(options))
"""


@dataclass(frozen=True)
class FinishedDay:
    """What the day left: its figures, what it printed, and its stopped house."""

    status: int
    printed: str
    report: dict[str, Any]
    database_url: str
    folder: Path

    async def verify(self) -> list[Difference]:
        """What verification finds, asked in this process."""
        settings.install(settings_for(self.database_url, self.folder))
        database = Database(self.database_url)
        try:
            return await verify(database, storage())
        finally:
            await database.close()

    async def service_levels(self) -> tuple[Figures, Figures]:
        """What the service tells of its clocks, and what a second count finds in the events."""
        settings.install(settings_for(self.database_url, self.folder))
        database = Database(self.database_url)
        try:
            async with database.transaction() as session:
                return await counted(session)
        finally:
            await database.close()

    def run_verify(self) -> tuple[int, list[dict[str, str]]]:
        """Run `paigong verify --json`; exit status and differences."""
        answer = subprocess.run(
            [sys.executable, "-m", "app.cli", "verify", "--json"],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        lines = [line for line in answer.stdout.splitlines() if line.startswith("[")]
        assert lines, answer.stderr
        return answer.returncode, json.loads(lines[-1])

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "DATABASE_URL": self.database_url,
            "PAIGONG_ENVIRONMENT": "demo",
            "PAIGONG_SECRET_KEY": DEMO_SECRET,
            "PAIGONG_DATA_DIR": str(self.folder),
        }


@pytest.fixture(scope="session")
def finished_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedDay]:
    """Six orders in half an hour of business time, on a database of their own."""
    server = os.environ.get("DATABASE_URL") or ensure_database("paigong_tests", throwaway=True)
    name = f"paigong_e2e_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    folder = tmp_path_factory.mktemp("demo")
    try:
        yield _play(url, folder)
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _play(url: str, folder: Path) -> FinishedDay:
    answer = subprocess.run(
        [sys.executable, "-c", _PLAY, str(folder)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=330,
    )
    written = folder / "report.json"
    assert written.exists(), answer.stdout + answer.stderr
    return FinishedDay(
        answer.returncode, answer.stdout, json.loads(written.read_text("utf-8")), url, folder
    )
