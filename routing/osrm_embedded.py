"""Travel times from the imported map, served by child processes of our own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from routing.answers import Fix, Matrix, Route, Snap, Trace
from routing.engine import EngineFailed, RoutingError
from routing.estimate import Estimate
from routing.map_versions import SPEEDS_NAME, current_dir, in_use, remove_unused
from routing.matrix_cache import MatrixCache, answer_matrix
from routing.osrm_client import EngineUnreachable, OsrmClient
from routing.osrm_roads import Dataset, snap_all
from routing.osrm_server import OsrmServer
from routing.places import Place
from routing.speed_files import load_profile
from routing.speeds import HourBucket, Traffic, Vehicle

_BLOCK: Final = 1000
"""Places per side of a table: the address of a larger one is longer than a server reads."""
_TABLES: Final = "tables"
_MATCHING: Final = "matching"
_RESTART_WITHIN_S: Final = 5.0
_ASK_AGAIN_S: Final = 0.1


class OsrmEmbedded:
    """The engine on the map that `import_map` made current in `maps_dir`.

    One `osrm-routed` per hour bucket, started when it is first asked and again when it crashed; a
    question that met the crash is asked once more. Matching has servers of its own: a long trace
    takes seconds, and plans must not wait for it. A newly imported map is taken at the next
    question; the old one is let go, and removed, when its last question is answered. The event
    loop never waits for the roads. `cache` remembers square matrices. Use it as an async context
    manager, in the event loop's own thread. Raises EngineFailed when there is no map.
    """

    def __init__(
        self,
        maps_dir: Path,
        zone: tzinfo,
        *,
        vehicle: Vehicle = Vehicle.CAR,
        cache: MatrixCache | None = None,
        threads: int = 1,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._maps_dir = maps_dir
        self._zone = zone
        self._vehicle = vehicle
        self._cache = cache
        self._threads = threads
        self._log = log or (lambda _line: None)
        self._map: _ServedMap | None = None
        self._replaced: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        served, self._map = self._map, None
        if served is not None:
            await served.close()
        if self._replaced is not None:
            await self._replaced

    async def snap(self, points: Sequence[Place]) -> list[Snap]:
        """Join each point to its nearest road; the roads are the same at any hour."""

        async def ask(served: "_ServedMap") -> list[Snap]:
            client = await served.client(HourBucket.DAY)
            return await snap_all(client, served.version_dir.name, points)

        return await self._ask(ask)

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        """Give the seconds, remembered where they are, and label every cell."""

        async def ask(served: "_ServedMap") -> Matrix:
            data = await served.dataset(depart_at)
            return await answer_matrix(data, sources, targets, self._cache)

        return await self._ask(ask)

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        """Drive along the roads; a place far from any road makes the whole route an estimate."""

        async def ask(served: "_ServedMap") -> Route:
            return await (await served.dataset(depart_at)).route(points)

        return await self._ask(ask)

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        """Follow the roads behind the fixes; what fits no road is dropped."""

        async def ask(served: "_ServedMap") -> Trace:
            return await (await served.dataset(fixes[0].at, _MATCHING)).match(fixes)

        return await self._ask(ask)

    @property
    def pids(self) -> list[int]:
        """The process ids of the servers that run now."""
        return self._map.pids() if self._map is not None else []

    async def _ask[T](self, question: Callable[["_ServedMap"], Awaitable[T]]) -> T:
        """Ask, and while a crashed server comes back ask again, for a few seconds at most."""
        async with self._current() as served:
            deadline_s = asyncio.get_running_loop().time() + _RESTART_WITHIN_S
            while True:
                try:
                    return await question(served)
                except EngineUnreachable as failure:
                    if asyncio.get_running_loop().time() > deadline_s:
                        raise
                    self._log(f"the roads do not answer, asking again: {failure}")
                    await asyncio.sleep(_ASK_AGAIN_S)

    @asynccontextmanager
    async def _current(self) -> AsyncIterator["_ServedMap"]:
        """Hold the map in use for one question; whoever leaves a replaced map last closes it."""
        served = self._newest()
        served.questions += 1
        try:
            yield served
        finally:
            served.questions -= 1
            await self._let_go(served)

    def _newest(self) -> "_ServedMap":
        version_dir = current_dir(self._maps_dir, self._vehicle)
        if version_dir is None:
            raise EngineFailed("no map is imported")
        held = self._map
        if held is not None and held.version_dir == version_dir:
            return held
        self._map = _ServedMap(version_dir, self._zone, self._threads, self._log)
        if held is not None:
            self._log(f"map {held.version_dir.name} is replaced by {version_dir.name}")
            if not held.questions:
                self._replaced = asyncio.create_task(self._let_go(held), name="let a map go")
        return self._map

    async def _let_go(self, served: "_ServedMap") -> None:
        if served is self._map or served.questions:
            return
        await served.close()
        with contextlib.suppress(OSError):  # the next import sweeps again
            await asyncio.to_thread(remove_unused, self._maps_dir)


class _ServedMap:
    """One version of the map, with a server for each hour bucket that was asked for.

    Raises EngineFailed when the version is gone or cannot be read.
    """

    def __init__(
        self, version_dir: Path, zone: tzinfo, threads: int, log: Callable[[str], None]
    ) -> None:
        self.version_dir = version_dir
        self.questions = 0
        self._threads = threads
        self._log = log
        self._clients: dict[tuple[Path, str], OsrmClient] = {}
        self._servers: list[OsrmServer] = []
        self._starting = asyncio.Lock()
        self._stack = AsyncExitStack()
        try:
            self._stack.enter_context(in_use(version_dir))
            self._traffic = Traffic(load_profile(version_dir / SPEEDS_NAME), zone)
        except (RoutingError, OSError) as error:
            raise EngineFailed(f"the map {version_dir.name} cannot be used: {error}") from error

    async def dataset(self, depart_at: datetime, purpose: str = _TABLES) -> Dataset:
        """Give the roads of the hour, with its server for this purpose running."""
        bucket = self._traffic.bucket_at(depart_at)
        return Dataset(
            client=await self.client(bucket, purpose),
            graph_version=self.version_dir.name,
            bucket=bucket,
            depart_at=depart_at,
            factor=1.0,
            guess=Estimate(self._traffic),
            block=_BLOCK,
        )

    async def client(self, bucket: HourBucket, purpose: str = _TABLES) -> OsrmClient:
        """Give the connection to a bucket's server; buckets of equal speeds share one."""
        key = (self.version_dir / bucket.value).resolve(), purpose
        async with self._starting:
            if key not in self._clients:
                self._clients[key] = await self._start(key[0])
        return self._clients[key]

    async def _start(self, dataset_dir: Path) -> OsrmClient:
        server = OsrmServer(dataset_dir, threads=self._threads, log=self._log)
        try:
            await self._stack.enter_async_context(server)
        except (RoutingError, OSError) as error:
            raise EngineFailed(f"the map {dataset_dir} is not served: {error}") from error
        client = OsrmClient(lambda: server.base_url, self.version_dir.name)
        self._stack.push_async_callback(client.aclose)
        self._servers.append(server)
        return client

    def pids(self) -> list[int]:
        """Give the servers that run now."""
        return [server.pid for server in self._servers if server.pid is not None]

    async def close(self) -> None:
        """End the servers and let the version go."""
        await self._stack.aclose()
