"""Travel times from an `osrm-routed` server over HTTP."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
from numpy.typing import NDArray

from routing.answers import LegSource, Matrix, Route, Snap
from routing.engine import EngineFailed, NoRoadBetween
from routing.estimate import Estimate
from routing.osrm_table import FAR_SNAP_M, LabelledCells, RoadTable, label_cells, read_table
from routing.places import Place, coordinates, same_place
from routing.speeds import Traffic


class OsrmHttp:
    """An engine that asks `osrm-routed` at `base_url`, in tables of at most `block` x `block`.

    `graph_version` is the version of the map that the server is believed to hold. A server that
    names another one (its maps carry it, see `import_map`) is refused: stale roads are worse than
    an honest estimate. Road times are divided by the hour's factor of `traffic`, since the map
    itself knows no hours. A stock server takes blocks of 100; ours (`OsrmServer`) takes 300, which
    halves the time of large tables. Use it as an async context manager, or call `aclose()`.
    """

    def __init__(
        self,
        base_url: str,
        graph_version: str,
        traffic: Traffic,
        *,
        block: int = 100,
        parallel: int = 2,
        timeout_s: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not (1 <= block <= 300 and parallel >= 1):
            raise ValueError("block must be 1-300 and parallel at least 1")
        self.graph_version = graph_version
        self.traffic = traffic
        self._block = block
        self._turns = asyncio.Semaphore(parallel)
        self._off_road = Estimate(traffic)
        # The server stands in the company's own network: a proxy from the environment only harms.
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(timeout_s, connect=min(2.0, timeout_s)),
            transport=transport,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

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
        """Join each point to its nearest road, even one that leads nowhere."""
        coordinates(points)
        return await _all([self._nearest(point) for point in points])

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        """Ask for the durations block by block and label every cell."""
        rows, columns = coordinates(sources), coordinates(targets)
        spans = [
            (slice(top, top + self._block), slice(left, left + self._block))
            for top in range(0, len(rows), self._block)
            for left in range(0, len(columns), self._block)
        ]
        bucket = self.traffic.bucket_at(depart_at)
        tables = await _all([self._table(rows[down], columns[across]) for down, across in spans])
        stranded = await self._stranded(rows, columns, spans, tables)
        seconds = np.zeros((len(rows), len(columns)), dtype=np.int32)
        unreachable = np.zeros(seconds.shape, dtype=np.bool_)
        estimated = np.zeros(seconds.shape, dtype=np.bool_)
        for (down, across), table in zip(spans, tables, strict=True):
            cells = self._label(table, rows[down], columns[across], stranded, depart_at)
            seconds[down, across] = cells.seconds
            unreachable[down, across] = cells.unreachable
            estimated[down, across] = cells.estimated
        return Matrix(seconds, unreachable, estimated, self.graph_version, bucket)

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        """Drive along the roads; a place far from any road makes the whole route an estimate."""
        if len(points) < 2:
            raise ValueError("a route needs at least two points")
        path = f"/route/v1/driving/{_path(coordinates(points))}"
        bucket = self.traffic.bucket_at(depart_at)
        # A crew stops at each place and may leave the way it came, as the matrix assumes.
        body = await self._get(
            path,
            overview="full",
            geometries="geojson",
            continue_straight="false",
            generate_hints="false",
        )
        try:
            far = [
                point
                for point, end in zip(points, body["waypoints"], strict=True)
                if float(end["distance"]) > FAR_SNAP_M
            ]
            if far:
                return await self._route_off_road(points, far, depart_at)
            legs_s = self._legs(body, depart_at)
            drive = body["routes"][0]
            return Route(
                seconds=sum(legs_s),
                metres=round(drive["distance"]),
                geometry=tuple(Place(*pair) for pair in drive["geometry"]["coordinates"]),
                legs_s=legs_s,
                source=LegSource.OSRM,
                graph_version=self.graph_version,
                hour_bucket=bucket,
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EngineFailed(f"the route answer is malformed: {error!r}") from error

    def _legs(self, body: dict[str, Any], depart_at: datetime) -> tuple[int, ...]:
        ends = [point["location"] for point in body["waypoints"]]
        factor = self.traffic.factor_at(depart_at)
        return tuple(
            max(round(leg["duration"] / factor), 0 if ends[i] == ends[i + 1] else 1)
            for i, leg in enumerate(body["routes"][0]["legs"])
        )

    async def _route_off_road(
        self, points: Sequence[Place], far: Sequence[Place], depart_at: datetime
    ) -> Route:
        if any(not near.far for near in await self.snap(far)):
            raise NoRoadBetween("a place stands on a road that does not join the others")
        return await self._off_road.route(points, depart_at)

    def _label(
        self,
        table: RoadTable,
        rows: NDArray[np.float64],
        columns: NDArray[np.float64],
        stranded: set[Place],
        depart_at: datetime,
    ) -> LabelledCells:
        return label_cells(
            table,
            factor=self.traffic.factor_at(depart_at),
            identical=same_place(rows, columns),
            estimate_s=self._off_road.seconds(rows, columns, depart_at),
            stranded_sources=table.sources.far & _among(rows, stranded),
            stranded_targets=table.targets.far & _among(columns, stranded),
        )

    async def _stranded(
        self,
        rows: NDArray[np.float64],
        columns: NDArray[np.float64],
        spans: Sequence[tuple[slice, slice]],
        tables: Sequence[RoadTable],
    ) -> set[Place]:
        """Find the points on islands: OSRM tables join them to the mainland, however far it is."""
        far: set[Place] = set()
        for (down, across), table in zip(spans, tables, strict=True):
            far.update(Place(*pair) for pair in rows[down][table.sources.far].tolist())
            far.update(Place(*pair) for pair in columns[across][table.targets.far].tolist())
        return {near.place for near in await self.snap(sorted(far)) if not near.far}

    async def _table(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> RoadTable:
        # A table of one place wants its ends named: OSRM refuses a single bare coordinate.
        if len(rows) > 1 and np.array_equal(rows, columns):
            path, indexes = _path(rows), {}
        else:
            path = _path(np.concatenate([rows, columns]))
            ends = range(len(rows) + len(columns))
            indexes = {
                "sources": ";".join(map(str, ends[: len(rows)])),
                "destinations": ";".join(map(str, ends[len(rows) :])),
            }
        body = await self._get(
            f"/table/v1/driving/{path}", annotations="duration", generate_hints="false", **indexes
        )
        return read_table(body, len(rows), len(columns))

    async def _nearest(self, point: Place) -> Snap:
        body = await self._get(
            f"/nearest/v1/driving/{_path(coordinates([point]))}", number="1", generate_hints="false"
        )
        try:
            end = body["waypoints"][0]
            snapped, distance_m = Place(*end["location"]), float(end["distance"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EngineFailed(f"the nearest answer is malformed: {error!r}") from error
        far = distance_m > FAR_SNAP_M
        return Snap(point, snapped, distance_m, far, LegSource.OSRM, self.graph_version)

    async def _get(self, path: str, **query: str) -> dict[str, Any]:
        # By hand: httpx would escape the semicolons that separate indexes and double the address.
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        try:
            async with self._turns:
                response = await self._client.get(f"{path}?{asked}")
            body = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineFailed(f"osrm-routed gave no answer: {error!r}") from error
        code = body.get("code") if isinstance(body, dict) else None
        if code == "NoRoute":
            raise NoRoadBetween("there is no road from one place to the next")
        if code != "Ok":
            raise EngineFailed(f"osrm-routed refused with {response.status_code} {code}")
        if body.get("data_version", self.graph_version) != self.graph_version:
            raise EngineFailed(f"osrm-routed holds map {body['data_version']}")
        return dict(body)


def _path(points: NDArray[np.float64]) -> str:
    return ";".join(f"{lon:.6f},{lat:.6f}" for lon, lat in points.tolist())


def _among(points: NDArray[np.float64], chosen: set[Place]) -> NDArray[np.bool_]:
    return np.array([tuple(pair) in chosen for pair in points.tolist()], dtype=np.bool_)


async def _all[T](questions: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Ask everything at once; the first failure stops the rest and is raised by itself."""
    tasks = [asyncio.ensure_future(question) for question in questions]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
