import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from routing import HourBucket, MapReport, OsrmHttp, OsrmServer, OsrmServerFailed, Traffic
from tests.routing.conftest import MIDDAY
from tests.routing.grid_city import MAINLAND

HOLDER = """
import asyncio, sys
from pathlib import Path
from routing import OsrmServer

async def main():
    async with OsrmServer(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def wait_for_end(pid: int) -> None:
    """Block until a process that is not our child has ended (the kernel signals the descriptor)."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([handle], [], [], 10)
        assert ready, f"process {pid} is still alive"
    finally:
        os.close(handle)


class TestEnter:
    async def test_listens_on_the_loopback_address_only_while_inside(
        self, grid_map: MapReport
    ) -> None:
        async with OsrmServer(grid_map.version_dir / HourBucket.DAY) as server:
            assert server.base_url.startswith("http://127.0.0.1:")
            assert server.graph_version == grid_map.graph_version
            async with httpx.AsyncClient(base_url=server.base_url) as client:
                answer = await client.get("/nearest/v1/driving/117,36.6")
            assert answer.json()["data_version"] == f"{grid_map.graph_version}.day"
        assert server.pid is None
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(base_url=server.base_url) as client:
                await client.get("/")

    async def test_says_why_it_does_not_start(self, tmp_path: Path) -> None:
        with pytest.raises(OsrmServerFailed, match=r"ended at once: .+"):
            async with OsrmServer(tmp_path):
                pass

    async def test_takes_tables_far_beyond_the_stock_limit(
        self, grid_map: MapReport, traffic: Traffic
    ) -> None:
        async with (
            OsrmServer(grid_map.version_dir / HourBucket.DAY) as server,
            OsrmHttp(server.base_url, traffic, block=1000) as roads,
        ):
            matrix = await roads.matrix(MAINLAND * 70, MAINLAND * 60, MIDDAY)
        assert matrix.seconds.shape == (280, 240)


class TestCrash:
    async def test_starts_again_on_the_same_port(
        self, grid_map: MapReport, traffic: Traffic
    ) -> None:
        restarted = asyncio.Event()
        async with (
            OsrmServer(
                grid_map.version_dir / HourBucket.DAY, log=lambda _line: restarted.set()
            ) as server,
            OsrmHttp(server.base_url, traffic) as roads,
        ):
            first = server.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await asyncio.wait_for(restarted.wait(), 10)
            await asyncio.wait_for(server.until_up(), 10)
            matrix = await roads.matrix(MAINLAND, MAINLAND, MIDDAY)
            assert server.pid not in (None, first)
            assert server.restarts == 1
        assert not matrix.estimated.any()

    @pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is told by Linux only")
    def test_dies_with_a_parent_that_was_killed(self, grid_map: MapReport) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(grid_map.version_dir / HourBucket.DAY)],
            stdout=subprocess.PIPE,
            text=True,
        ) as holder:
            assert holder.stdout is not None
            child = int(holder.stdout.readline())
            holder.kill()
        wait_for_end(child)
