"""Travel times from `osrm-routed` servers elsewhere."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

import httpx

from routing.answers import Fix, Matrix, Route, Snap, Trace
from routing.estimate import Estimate
from routing.matrix_cache import MatrixCache, answer_matrix
from routing.osrm_client import MapChanged, OsrmClient, TableTooBig, map_and_hour
from routing.osrm_roads import Dataset, snap_all
from routing.places import Place
from routing.speeds import ROAD_CLASSES, HourBucket, Traffic

BLOCKS: Final = (1000, 300, 100)
"""Places per side of a table, largest first: a stock server takes 100 (`--max-table-size`)."""
UNNAMED_MAP: Final = "unnamed"
"""Graph version of a server that does not name its map; nothing of it is remembered."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Which map the servers hold, and the hour whose speeds it was built with, if they say so."""

    graph_version: str
    built_for: HourBucket | None


class OsrmHttp:
    """An engine that asks `osrm-routed`, in tables as large as it takes.

    `servers` is the address of one server, whose times are divided by the hour's factor, or one
    address per hour bucket for maps that hold the hour's own speeds. The servers are asked which
    map they hold, and asked again when it changed; a `graph_version` given here must be theirs.
    A table is cut into blocks of `block` x `block`, smaller ones after a refusal: 1000 x 1000 in
    one block is nine times as quick as in the hundred that a stock server takes. Use it as an
    async context manager, or call `aclose()`.
    """

    def __init__(
        self,
        servers: str | Mapping[HourBucket, str],
        traffic: Traffic,
        *,
        graph_version: str | None = None,
        cache: MatrixCache | None = None,
        block: int = BLOCKS[0],
        parallel: int = 2,
        timeout_s: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not (1 <= block <= 1000 and parallel >= 1):
            raise ValueError("block must be 1-1000 and parallel at least 1")
        hourly = {} if isinstance(servers, str) else dict(servers)
        if hourly and set(hourly) != set(HourBucket):
            raise ValueError("every hour bucket needs a server")
        addresses = hourly or dict.fromkeys(HourBucket, str(servers))
        clients = {
            address: OsrmClient(
                partial(str, address),
                graph_version,
                hours=self._hours_of(address, hourly, traffic),
                parallel=parallel,
                timeout_s=timeout_s,
                transport=transport,
            )
            for address in set(addresses.values())
        }
        self.traffic = traffic
        self._hourly = bool(hourly)
        self._demanded = graph_version
        self._held: _Held | None = None
        self._cache = cache
        self._block = block
        self._clients = {bucket: clients[address] for bucket, address in addresses.items()}

    @staticmethod
    def _hours_of(
        address: str, hourly: Mapping[HourBucket, str], traffic: Traffic
    ) -> frozenset[HourBucket] | None:
        """Say whose speeds a server may hold: its hours', and those of hours that are equal."""
        if not hourly:
            return None

        def speeds(hour: HourBucket) -> tuple[float, ...]:
            return tuple(traffic.speeds.factor(hour, road) for road in ROAD_CLASSES)

        served = {speeds(hour) for hour, each in hourly.items() if each == address}
        return frozenset(hour for hour in HourBucket if speeds(hour) in served)

    async def aclose(self) -> None:
        """Close the connections."""
        for client in set(self._clients.values()):
            await client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def snap(self, points: Sequence[Place]) -> list[Snap]:
        """Join each point to its nearest road; the roads are the same at any hour."""

        async def ask(held: _Held) -> list[Snap]:
            return await snap_all(self._clients[HourBucket.DAY], held.graph_version, points)

        return await self._ask(ask)

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        """Ask for the durations block by block and label every cell."""

        async def ask(held: _Held) -> Matrix:
            cache = None if held.graph_version == UNNAMED_MAP else self._cache
            return await answer_matrix(self._dataset(held, depart_at), sources, targets, cache)

        return await self._ask(ask)

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        """Drive along the roads; a place far from any road makes the whole route an estimate."""

        async def ask(held: _Held) -> Route:
            return await self._dataset(held, depart_at).route(points)

        return await self._ask(ask)

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        """Follow the roads behind the fixes; what fits no road is dropped."""

        async def ask(held: _Held) -> Trace:
            return await self._dataset(held, fixes[0].at).match(fixes)

        return await self._ask(ask)

    async def _ask[T](self, question: Callable[[_Held], Awaitable[T]]) -> T:
        if self._held is None:
            self._held = await self._ask_held()
        block = self._block
        try:
            return await question(self._held)
        except MapChanged:
            self._held = None  # the next question asks anew
            raise
        except TableTooBig:
            smaller = next((each for each in BLOCKS if each < block), None)
            if smaller is None:
                raise
            self._block = min(self._block, smaller)  # others may have been refused meanwhile
            return await self._ask(question)

    async def _ask_held(self) -> _Held:
        told = await self._clients[HourBucket.DAY].told_version()
        version, hour = map_and_hour(told or self._demanded or UNNAMED_MAP)
        for client in self._clients.values():
            client.graph_version = self._demanded or (version if told else None)
        return _Held(version, hour)

    def _dataset(self, held: _Held, depart_at: datetime) -> Dataset:
        bucket = self.traffic.bucket_at(depart_at)
        factors = self.traffic.speeds.factors
        built = factors[held.built_for] if held.built_for else 1.0
        return Dataset(
            client=self._clients[bucket],
            graph_version=held.graph_version,
            bucket=bucket,
            depart_at=depart_at,
            factor=1.0 if self._hourly else factors[bucket] / built,
            guess=Estimate(self.traffic),
            block=self._block,
        )
