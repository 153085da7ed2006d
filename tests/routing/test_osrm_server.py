import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from routing import (
    EngineFailed,
    HourBucket,
    MapReport,
    Matrix,
    OsrmHttp,
    OsrmServer,
    OsrmServerFailed,
    Traffic,
)
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
    async def test_starts_again_elsewhere_when_its_port_was_taken(
        self, grid_map: MapReport, traffic: Traffic
    ) -> None:
        dataset = grid_map.version_dir / HourBucket.DAY
        # So that two starts that come to nothing leave time for a third.
        async with OsrmServer(dataset, ready_within_s=8) as server:
            address = server.base_url
            async with asyncio.timeout(20):
                stranger = await self.stranger(server, int(address.rpartition(":")[2]))
            try:
                async with asyncio.timeout(30):
                    matrix = await self.answered_elsewhere(server, address, traffic)
            finally:
                stranger.close()
        assert not matrix.estimated.any()

    async def answered_elsewhere(
        self, server: OsrmServer, address: str, traffic: Traffic
    ) -> Matrix:
        while server.pid is None or server.base_url == address:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.02)
        return await self.patiently(server, traffic)

    async def stranger(self, server: OsrmServer, port: int) -> asyncio.Server:
        """Kill the server until its port is free, and take that for one that talks no OSRM."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            writer.close()

        while True:
            if server.pid is not None:
                os.kill(server.pid, signal.SIGKILL)
            try:
                return await asyncio.start_server(answer, "127.0.0.1", port)
            except OSError:  # it came back first, or the kernel is still clearing up
                await asyncio.sleep(0.01)

    async def patiently(self, server: OsrmServer, traffic: Traffic) -> Matrix:
        """Ask where the server is by now: another may have taken that port, too, before it."""
        while True:
            with contextlib.suppress(EngineFailed):
                async with OsrmHttp(server.base_url, traffic) as roads:
                    return await roads.matrix(MAINLAND, MAINLAND, MIDDAY)
            await asyncio.sleep(0.02)

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
