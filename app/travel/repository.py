"""Queries of arrivals: who must be computed anew, what a chain rests on, what is stored."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import Uuid
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.planning import policy as planning
from app.travel.models import ArrivalEstimate, UnplacedCrew
from app.work_orders.models import Assignment, WorkOrder

AWAITED = ("SENT", "ACCEPTED", "ENROUTE")
"""A crew has the order and has not reached it."""
_AWAITED = "('SENT', 'ACCEPTED', 'ENROUTE')"
_IN_HANDS = "('SENT', 'ACCEPTED', 'ENROUTE', 'ONSITE', 'WORKING')"

_STALE = f"""
WITH held AS (
  SELECT a.crew_id, o.id, o.state, o.version
    FROM assignments a JOIN work_orders o ON o.assignment_id = a.id
   WHERE a.ended_at IS NULL AND o.state IN {_IN_HANDS}
), crew AS (
  SELECT crew_id, md5(string_agg(id::text || ':' || version, ',' ORDER BY id)) AS basis
    FROM held GROUP BY crew_id
), seen AS (
  SELECT m.crew_id, max(p.location_at) AS at
    FROM presence p JOIN crew_members m ON m.technician_id = p.technician_id
   WHERE m.since <= :now AND (m.until IS NULL OR m.until > :now) GROUP BY m.crew_id
), me AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(hashtextextended('arrivals', 11)) AS first
)
SELECT s.crew_id FROM me, LATERAL (
  SELECT h.crew_id FROM held h JOIN crew c ON c.crew_id = h.crew_id
    JOIN crews k ON k.id = h.crew_id
    LEFT JOIN seen p ON p.crew_id = h.crew_id
    LEFT JOIN arrival_estimates e ON e.order_id = h.id AND e.crew_id = h.crew_id
    LEFT JOIN unplaced_crews u ON u.crew_id = h.crew_id AND u.basis = c.basis
     AND u.seen_at IS NOT DISTINCT FROM p.at AND u.tried_at > :again
   WHERE u.crew_id IS NULL AND h.state IN {_AWAITED} AND (e.order_id IS NULL OR e.basis <> c.basis
      OR (h.state = 'ENROUTE' AND e.arrive_at <= :now)
      OR (h.state <> 'ENROUTE' AND e.depart_at < :late)
      OR ((e.start_kind <> 'on_site' OR k.kind = 'joint')
        AND p.at > coalesce(e.seen_at, '-infinity')))
  UNION
  SELECT e.crew_id FROM arrival_estimates e WHERE NOT EXISTS (
    SELECT FROM held h WHERE h.id = e.order_id AND h.crew_id = e.crew_id
       AND h.state IN {_AWAITED})
) s WHERE me.first ORDER BY s.crew_id
"""

_NEAR = """
SELECT DISTINCT o.crew_id, o.technician_id, c.kind
  FROM crew_members m JOIN crew_members o ON o.technician_id = m.technician_id
  JOIN crews c ON c.id = o.crew_id AND c.active
 WHERE m.crew_id = ANY(:crews) AND m.since <= :now AND (m.until IS NULL OR m.until > :now)
   AND o.since <= :now AND (o.until IS NULL OR o.until > :now)
"""

_HELD = f"""
SELECT a.crew_id, a.assigned_at, o.id, o.version, o.station_id, o.state, o.service_class,
       o.appointment_from, o.appointment_to, o.building_id, f.service_minutes,
       ST_X(o.location::geometry) AS lon, ST_Y(o.location::geometry) AS lat,
       e.action AS spell_action, e.at AS spell_at, e.payload -> 'place' AS spell_place
  FROM assignments a JOIN work_orders o ON o.assignment_id = a.id
  JOIN fault_codes f ON f.id = o.fault_code_id
  LEFT JOIN LATERAL (SELECT action, at, payload FROM work_order_events WHERE order_id = o.id
    AND action IN ('departed', 'arrived', 'started', 'rejected') ORDER BY seq DESC LIMIT 1) e
    ON true
 WHERE a.crew_id = ANY(:crews) AND a.ended_at IS NULL AND o.state IN {_IN_HANDS}
 ORDER BY o.id
"""

_BASES = f"""
SELECT a.crew_id, md5(string_agg(o.id::text || ':' || o.version, ',' ORDER BY o.id)) AS basis,
       (SELECT max(p.location_at) FROM presence p JOIN crew_members m
         ON m.technician_id = p.technician_id WHERE m.crew_id = a.crew_id
        AND m.since <= :now AND (m.until IS NULL OR m.until > :now)) AS seen_at
  FROM assignments a JOIN work_orders o ON o.assignment_id = a.id
 WHERE a.crew_id = ANY(:crews) AND a.ended_at IS NULL AND o.state IN {_IN_HANDS}
 GROUP BY a.crew_id
