"""Runs `osrm-routed` on the loopback address for as long as a block of code needs it."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from routing.engine import RoutingError
from routing.map_build import DATASET_NAME
from routing.osrm_tools import find_osrm_tools

_PR_SET_PDEATHSIG: Final = 1
_PROBE_EVERY_S: Final = 0.02
_REST_BEFORE_RESTART_S: Final = 1.0


class OsrmServerFailed(RoutingError):
    """osrm-routed did not come up; the message carries its last words."""


def routed_command(dataset_dir: Path, port: int, *, threads: int = 1) -> list[str]:
    """Give the command line that serves one dataset of an imported map on 127.0.0.1."""
    return [
        str(find_osrm_tools().routed),
        *("--ip", "127.0.0.1", "--port", str(port), "--threads", str(threads)),
        *("--max-table-size", "10000", "--max-viaroute-size", "1000"),
        *("--max-matching-size", "1000"),
        *("--verbosity", "WARNING", "--algorithm", "CH"),
        str(dataset_dir / DATASET_NAME),
    ]


class OsrmServer:
    """An async context manager around one `osrm-routed` child.

    Entering waits until it answers (raises OsrmServerFailed); leaving ends it. While inside, a
    crashed child is started again, on another port if its own was taken. The child dies with its
    parent, even on kill -9 (Linux: the kernel ties it to the thread that entered, so enter from
    the event loop's own thread). `dataset_dir` is the folder of one hour bucket of a version made
    by `import_map`.
    """

    def __init__(
        self,
        dataset_dir: Path,
        *,
        threads: int = 1,
        ready_within_s: float = 30.0,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.dataset_dir = dataset_dir.resolve()
        self.graph_version = self.dataset_dir.parent.name
        self.restarts = 0
        self._threads = threads
        self._ready_within_s = ready_within_s
        self._log = log or (lambda _line: None)
        self._port = 0
        self._child: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        """The address now; another one after a restart that found its port taken."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        child = self._child
        return child.pid if child is not None and child.returncode is None else None

    async def __aenter__(self) -> Self:
        self._port = _free_port()
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        self._watch = asyncio.create_task(self._keep_running(), name="osrm-routed watch")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._stop()

    async def _until_ready(self) -> None:
        try:
            async with (
                asyncio.timeout(self._ready_within_s),
                httpx.AsyncClient(base_url=self.base_url, trust_env=False) as client,
            ):
                while not await self._answers(client):  # noqa: ASYNC110 - another process, no event
                    await asyncio.sleep(_PROBE_EVERY_S)
        except TimeoutError as error:
            raise OsrmServerFailed(
                f"osrm-routed did not answer within {self._ready_within_s} s"
            ) from error

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        if self.pid is None:
            raise OsrmServerFailed(f"osrm-routed ended at once: {await self._last_words()}")
        try:
            body = (await client.get("/nearest/v1/driving/0,0")).json()
        except (httpx.TransportError, ValueError):  # not up yet, or somebody else's server
            return False
        # osrm-routed shares its port with a second one (SO_REUSEPORT), so ask whose map it is.
        if body.get("data_version") != f"{self.graph_version}.{self.dataset_dir.name}":
            raise OsrmServerFailed(f"port {self._port} serves another map: {body}")
        return True

    async def _start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            *routed_command(self.dataset_dir, self._port, threads=self._threads),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=_die_with(os.getpid()) if sys.platform == "linux" else None,
        )
        await self._until_ready()

    async def _keep_running(self) -> None:
        while True:
            if self._child is not None:
                words = await self._last_words()
                code = await self._child.wait()
                self._log(f"osrm-routed ended with {code}, starting it again: {words}")
            self.restarts += 1
            try:
                await self._start()
            except (RoutingError, OSError) as error:
                self._log(f"osrm-routed does not start: {error}")
                await self._stop()
                await asyncio.sleep(_REST_BEFORE_RESTART_S)
                self._port = _free_port()  # somebody may have taken the old one

    async def _last_words(self) -> str:
        """Drain the child's complaints until it ends (a full pipe would stop it) and keep a few."""
        words = b""
        if self._child is not None and self._child.stderr is not None:
            while chunk := await self._child.stderr.read(4096):
                words = (words + chunk)[-500:]
        return words.decode(errors="replace").strip()

    async def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            try:
                async with asyncio.timeout(5):
                    await child.wait()
            except TimeoutError:
                child.kill()
        await child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with(parent: int) -> Callable[[], None]:
    """Make the child's start-up step that asks the kernel to kill it when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: no imports in the child

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the request
            os._exit(1)

    return ask
