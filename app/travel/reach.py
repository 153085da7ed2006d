"""Who can be reached when: from a station and its crews, on the roads that plans are made on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from app.core import clock
from app.core.db import Database
from app.core.permissions import Permission
from app.core.scope import Principal
from app.organisation import service as organisation
from app.travel import policy, reach_rows
from app.travel.service import OpenEngine
from routing import LegCount, Matrix, Place, RoutingEngine


class From(NamedTuple):
    """Where a drive can begin: a station, or a crew on shift with a known position."""

    kind: str
    id: UUID
    code: str
    place: Place
    at: datetime | None


class Reached(NamedTuple):
    """One community: seconds from the nearest start, None when no road leads there."""

    community: Any
    place: Place
    seconds: int | None
    start: From | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What one question found."""

    depart_at: datetime
    starts: tuple[From, ...]
    communities: tuple[Reached, ...]
    legs: LegCount
    """The drives to the communities by source."""
    graph_version: str | None
    hour_bucket: str | None
    starts_left_out: int
    communities_left_out: int
    customers_left_out: int


async def reach(
    database: Database, engine: OpenEngine, principal: Principal, station_id: UUID
) -> Reach:
    """Drives from the stations and crews of a subtree to its communities; raises NotFound.

    The drive alone counts, not the work that a crew has in hand. The largest communities are
    taken when there are thousands.
    """
    now = clock.now()
    async with database.transaction() as session:
        ids = await organisation.subtree_in_scope(
            session, principal, Permission.PLANNING_READ, station_id
        )
        stations = [_from("station", row) for row in await reach_rows.stations(session, ids)]
        crews = [_from("crew", row) for row in await reach_rows.crews(session, ids, now)]
        found = await reach_rows.communities(session, ids)
    starts = (stations + crews)[: policy.MOST_STARTS]
    asked, rest = found[: policy.MOST_COMMUNITIES], found[policy.MOST_COMMUNITIES :]
    matrix = await _matrix(await engine(), starts, asked, now) if starts and asked else None
    return Reach(
        depart_at=now,
        starts=tuple(starts),
        communities=tuple(_reached(starts, asked, matrix)),
        legs=_legs(matrix),
        graph_version=matrix.graph_version if matrix else None,
        hour_bucket=matrix.hour_bucket.value if matrix else None,
        starts_left_out=len(stations) + len(crews) - len(starts),
        communities_left_out=len(rest),
        customers_left_out=sum(row.customers for row in rest),
    )


def _from(kind: str, row: Any) -> From:
    return From(kind, row.id, row.code, Place(row.lon, row.lat), row.at)


async def _matrix(
    engine: RoutingEngine, starts: Sequence[From], communities: Sequence[Any], now: datetime
) -> Matrix:
    places = [Place(row.lon, row.lat) for row in communities]
    return await engine.matrix([start.place for start in starts], places, now)


def _reached(
    starts: Sequence[From], communities: Sequence[Any], matrix: Matrix | None
) -> list[Reached]:
    if matrix is None:
        return [Reached(row, Place(row.lon, row.lat), None, None, None) for row in communities]
    found = []
    for column, (row, best) in enumerate(zip(communities, _nearest(matrix), strict=True)):
        place = Place(row.lon, row.lat)
        if matrix.unreachable[best, column]:
            found.append(Reached(row, place, None, None, None))
            continue
        seconds = int(matrix.seconds[best, column])
        source = matrix.source_of(best, column).value
        found.append(Reached(row, place, seconds, starts[best], source))
    return found


def _nearest(matrix: Matrix) -> list[int]:
    """By community the start that is nearest; an unreachable cell holds more than any drive."""
    rows: list[int] = np.argmin(matrix.seconds, axis=0).tolist()
    return rows


def _legs(matrix: Matrix | None) -> LegCount:
    if matrix is None:
        return LegCount()
    columns = np.arange(matrix.seconds.shape[1], dtype=np.intp)
    return matrix.count_legs_at(np.array(_nearest(matrix), dtype=np.intp), columns)