"""

_STARTS = """
SELECT DISTINCT ON (crew_id) crew_id, kind, at, ST_X(place) AS lon, ST_Y(place) AS lat FROM (
  SELECT m.crew_id, 'position' AS kind, r.location_at AS at, r.location::geometry AS place
    FROM crew_members m JOIN presence r ON r.technician_id = m.technician_id
   WHERE m.crew_id = ANY(:crews) AND m.since <= :now AND (m.until IS NULL OR m.until > :now)
     AND r.location IS NOT NULL
  UNION ALL
  SELECT a.crew_id, 'last_visit', e.at, o.location::geometry
    FROM assignments a JOIN work_orders o ON o.assignment_id = a.id
    CROSS JOIN LATERAL (SELECT at FROM work_order_events WHERE order_id = o.id
      AND action = 'completed' ORDER BY seq DESC LIMIT 1) e
   WHERE a.crew_id = ANY(:crews) AND a.ended_at IS NULL AND o.state IN ('DONE', 'REVISIT')
  UNION ALL
  SELECT c.id, 'station', NULL, coalesce(s.location::geometry, ST_Centroid(s.area::geometry))
    FROM crews c JOIN stations s ON s.id = c.station_id
   WHERE c.id = ANY(:crews) AND coalesce(s.location::geometry, s.area::geometry) IS NOT NULL
) known ORDER BY crew_id, at DESC NULLS LAST, kind
"""

_SHIFTS = """
SELECT DISTINCT ON (s.crew_id) s.crew_id, s.starts_at, s.breaks,
       EXISTS (SELECT FROM shifts o WHERE o.crew_id = s.crew_id AND o.ends_at <= :now
          AND o.ends_at > :stays)
       OR EXISTS (SELECT FROM crew_members m JOIN attendance t ON t.technician_id = m.technician_id
        WHERE m.crew_id = s.crew_id AND m.since <= :now AND (m.until IS NULL OR m.until > :now)
          AND t.clock_out_at IS NULL) AS at_work
  FROM shifts s
 WHERE s.crew_id = ANY(:crews) AND s.ends_at > :now ORDER BY s.crew_id, s.starts_at
"""

_LOCK = """
SELECT o.id, o.station_id, o.state, a.crew_id
  FROM work_orders o LEFT JOIN assignments a ON a.id = o.assignment_id
 WHERE o.id = ANY(:orders) ORDER BY o.id FOR NO KEY UPDATE OF o
"""


def _ids(name: str, values: Collection[UUID]) -> Any:
    return bindparam(name, list(values), type_=ARRAY(Uuid))


async def one_snapshot(session: AsyncSession) -> None:
    """Make every later read of this transaction see one instant; must come first."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


async def first_to(session: AsyncSession, what: str) -> bool:
    """Whether no other worker is about to do the same; holds until the transaction ends."""
    statement = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:what, 11))")
    return bool((await session.execute(statement, {"what": what})).scalar_one())


async def stale_crews(
    session: AsyncSession, now: datetime, late: datetime, again: datetime
) -> list[UUID]:
    """Crews whose arrivals must be computed anew; none while another worker looks.

    Something was taken, left or changed; a position is newer than the estimate; or a departure
    was due before `late`, or an arrival before `now`, and did not happen. A crew that was nowhere
    to be found is left alone while nothing of this changes, unless that was before `again`.
    """
    instants = {"now": now, "late": late, "again": again}
    rows = await session.execute(text(_STALE), instants)
    return [row.crew_id for row in rows]


async def near(session: AsyncSession, crews: Collection[UUID], now: datetime) -> list[Any]:
    """(crew_id, technician_id, kind) of these crews' people, in every crew that they are in."""
    return await _rows(session, _NEAR, crews, now=now)


async def held(session: AsyncSession, crews: Collection[UUID]) -> list[Any]:
    """Orders in these crews' hands, with what began the present spell."""
    return await _rows(session, _HELD, crews)


async def bases(session: AsyncSession, crews: Collection[UUID], now: datetime) -> dict[UUID, Any]:
    """Crew -> (basis, seen_at): what it holds as one short text, and its newest position."""
    return {row.crew_id: row for row in await _rows(session, _BASES, crews, now=now)}


async def starts(session: AsyncSession, crews: Collection[UUID], now: datetime) -> dict[UUID, Any]:
    """Crew -> where it was last known to be (kind, at, lon, lat), else its station."""
    return {row.crew_id: row for row in await _rows(session, _STARTS, crews, now=now)}


