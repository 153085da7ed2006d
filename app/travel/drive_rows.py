"""Queries of drives: who drove with whom, when crews were on their way, what is stored."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.organisation.models import Crew
from app.travel.models import Drive, LearningRun, MatchedSpan, RoadlessVisit

_MEMBERS = """
SELECT m.crew_id, c.kind, m.technician_id, m.role, m.since, m.until
  FROM crew_members m JOIN crews c ON c.id = m.crew_id
 WHERE m.crew_id IN (
   SELECT n.crew_id FROM crew_members n JOIN crews d ON d.id = n.crew_id
    WHERE n.technician_id = ANY(:technicians) AND n.since < :until
      AND (n.until IS NULL OR n.until > :since))
   AND m.since < :until AND (m.until IS NULL OR m.until > :since)
 ORDER BY m.since, m.id
"""

_SPELLS = """
SELECT e.order_id, a.crew_id, e.at AS from_at, e.payload -> 'place' AS place,
       left_it.at AS to_at, left_it.to_state, ST_X(o.location::geometry) AS lon,
       ST_Y(o.location::geometry) AS lat
  FROM work_order_events e
  JOIN assignments a ON a.id = e.assignment_id
  JOIN work_orders o ON o.id = e.order_id
  LEFT JOIN LATERAL (
    SELECT n.at, n.to_state FROM work_order_events n WHERE n.order_id = e.order_id
       AND n.seq > e.seq AND n.from_state = 'ENROUTE' AND n.to_state <> 'ENROUTE'
     ORDER BY n.seq LIMIT 1) left_it ON true
 WHERE e.server_at >= :since AND e.action = 'departed'
 ORDER BY e.at, e.id
"""

_OBSERVED = """
SELECT d.hour_bucket, d.graph_version, d.class_seconds, d.taken_s FROM drives d
 WHERE d.observed AND d.started_at >= :since AND (d.kind = 'positions' OR NOT EXISTS (
   SELECT FROM drives p WHERE p.observed AND p.kind = 'positions' AND p.order_id = d.order_id
      AND p.started_at < d.ended_at AND p.ended_at > d.started_at))
"""


async def members(
    session: AsyncSession, technicians: Collection[UUID], since: datetime, until: datetime
) -> list[Any]:
    """(crew_id, kind, technician_id, role, since, until) of every crew that these people were in,
    with all who were in it, within a span of time."""
    statement = text(_MEMBERS).bindparams(
        bindparam("technicians", list(technicians), type_=ARRAY(Uuid)), since=since, until=until
    )
    return list((await session.execute(statement)).all())


async def spells(session: AsyncSession, since: datetime) -> list[Any]:
    """Every departure that we heard of since then, with its end and the order's place."""
    return list((await session.execute(text(_SPELLS), {"since": since})).all())


async def spans(
    session: AsyncSession, crews: Collection[UUID], since: datetime
) -> list[MatchedSpan]:
    """What is matched of these crews' time, of spans that reach beyond `since`."""
    query = select(MatchedSpan).where(
        col(MatchedSpan.crew_id).in_(crews), col(MatchedSpan.to_at) >= since
    )
    return list((await session.exec(query)).all())


async def lock_track(session: AsyncSession, crew_id: UUID) -> None:
    """Whoever else matches this crew waits until this transaction ends."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 11))"), {"key": f"t{crew_id}"}
    )


async def replace_spans(
    session: AsyncSession,
    crew_id: UUID,
    before: Collection[MatchedSpan],
    after: Collection[tuple[datetime, datetime]],
) -> None:
    """Put the new spans of a crew in the place of those of before."""
    began = [span.from_at for span in before]
    await session.execute(
        delete(MatchedSpan).where(
            col(MatchedSpan.crew_id) == crew_id, col(MatchedSpan.from_at).in_(began)
        )
    )
    rows = [{"crew_id": crew_id, "from_at": first, "to_at": last} for first, last in after]
    await session.execute(insert(MatchedSpan), rows)


async def forget_spans(session: AsyncSession, before: datetime) -> None:
    """Drop spans of a time of which no fix is taken any more."""
    await session.execute(delete(MatchedSpan).where(col(MatchedSpan.to_at) < before))


async def known_visits(session: AsyncSession, since: datetime) -> set[tuple[UUID | None, datetime]]:
    """(order, arrived) of the drives of kind visit that are stored, or have no road."""
    drives = select(Drive.order_id, Drive.ended_at).where(
        Drive.kind == "visit", col(Drive.ended_at) >= since
    )
    roadless = select(RoadlessVisit.order_id, RoadlessVisit.ended_at).where(
        col(RoadlessVisit.ended_at) >= since
    )
    known: set[tuple[UUID | None, datetime]] = set((await session.exec(drives)).all())
    return known | set((await session.exec(roadless)).all())


async def forget_drives(session: AsyncSession, before: datetime, places_before: datetime) -> None:
    """Drop drives from before an instant, and the places of those from before another."""
    await session.execute(delete(Drive).where(col(Drive.started_at) < before))
    await session.execute(delete(RoadlessVisit).where(col(RoadlessVisit.ended_at) < places_before))
    await session.execute(
        update(Drive)
        .where(col(Drive.started_at) < places_before, col(Drive.stretches).is_not(None))
        .values(stretches=None)
    )


async def observations(session: AsyncSession, since: datetime) -> list[Any]:
    """(hour_bucket, graph_version, class_seconds, taken_s) of drives that tell of speeds.

    A visit whose way was also measured by phones counts once, as measured.
    """
    return list((await session.execute(text(_OBSERVED), {"since": since})).all())


async def versions(session: AsyncSession, since: datetime) -> list[str]:
    """Graph versions of the observations since then."""
    query = select(Drive.graph_version).where(Drive.observed, col(Drive.started_at) >= since)
    return list((await session.exec(query.distinct())).all())


async def has_learnt(session: AsyncSession, day: date) -> bool:
    """Whether the night of this day has its run."""
    query = select(LearningRun.id).where(LearningRun.day == day, LearningRun.trigger == "nightly")
    return (await session.exec(query)).first() is not None


async def crew_in_scope(session: AsyncSession, principal: Principal, crew_id: UUID) -> Crew | None:
    query = select(Crew).where(
        Crew.id == crew_id, scoped(principal, Permission.PLANNING_READ, col(Crew.station_id))
    )
    return (await session.exec(query)).one_or_none()


async def drives_of(
    session: AsyncSession, crew_id: UUID, since: datetime, until: datetime
) -> list[Drive]:
    """A crew's drives that began in a span of time, in order."""
    query = (
        select(Drive)
        .where(Drive.crew_id == crew_id, Drive.started_at >= since, Drive.started_at < until)
        .order_by(col(Drive.started_at), col(Drive.id))
    )
    return list((await session.exec(query)).all())
