"""Asks one `osrm-routed` over HTTP: tables in FlatBuffers, everything else in JSON."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

import httpx
import numpy as np
from numpy.typing import NDArray

from routing.answers import Fix
from routing.engine import EngineFailed, NoRoadBetween, RoutingError
from routing.osrm_wire import FALLBACK_SPEED, RoadTable, read_table
from routing.places import Place
from routing.speeds import HourBucket

_IDLE_S: Final = 2.0
"""osrm-routed closes a connection that is silent for 5 s, or after 512 requests."""
_TOO_LONG: Final = (httpx.codes.REQUEST_URI_TOO_LONG, httpx.codes.REQUEST_HEADER_FIELDS_TOO_LARGE)
_RADIUS_M: Final = (5.0, 30.0)
"""Bounds of the accuracy that a phone may claim when its fixes are matched: at 95 m a trace of 70
fixes took OSRM 8 s, and meanwhile nobody else was answered."""


class EngineUnreachable(EngineFailed):
    """Nobody answered at all; asking again after a restart may help."""


class TableTooBig(EngineFailed):
    """The server, or a proxy before it, takes no table or no address of this size."""


class MapChanged(EngineFailed):
    """The server holds another map than the one that the question was for."""


class NoMatch(RoutingError):
    """The server works, and no drive fits the fixes."""


class NearestRoad(NamedTuple):
    """Where a place joins the roads, and how many metres away that is."""

    snapped: Place
    distance_m: float


class OsrmClient:
    """One server that is believed to hold the map `graph_version`.

    A server that names another map, or one built for none of `hours` (ours carry both, see
    `import_map`), is refused by MapChanged: stale roads are worse than an honest estimate. None
    believes any. `address` is asked each time: a restarted server may have another port. All
    methods raise EngineFailed.
    """

    def __init__(
        self,
        address: Callable[[], str],
        graph_version: str | None,
        *,
        hours: Collection[HourBucket] | None = None,
        parallel: int = 2,
        timeout_s: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.graph_version = graph_version
        self._address = address
        self._hours = hours
        self._turns = asyncio.Semaphore(parallel)
        # The server stands in the company's own network: a proxy from the environment only harms,
        # and so does compression, which doubles the cost of a table.
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=min(2.0, timeout_s)),
            limits=httpx.Limits(keepalive_expiry=_IDLE_S),
            headers={"Accept-Encoding": "identity"},
            transport=transport,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def table(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> RoadTable:
        """Give the durations between lon/lat arrays [n, 2] and [m, 2]."""
        # Whatever grows with the table is done in a thread, so that the event loop breathes.
        path, query = await asyncio.to_thread(_table_question, rows, columns)
        response = await self._get(path, query)
        if response.status_code in _TOO_LONG:
            raise TableTooBig(f"an address of {len(path)} characters is too long")
        if response.status_code != httpx.codes.OK:  # refusals are written in JSON
            self._believed(response)
            raise EngineFailed(f"osrm-routed refused with {response.status_code}")
        table = await asyncio.to_thread(read_table, response.content, len(rows), len(columns))
        self._demand_version(table.data_version)
        return table

    async def told_version(self) -> str | None:
        """Say what the server calls its map; a stock server has no name for it."""
        response = await self._get("/nearest/v1/driving/0,0", {"number": "1"})
        told = self._believed(response, any_map=True).get("data_version")
        return str(told) if told else None

    async def nearest(self, point: Place) -> NearestRoad:
        """Join a point to its nearest road, even one that leads nowhere."""
        path = f"/nearest/v1/driving/{_path(np.array([point]))}"
        body = self._believed(await self._get(path, {"number": "1"}))
        try:
            end = body["waypoints"][0]
            return NearestRoad(Place(*end["location"]), float(end["distance"]))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EngineFailed(f"the nearest answer is malformed: {error!r}") from error

    async def route(self, points: NDArray[np.float64]) -> dict[str, Any]:
        """Give OSRM's route answer through lon/lat points [n, 2]; raises NoRoadBetween."""
        # A crew stops at each place and may leave the way it came, as the matrix assumes.
        query = {"overview": "full", "continue_straight": "false", **_EVERY_PIECE}
        return self._believed(await self._get(f"/route/v1/driving/{_path(points)}", query))

    async def match(self, fixes: Sequence[Fix]) -> dict[str, Any]:
        """Give OSRM's match answer; fixes must be at least a second apart. Raises NoMatch."""
        low, high = _RADIUS_M
        query = {
            "overview": "false",
            "gaps": "ignore",
            "timestamps": ";".join(str(round(fix.at.timestamp())) for fix in fixes),
            "radiuses": ";".join(f"{min(max(fix.accuracy_m, low), high):.0f}" for fix in fixes),
            **_EVERY_PIECE,
        }
        path = f"/match/v1/driving/{_path(np.array([fix.place for fix in fixes]))}"
        return self._believed(await self._get(path, query))

    async def _get(self, path: str, query: dict[str, str]) -> httpx.Response:
        # By hand: httpx would escape the semicolons that separate indexes and double the address.
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        url = f"{self._address().rstrip('/')}{path}?{asked}&generate_hints=false"
        try:
            async with self._turns:
                try:
                    return await self._http.get(url)
                except (httpx.RemoteProtocolError, httpx.ReadError):
                    # The server closed a connection that we thought alive: a new one, once.
                    return await self._http.get(url)
        except httpx.TimeoutException as error:
            raise EngineFailed(f"osrm-routed took too long: {error!r}") from error
        except httpx.HTTPError as error:
            raise EngineUnreachable(f"osrm-routed gave no answer: {error!r}") from error

    def _believed(self, response: httpx.Response, *, any_map: bool = False) -> dict[str, Any]:
        try:
            body = response.json()
        except ValueError as error:
            raise EngineFailed(f"osrm-routed gave no answer: {error!r}") from error
        code = body.get("code") if isinstance(body, dict) else None
        if code == "NoRoute":
            raise NoRoadBetween("there is no road from one place to the next")
        if code == "TooBig":
            raise TableTooBig("the table has too many cells")
        if code in ("NoMatch", "NoSegment"):
            raise NoMatch("no drive along the roads fits the positions")
        if code != "Ok":
            raise EngineFailed(f"osrm-routed refused with {response.status_code} {code}")
        if not any_map:
            self._demand_version(body.get("data_version"))
        return dict(body)

    def _demand_version(self, told: str | None) -> None:
        if told is None:
            return
        version, hour = map_and_hour(told)
        right_hour = None in (hour, self._hours) or hour in (self._hours or ())
        if self.graph_version in (None, told, version) and right_hour:
            return
        raise MapChanged(f"osrm-routed holds map {told}, not {self.graph_version}")


def map_and_hour(told: str) -> tuple[str, HourBucket | None]:
    """Split what a server calls its data: ours end in the hour that they were built for."""
    version, _, hour = told.rpartition(".")
    return (version, HourBucket(hour)) if version and hour in list(HourBucket) else (told, None)


_EVERY_PIECE: Final = {
    "steps": "true",
    "annotations": "duration,distance",
    "geometries": "geojson",
}
"""What it takes to say how much of a drive went over which road class."""


def _table_question(
    rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> tuple[str, dict[str, str]]:
    query = {"annotations": "duration", "fallback_speed": FALLBACK_SPEED}
    # A table of one place wants its ends named: OSRM refuses a single bare coordinate.
    if len(rows) > 1 and np.array_equal(rows, columns):
        points = rows
    else:
        points = np.concatenate([rows, columns])
        ends = range(len(points))
        query["sources"] = ";".join(map(str, ends[: len(rows)]))
        query["destinations"] = ";".join(map(str, ends[len(rows) :]))
    return f"/table/v1/driving/{_path(points)}.flatbuffers", query


def _path(points: NDArray[np.float64]) -> str:
    return ";".join(f"{lon:.6f},{lat:.6f}" for lon, lat in points.tolist())