async def shifts(session: AsyncSession, crews: Collection[UUID], now: datetime) -> dict[UUID, Any]:
    """Crew -> its shift that runs or comes next (starts_at, breaks, at_work).

    `at_work` before that shift is a crew with a member clocked in, or in the overtime after the
    shift before: it does not wait.
    """
    stays = now - timedelta(seconds=planning.OVERTIME_S)
    rows = await _rows(session, _SHIFTS, crews, now=now, stays=stays)
    return {row.crew_id: row for row in rows}


async def _rows(
    session: AsyncSession, statement: str, crews: Collection[UUID], **more: Any
) -> list[Any]:
    bound = text(statement).bindparams(_ids("crews", crews), **more)
    return list((await session.execute(bound)).all())


async def lock_orders(session: AsyncSession, orders: Collection[UUID]) -> dict[UUID, Any]:
    """Order -> (station_id, state, crew_id) under the row locks, taken in order of id."""
    statement = text(_LOCK).bindparams(_ids("orders", orders))
    return {row.id: row for row in await session.execute(statement)}


async def stored_orders(session: AsyncSession, crews: Collection[UUID]) -> set[UUID]:
    """Orders with an estimate of one of these crews."""
    query = select(ArrivalEstimate.order_id).where(col(ArrivalEstimate.crew_id).in_(crews))
    return set((await session.exec(query)).all())


async def stored(session: AsyncSession, orders: Collection[UUID]) -> list[ArrivalEstimate]:
    """The estimates of these orders."""
    query = select(ArrivalEstimate).where(col(ArrivalEstimate.order_id).in_(orders))
    return list((await session.exec(query)).all())


async def awaited(session: AsyncSession, orders: Collection[UUID]) -> list[ArrivalEstimate]:
    """The estimates of those of these orders that are with the estimate's crew, and not reached."""
    statement = (
        select(ArrivalEstimate)
        .join(WorkOrder, col(WorkOrder.id) == col(ArrivalEstimate.order_id))
        .join(Assignment, col(Assignment.id) == col(WorkOrder.assignment_id))
        .where(
            col(ArrivalEstimate.order_id).in_(orders),
            col(WorkOrder.state).in_(AWAITED),
            Assignment.crew_id == ArrivalEstimate.crew_id,
        )
    )
    return list((await session.exec(statement)).all())


async def put(session: AsyncSession, rows: Collection[ArrivalEstimate]) -> None:
    """Write the estimates in the place of those of before."""
    if not rows:
        return
    table: Any = ArrivalEstimate.__table__  # type: ignore[attr-defined]
    fresh = insert(table)
    changed = {name: fresh.excluded[name] for name in ArrivalEstimate.model_fields}
    await session.execute(
        fresh.on_conflict_do_update(index_elements=["order_id"], set_=changed),
        [row.model_dump() for row in rows],
    )


async def note_unplaced(
    session: AsyncSession, crews: Collection[UUID], unplaced: Mapping[UUID, Any], now: datetime
) -> None:
    """Remember those of the crews that nobody can place, with their (basis, seen_at)."""
    table: Any = UnplacedCrew.__table__  # type: ignore[attr-defined]
    placed = [crew for crew in crews if crew not in unplaced]
    await session.execute(delete(table).where(table.c.crew_id.in_(placed)))
    if not unplaced:
        return
    fresh = insert(table)
    changed = {name: fresh.excluded[name] for name in UnplacedCrew.model_fields}
    await session.execute(
        fresh.on_conflict_do_update(index_elements=["crew_id"], set_=changed),
        [
            {"crew_id": crew, "basis": row.basis, "seen_at": row.seen_at, "tried_at": now}
            for crew, row in sorted(unplaced.items())
        ],
    )


async def forget(session: AsyncSession, orders: Collection[UUID]) -> None:
    await sql.rows(
        session, "DELETE FROM arrival_estimates WHERE order_id = ANY(:ids)", {"ids": list(orders)}
    )


async def arrival(session: AsyncSession, order_id: UUID) -> Any:
    """The stored estimate with the crew's code; None without one that still holds."""
    statement = text(
        "SELECT e.*, c.code AS crew_code FROM arrival_estimates e JOIN crews c ON c.id = e.crew_id"
        " JOIN work_orders o ON o.id = e.order_id JOIN assignments a ON a.id = o.assignment_id"
        f" AND a.crew_id = e.crew_id WHERE e.order_id = :order AND o.state IN {_AWAITED}"
    )
    return (await session.execute(statement, {"order": order_id})).one_or_none()
