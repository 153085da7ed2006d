"""Keeps the arrival of every order that a crew holds up to date, and tells when it moves.

Load, roads, store: no transaction is open while roads are asked, and what changed meanwhile is
left for the next look.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed
from app.core.db import Database
from app.planning.roads import Roads, roads_between
from app.travel import policy, repository
from app.travel.chain import Arrival, CrewDay, Leg, arrivals, way
from app.travel.load import Loaded, crew_days
from app.travel.models import ArrivalEstimate
from routing import Place, RoutingEngine

log = logging.getLogger(__name__)


async def refresh(database: Database, engine: RoutingEngine) -> int:
    """Compute anew what rests on changed inputs; returns how many crews that were.

    One statement when nothing changed. A batch that fails is told, and the others go on.
    """
    now = clock.now()
    async with database.transaction() as session:
        stale = await repository.stale_crews(
            session, now, now - policy.LATE_AFTER, now - policy.UNPLACED_FOR
        )
    for crews in batched(stale, policy.CREWS_AT_ONCE):
        try:
            await refresh_crews(database, engine, crews)
        except Exception:
            log.exception("ALERT the arrivals of %d crews could not be computed", len(crews))
    return len(stale)


async def refresh_crews(database: Database, engine: RoutingEngine, crews: Collection[UUID]) -> None:
    """Compute and store the arrivals of these crews with one matrix."""
    now = clock.now()
    async with database.transaction() as session:
        loaded = await crew_days(session, crews, now)
    found = await _foretell(engine, loaded.days, now)
    async with database.transaction() as session:
        await _store(session, loaded, found, now)
        placed = {each.stop.crew_id for each in found.arrivals.values()}
        lost = {crew: row for crew, row in loaded.bases.items() if crew not in placed}
        await repository.note_unplaced(session, loaded.crews, lost, now)


@dataclass(frozen=True, slots=True)
class _Foretold:
    arrivals: Mapping[UUID, Arrival]
    graph_version: str = ""
    hour_bucket: str = ""


async def _foretell(engine: RoutingEngine, days: Collection[CrewDay], now: datetime) -> _Foretold:
    ways = [way(day).places for day in days]
    places = tuple(dict.fromkeys(place for each in ways for place in each))
    if not any(len(each) > 1 for each in ways):
        return _Foretold({})
    row = {place: number for number, place in enumerate(places)}
    roads = await roads_between(engine, places, [[row[p] for p in each] for each in ways], now)
    return _Foretold(
        _together(days, now, roads, row),
        roads.matrix.graph_version,
        roads.matrix.hour_bucket.value,
    )


def _together(
    days: Collection[CrewDay], now: datetime, roads: Roads, row: Mapping[Place, int]
) -> dict[UUID, Arrival]:
    """Order -> arrival; where several crews come, the last of them."""

    def leg(here: Place, there: Place) -> Leg:
        cell = row[here], row[there]
        return Leg(int(roads.travel[cell]), roads.source_of(cell))

    alone = _last(arrival for day in days for arrival in arrivals(day, now, leg))
    together = {order: arrival.arrive_at for order, arrival in alone.items()}
    return _last(arrival for day in days for arrival in arrivals(day, now, leg, together))


def _last(found: Iterable[Arrival]) -> dict[UUID, Arrival]:
    last: dict[UUID, Arrival] = {}
    for arrival in found:
        known = last.get(arrival.stop.order_id)
        if known is None or arrival.arrive_at > known.arrive_at:
            last[arrival.stop.order_id] = arrival
    return last


async def _store(session: AsyncSession, loaded: Loaded, found: _Foretold, now: datetime) -> None:
    """Write what still holds under the orders' locks, and drop what no longer does."""
    wanted = {
        order: each for order, each in found.arrivals.items() if each.stop.crew_id in loaded.bases
    }
    ids = await repository.stored_orders(session, loaded.crews) | wanted.keys()
    orders = await repository.lock_orders(session, ids)
    known = {row.order_id: row for row in await repository.stored(session, ids)}
    gone = [order for order, row in known.items() if not _awaited(orders[order], row.crew_id)]
    await repository.forget(session, gone)
    fresh = []
    for order_id, arrival in sorted(wanted.items()):
        before = known.get(order_id)
        if not _awaited(orders[order_id], arrival.stop.crew_id):
            continue
        if before is not None and before.computed_at > now:
            continue
        row = _estimate(arrival, found, loaded.bases[arrival.stop.crew_id], now)
        row.told_arrive_at = before.told_arrive_at if before and order_id not in gone else None
        if _is_news(row):
            row.told_arrive_at = row.arrive_at
            await _tell(session, orders[order_id])
        fresh.append(row)
    await repository.put(session, fresh)


def _awaited(order: Any, crew_id: UUID) -> bool:
    """Whether the order is still with the crew, and not reached."""
    return order.state in repository.AWAITED and order.crew_id == crew_id


def _estimate(arrival: Arrival, found: _Foretold, basis: Any, now: datetime) -> ArrivalEstimate:
    margin = policy.spread(arrival.variance)
    return ArrivalEstimate(
        order_id=arrival.stop.order_id,
        crew_id=arrival.stop.crew_id,
        basis=basis.basis,
        seen_at=basis.seen_at,
        stops_before=arrival.stops_before,
        depart_at=arrival.depart_at,
        arrive_at=arrival.arrive_at,
        earliest_at=max(min(now, arrival.arrive_at), arrival.arrive_at - margin),
        latest_at=arrival.arrive_at + margin,
        start_kind=arrival.start.kind,
        start_lon=arrival.start.place.lon,
        start_lat=arrival.start.place.lat,
        start_at=arrival.start.at,
        source=arrival.source,
        graph_version=found.graph_version,
        hour_bucket=found.hour_bucket,
        computed_at=now,
    )


def _is_news(fresh: ArrivalEstimate) -> bool:
    told = fresh.told_arrive_at
    return told is None or abs(fresh.arrive_at - told) > policy.TELL_AFTER


async def _tell(session: AsyncSession, order: Any) -> None:
    audience = [feed.station_token(order.station_id), feed.crew_token(order.crew_id)]
    await feed.append(session, "eta", order.id, after=audience)
