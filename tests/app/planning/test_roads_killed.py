"""Planning goes on when the routing process is killed, and says where its travel times are from."""

import os
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.core import clock
from app.core.db import Database
from app.planning.context import Planner
from app.planning.roads import keep_ready
from routing import (
    CHINA_CITY,
    Estimate,
    Fallback,
    HourBucket,
    Matrix,
    OsrmEmbedded,
    Place,
    Traffic,
    import_map,
)
from tests.app.planning.conftest import Run, SolverHere, Take
from tests.routing.grid_city import Drawing

SHANGHAI = ZoneInfo("Asia/Shanghai")
STEADY = replace(CHINA_CITY, name="steady", factors=dict.fromkeys(HourBucket, 1.0))


def wide_grid() -> str:
    """Draw roads past all buildings of the test company: every hundredth of a degree."""
    drawing = Drawing()
    grid = [
        [
            drawing.node(
                Place(
                    round(117 + c / 100 + r % 3 / 5000, 6), round(36.6 + r / 100 + c % 4 / 5000, 6)
                )
            )
            for c in range(11)
        ]
        for r in range(11)
    ]
    for r in range(11):
        drawing.way(grid[r], highway="residential")
        drawing.way([row[r] for row in grid], highway="secondary")
    return drawing.xml()


@pytest.fixture(scope="module")
def map_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wide") / "wide.osm"
    path.write_text(wide_grid(), "utf-8")
    return path


class Murdered(OsrmEmbedded):
    """The embedded engine, whose servers are killed in the middle of a matrix."""

    killed: tuple[int, ...] = ()
    forever = False

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        if not self.killed:
            await super().matrix(sources[:1], targets[:1], depart_at)
            self.killed = tuple(self.pids)
            if self.forever:
                for dataset in self._maps_dir.rglob("city.osrm.*"):
                    dataset.unlink()
            for pid in self.killed:
                os.kill(pid, signal.SIGKILL)
        return await super().matrix(sources, targets, depart_at)


@pytest.fixture
async def murdered(map_file: Path, tmp_path: Path) -> AsyncIterator[Murdered]:
    import_map(map_file, tmp_path, STEADY, small_part_nodes=50)
    async with Murdered(tmp_path, SHANGHAI) as engine:
        yield engine


@pytest.fixture
def planner(database: Database, solver: SolverHere, murdered: Murdered) -> Planner:
    guess = Estimate(Traffic(CHINA_CITY, SHANGHAI))
    return Planner(database, Fallback([murdered, guess]), solver)


class TestKilledDuringARun:
    async def test_the_run_finishes_on_roads_that_came_back(
        self, take: Take, plan: Run, murdered: Murdered
    ) -> None:
        await keep_ready(murdered, clock.now())
        assert len(murdered.pids) == 1, "danger of this hour waits for no server"
        await take()
        run = await plan()
        assert len(murdered.killed) == 1 and murdered.pids != list(murdered.killed)
        assert run.state == "published" and run.result is not None
        assert run.result["routing"]["hour_bucket"] == "morning_peak"
        assert not run.result["routing"]["graph_version"].startswith("estimate:")
        assert run.result["routing"]["cell_shares"]["osrm"] > 0

    async def test_the_run_finishes_on_flagged_estimates_when_they_stay_away(
        self, take: Take, plan: Run, murdered: Murdered, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("routing.osrm_embedded._RESTART_WITHIN_S", 0.3)
        murdered.forever = True
        await take()
        run = await plan()
        assert len(murdered.killed) == 1 and murdered.pids == []
        assert run.state == "published" and run.result is not None
        assert run.result["routing"]["graph_version"] == f"estimate:{CHINA_CITY.name}"
        assert run.result["routing"]["leg_shares"] == {"osrm": 0, "estimate": 1, "unreachable": 0}
        assert run.result["routes"][0]["visits"][0]["travel_source"] == "estimate"
