import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from routing import CHINA_CITY, HourBucket, MapReport, OsrmHttp, OsrmServer, Traffic, import_map
from tests.routing.grid_city import grid_city

HEIDELBERG = Path(__file__).parents[3] / "shared" / "data" / "osm" / "heidelberg.osm.pbf"
STEADY = replace(CHINA_CITY, name="steady", factors=dict.fromkeys(HourBucket, 1.0))
"""One speed at all hours: a single dataset, so that a test takes a quarter of the time."""

MIDDAY = datetime(2026, 1, 12, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


@pytest.fixture(scope="session")
def traffic() -> Traffic:
    return Traffic(CHINA_CITY, ZoneInfo("Asia/Shanghai"))


@pytest.fixture(scope="session")
def grid_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grid") / "grid.osm"
    path.write_text(grid_city(), "utf-8")
    return path


@pytest.fixture(scope="session")
def grid_map(grid_file: Path, tmp_path_factory: pytest.TempPathFactory) -> MapReport:
    return import_map(grid_file, tmp_path_factory.mktemp("maps"), small_part_nodes=50)


@pytest.fixture
def maps_dir(grid_map: MapReport, tmp_path: Path) -> Path:
    """A folder of its own in which the grid city is imported."""
    folder = tmp_path / "maps"
    shutil.copytree(grid_map.version_dir.parents[1], folder, symlinks=True)
    return folder


@pytest.fixture
async def server(grid_map: MapReport) -> AsyncIterator[OsrmServer]:
    async with OsrmServer(grid_map.version_dir / HourBucket.DAY) as running:
        yield running


@pytest.fixture
async def roads(server: OsrmServer, traffic: Traffic) -> AsyncIterator[OsrmHttp]:
    async with OsrmHttp(server.base_url, traffic) as engine:
        yield engine


@pytest.fixture(scope="session")
def heidelberg_map(tmp_path_factory: pytest.TempPathFactory) -> MapReport:
    """A real city at one speed; for tests that skip without it."""
    return import_map(HEIDELBERG, tmp_path_factory.mktemp("heidelberg"), STEADY)
