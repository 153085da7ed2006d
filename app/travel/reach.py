"""Who can be reached when: from a station and its crews, on the roads that plans are made on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
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
    starts = stations + crews
    asked, rest = found[: policy.MOST_COMMUNITIES], found[policy.MOST_COMMUNITIES :]
    nearest = await _nearest(await engine(), starts, asked, now) if starts and asked else _Nearest()
    reached = [_reached(row, nearest.best.get(row.id)) for row in asked]
    return Reach(
        depart_at=now,
        starts=tuple(starts),
        communities=tuple(reached),
        legs=_legs(reached) if nearest.best else LegCount(),
        graph_version=nearest.graph_version,
        hour_bucket=nearest.hour_bucket,
        communities_left_out=len(rest),
        customers_left_out=sum(row.customers for row in rest),
    )


def _from(kind: str, row: Any) -> From:
    return From(kind, row.id, row.code, Place(row.lon, row.lat), row.at)


@dataclass(slots=True)
class _Nearest:
    """By community (id) the shortest drive: seconds, start, source; None where no road leads."""

    best: dict[UUID, tuple[int, From, str] | None] = field(default_factory=dict)
    graph_version: str | None = None
    hour_bucket: str | None = None

    def take(self, starts: Sequence[From], communities: Sequence[Any], matrix: Matrix) -> None:
        """Keep what is shorter; an unreachable cell holds more than any drive."""
        self.graph_version, self.hour_bucket = matrix.graph_version, matrix.hour_bucket.value
        for column, row in enumerate(np.argmin(matrix.seconds, axis=0).tolist()):
            community, seconds = communities[column].id, int(matrix.seconds[row, column])
            known = self.best.setdefault(community, None)
            if matrix.unreachable[row, column] or (known is not None and known[0] <= seconds):
                continue
            self.best[community] = seconds, starts[row], matrix.source_of(row, column).value


async def _nearest(
    engine: RoutingEngine, starts: Sequence[From], communities: Sequence[Any], now: datetime
) -> _Nearest:
    """Ask block by block: no matrix is larger than one question may be."""
    places, found = [Place(row.lon, row.lat) for row in communities], _Nearest()
    for block in batched(starts, policy.STARTS_AT_ONCE):
        matrix = await engine.matrix([start.place for start in block], places, now)
        found.take(block, communities, matrix)
    return found


def _reached(community: Any, best: tuple[int, From, str] | None) -> Reached:
    seconds, start, source = best or (None, None, None)
    return Reached(community, Place(community.lon, community.lat), seconds, start, source)


def _legs(reached: Sequence[Reached]) -> LegCount:
    sources = Counter(each.source or "unreachable" for each in reached)
    return LegCount(**{name: sources[name] for name in ("osrm", "estimate", "unreachable")})
