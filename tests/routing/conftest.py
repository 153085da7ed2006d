from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from routing import CHINA_CITY, HourBucket, MapReport, OsrmHttp, OsrmServer, Traffic, import_map
from tests.routing.grid_city import grid_city

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
async def server(grid_map: MapReport) -> AsyncIterator[OsrmServer]:
    async with OsrmServer(grid_map.version_dir / HourBucket.DAY) as running:
        yield running


@pytest.fixture
async def roads(server: OsrmServer, traffic: Traffic) -> AsyncIterator[OsrmHttp]:
    async with OsrmHttp(server.base_url, traffic) as engine:
        yield engine
