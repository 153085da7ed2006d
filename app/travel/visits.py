"""The way to each order that was reached: what the map says against what the clock said."""

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from app.core import clock
from app.core.db import Database
from app.travel import drive_rows, policy, repository
from app.travel.models import Drive, RoadlessVisit
from routing import NoRoadBetween, Place, RoutingEngine, RoutingError
from routing.drives import SHORTEST_S

log = logging.getLogger(__name__)


async def take_visits(database: Database, engine: RoutingEngine, *, lookback: timedelta) -> int:
    """Store the way to each order that was reached, from where the crew set out.

    Of several workers one looks at a time. A visit to which no road leads is asked about once.
    """
    now = clock.now()
    since = now - max(lookback, policy.LONGEST_DRIVE)
    async with database.transaction() as session:
        if not await repository.first_to(session, "visits"):
            return 0
        known = await drive_rows.known_visits(session, since - policy.LATEST_BATCH)
        spells = await drive_rows.spells(session, since)
    stored = 0
    for spell in spells:
        reached = spell.to_state == "ONSITE" and spell.to_at > spell.from_at
        if not reached or spell.place is None or (spell.order_id, spell.to_at) in known:
            continue
        try:
            visit = await _visit(engine, spell)
        except NoRoadBetween:
            await _store(database, RoadlessVisit(order_id=spell.order_id, ended_at=spell.to_at))
            continue
        except RoutingError as error:
            log.warning("the way to order %s is not known: %s", spell.order_id, error)
            continue
        stored += await _store(database, visit)
    return stored


async def _visit(engine: RoutingEngine, spell: Any) -> Drive:
    lon, lat = (float(part) for part in spell.place)
    route = await engine.route([Place(lon, lat), Place(spell.lon, spell.lat)], spell.from_at)
    taken_s = (spell.to_at - spell.from_at).total_seconds()
    classes = list(route.class_seconds) if route.class_seconds is not None else None
    return Drive(
        crew_id=spell.crew_id,
        kind="visit",
        order_id=spell.order_id,
        started_at=spell.from_at,
        ended_at=spell.to_at,
        metres=route.metres,
        road_s=route.seconds,
        taken_s=taken_s,
        class_seconds=classes,
        hour_bucket=route.hour_bucket.value,
        graph_version=route.graph_version,
        source=route.source.value,
        observed=classes is not None and taken_s >= SHORTEST_S,
    )


async def _store(database: Database, visit: Drive | RoadlessVisit) -> int:
    """Keep it; 0 when another worker was quicker."""
    try:
        async with database.transaction() as session:
            session.add(visit)
    except IntegrityError:
        return 0
    return 1
