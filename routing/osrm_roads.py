"""Turns what one OSRM dataset says into labelled answers; shared by the engines that have one."""

import asyncio
import hashlib
import itertools
import re
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from routing.answers import Fix, LegSource, Matrix, Route, Snap, Stretch, Trace
from routing.engine import EngineFailed, NoRoadBetween
from routing.estimate import Estimate
from routing.osrm_client import NoMatch, OsrmClient
from routing.osrm_pieces import class_seconds
from routing.osrm_table import LabelledCells, label_cells
from routing.osrm_wire import FAR_SNAP_M, RoadTable
from routing.places import Place, coordinates
from routing.speeds import HourBucket

CLOSEST_FIXES_S: Final = 1.0
"""OSRM wants whole, rising seconds: of fixes that are closer together the first is taken."""
MOST_FIXES: Final = 50
"""Fixes per question; longer traces are asked in pieces that share an end. Inexact fixes take OSRM
seconds: each has many roads near it, and every pair of two of them is tried."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One server's roads at one departure.

    Road times are divided by `factor`: 1 for a map that holds the hour's own speeds. `guess`
    answers for places that are far from every road.
    """

    client: OsrmClient
    graph_version: str
    bucket: HourBucket
    depart_at: datetime
    factor: float
    guess: Estimate
    block: int

    @property
    def memory_name(self) -> str:
        """A folder's name for what this dataset answers: its map, its hour, and any factor.

        A server elsewhere may call its map anything, also `../..`: such names are hashed.
        """
        told = f"{self.graph_version}.{self.bucket.value}"
        name = told if self.factor == 1 else f"{told}.by-{self.factor:.4f}"
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name)
        return name if plain else hashlib.sha256(name.encode()).hexdigest()

    async def cells(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> LabelledCells:
        """Ask for the durations block by block and label every cell; lon/lat [n, 2] and [m, 2]."""
        spans = [
            (slice(top, top + self.block), slice(left, left + self.block))
            for top in range(0, len(rows), self.block)
            for left in range(0, len(columns), self.block)
        ]
        tables = await all_of(
            [self.client.table(rows[down], columns[across]) for down, across in spans]
        )
        stranded = await self._stranded(rows, columns, spans, tables)
        whole = LabelledCells.empty(len(rows), len(columns))
        for (down, across), table in zip(spans, tables, strict=True):
            labelled = await asyncio.to_thread(
                self._label, table, rows[down], columns[across], stranded
            )
            if len(spans) == 1:
                return labelled
            whole.paste(down, across, labelled)
        return whole

    def matrix(self, cells: LabelledCells) -> Matrix:
        """Sign cells with where they come from."""
        return Matrix(
            cells.seconds, cells.unreachable, cells.estimated, self.graph_version, self.bucket
        )

    async def route(self, points: Sequence[Place]) -> Route:
        """Drive along the roads; a place far from any road makes the whole route an estimate."""
        if len(points) < 2:
            raise ValueError("a route needs at least two points")
        body = await self.client.route(coordinates(points))
        try:
            far = [
                point
                for point, end in zip(points, body["waypoints"], strict=True)
                if float(end["distance"]) > FAR_SNAP_M
            ]
            if far:
                return await self._route_off_road(points, far)
            legs_s = self._legs(body)
            drive = body["routes"][0]
            return Route(
                seconds=sum(legs_s),
                metres=round(drive["distance"]),
                geometry=tuple(Place(*pair) for pair in drive["geometry"]["coordinates"]),
                legs_s=legs_s,
                source=LegSource.OSRM,
                graph_version=self.graph_version,
                hour_bucket=self.bucket,
                class_seconds=self._classes(drive["legs"]),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EngineFailed(f"the route answer is malformed: {error!r}") from error

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        """Follow the roads behind the fixes; what fits no road is dropped."""
        if len(fixes) < 2:
            raise ValueError("a trace needs at least two fixes")
        kept = _apart(fixes)
        stretches: list[Stretch] = []
        matched: set[int] = set()
        for start in range(0, max(len(kept) - 1, 1), MOST_FIXES - 1):
            piece = kept[start : start + MOST_FIXES]
            found, used = await self._match_piece(piece)
            stretches += found
            matched |= {start + index for index in used}
        return Trace(
            tuple(stretches),
            len(fixes) - len(matched),
            LegSource.OSRM,
            self.graph_version,
            self.bucket,
        )

    async def _match_piece(self, fixes: Sequence[Fix]) -> tuple[list[Stretch], set[int]]:
        if len(fixes) < 2:
            return [], set()
        try:
            body = await self.client.match(fixes)
        except NoMatch:
            return [], set()
        try:
            points = body["tracepoints"]
            used = {index for index, point in enumerate(points) if point is not None}
            by_drive = itertools.groupby(sorted(used), lambda at: points[at]["matchings_index"])
            return [
                self._stretch(leg, fixes[left], fixes[reached])
                for drive, members in by_drive
                for leg, (left, reached) in zip(
                    body["matchings"][drive]["legs"], itertools.pairwise(members), strict=True
                )
            ], used
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EngineFailed(f"the match answer is malformed: {error!r}") from error

    def _stretch(self, leg: dict[str, Any], left: Fix, reached: Fix) -> Stretch:
        return Stretch(
            left_at=left.at,
            reached_at=reached.at,
            metres=float(leg["distance"]),
            road_s=float(leg["duration"]) / self.factor,
            class_seconds=self._classes([leg]),
        )

    def _classes(self, legs: Sequence[dict[str, Any]]) -> tuple[float, ...] | None:
        by_leg = [class_seconds(leg) for leg in legs]
        known = [each for each in by_leg if each is not None]
        if len(known) < len(by_leg):
            return None
        return tuple(sum(each) / self.factor for each in zip(*known, strict=True))

    def _legs(self, body: dict[str, Any]) -> tuple[int, ...]:
        ends = [point["location"] for point in body["waypoints"]]
        return tuple(
            max(round(leg["duration"] / self.factor), 0 if ends[i] == ends[i + 1] else 1)
            for i, leg in enumerate(body["routes"][0]["legs"])
        )

    async def _route_off_road(self, points: Sequence[Place], far: Sequence[Place]) -> Route:
        if any(not near.far for near in await snap_all(self.client, self.graph_version, far)):
            raise NoRoadBetween("a place stands on a road that does not join the others")
        return await self.guess.route(points, self.depart_at)

    def _label(
        self,
        table: RoadTable,
        rows: NDArray[np.float64],
        columns: NDArray[np.float64],
        stranded: set[Place],
    ) -> LabelledCells:
        return label_cells(
            table,
            rows,
            columns,
            factor=self.factor,
            stranded=stranded,
            guess_s=lambda a, b: self.guess.seconds(a, b, self.depart_at),
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
            for points, ends in ((rows[down], table.sources), (columns[across], table.targets)):
                far.update(Place(*pair) for pair in points[ends.far].tolist())
        return {
            near.place
            for near in await snap_all(self.client, self.graph_version, sorted(far))
            if not near.far
        }


async def snap_all(client: OsrmClient, graph_version: str, points: Sequence[Place]) -> list[Snap]:
    """Join each point to its nearest road, even one that leads nowhere."""
    coordinates(points)
    near = await all_of([client.nearest(point) for point in points])
    return [
        Snap(
            place=point,
            snapped=road.snapped,
            distance_m=road.distance_m,
            far=road.distance_m > FAR_SNAP_M,
            source=LegSource.OSRM,
            graph_version=graph_version,
        )
        for point, road in zip(points, near, strict=True)
    ]


def _apart(fixes: Sequence[Fix]) -> list[Fix]:
    kept = [fixes[0]]
    for fix in fixes[1:]:
        if round(fix.at.timestamp()) - round(kept[-1].at.timestamp()) >= CLOSEST_FIXES_S:
            kept.append(fix)
    return kept


async def all_of[T](questions: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Ask everything at once; the first failure stops the rest and is raised by itself."""
    tasks = [asyncio.ensure_future(question) for question in questions]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
