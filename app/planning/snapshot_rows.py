"""Queries of a snapshot: orders, crews, shifts and the plan in force, as they stand."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.planning.models import PlanningState

_FACTS = (
    "o.state, o.assignment_id, o.pinned, o.preferred_crew_id, o.appointment_from,"
    " o.appointment_to, o.service_class, o.fault_code_id"
)
_ORDER = (
    f"SELECT o.id, o.serial, o.station_id, {_FACTS}, o.domain, o.zone, o.service_profile_id,"
    " o.building_id, o.flags, o.reported_at, o.arrive_by, ST_X(o.location::geometry) AS lon,"
    " ST_Y(o.location::geometry) AS lat, f.service_minutes, f.skills, f.crew_size,"
    " f.code AS fault_code, f.points"
)
_CREWS_AT = (
    "crews c JOIN stations s ON s.id = c.station_id CROSS JOIN LATERAL (SELECT"
    " (array_agg(r.location::geometry ORDER BY r.location_at DESC)"
    " FILTER (WHERE r.location IS NOT NULL))[1] AS place,"
    " max(r.seen_at) FILTER (WHERE r.online) AS seen_at"
    " FROM crew_members m JOIN presence r ON r.technician_id = m.technician_id"
    " WHERE m.crew_id = c.id AND m.since <= :at AND (m.until IS NULL OR m.until > :at)) heard"
    " CROSS JOIN LATERAL (SELECT coalesce(heard.place, s.location::geometry,"
    " ST_Centroid(s.area::geometry)) AS place) p"
)


async def one_snapshot(session: AsyncSession) -> None:
    """Make every later read of this transaction see one instant; must come first."""
    await sql.rows(session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


async def dirty_seqs(session: AsyncSession, stations: Collection[UUID]) -> dict[UUID, int]:
    """Every one of the stations -> its `dirty_seq`, 0 when nothing ever changed."""
    rows = await session.exec(
        select(PlanningState).where(col(PlanningState.station_id).in_(stations))
    )
    return dict.fromkeys(stations, 0) | {row.station_id: row.dirty_seq for row in rows}


async def waiting_orders(session: AsyncSession, stations: Collection[UUID]) -> list[Any]:
    statement = (
        f"{_ORDER} FROM work_orders o JOIN fault_codes f ON f.id = o.fault_code_id"
        " WHERE o.station_id = ANY(:stations) AND o.state IN ('NEW', 'RETURNED') ORDER BY o.id"
    )
    return await sql.rows(session, statement, {"stations": list(stations)})


async def waiting_order(session: AsyncSession, order_id: UUID) -> Any | None:
    """The row of `waiting_orders` of this one, if it waits."""
    statement = (
        f"{_ORDER} FROM work_orders o JOIN fault_codes f ON f.id = o.fault_code_id"
        " WHERE o.id = :order AND o.state IN ('NEW', 'RETURNED')"
    )
    return await sql.first(session, statement, {"order": order_id})


async def newest_waiting(session: AsyncSession, at: datetime, most: int) -> list[UUID]:
    """Some of the thousand newest orders, those that wait and have no appointment after `at`."""
    statement = (
        "SELECT id FROM (SELECT id, state, appointment_from FROM work_orders ORDER BY id DESC"
        " LIMIT 1000) newest WHERE state IN ('NEW', 'RETURNED')"
        " AND (appointment_from IS NULL OR appointment_from <= :at) ORDER BY id DESC LIMIT :most"
    )
    return [row.id for row in await sql.rows(session, statement, {"at": at, "most": most})]


async def waiting_near(
    session: AsyncSession, order_id: UUID, stations: Collection[UUID], crews: Collection[UUID]
) -> list[Any]:
    """Waiting orders of these stations: this one, those that these crews are to visit, and those
    without a visit that want a crew, in order of id; each with the `code`, `position` and
    `start_at` of its visit.
    """
    statement = (
        f"{_ORDER}, c.code, v.position, v.start_at FROM work_orders o"
        " JOIN fault_codes f ON f.id = o.fault_code_id"
        " LEFT JOIN planned_visits v ON v.order_id = o.id LEFT JOIN crews c ON c.id = v.crew_id"
        " WHERE o.station_id = ANY(:stations) AND o.state IN ('NEW', 'RETURNED')"
        " AND (o.id = :order OR v.crew_id = ANY(:crews)"
        " OR (v.order_id IS NULL AND o.preferred_crew_id IS NOT NULL)) ORDER BY o.id"
    )
    values = {"order": order_id, "stations": list(stations), "crews": list(crews)}
    return await sql.rows(session, statement, values)


async def stops(session: AsyncSession, crews: Collection[UUID]) -> list[Any]:
    """What these crews are to visit (`planned`) or have in their hands: crew_id, lon, lat, state,
    and what decides of its slot.
    """
    statement = (
        "SELECT s.crew_id, s.planned, o.id, o.station_id, o.state, o.appointment_from,"
        " o.appointment_to, o.service_profile_id, o.service_class, o.domain, o.zone,"
        " ST_X(o.location::geometry) AS lon, ST_Y(o.location::geometry) AS lat"
        " FROM (SELECT v.crew_id, o.id, true AS planned FROM planned_visits v"
        " JOIN work_orders o ON o.id = v.order_id WHERE v.crew_id = ANY(:crews)"
        " AND o.state IN ('NEW', 'RETURNED')"
        " UNION ALL SELECT a.crew_id, o.id, false FROM assignments a"
        " JOIN work_orders o ON o.assignment_id = a.id WHERE a.crew_id = ANY(:crews)"
        " AND a.ended_at IS NULL AND o.state IN"
        " ('SENT', 'ACCEPTED', 'ENROUTE', 'ONSITE', 'WORKING')) s"
        " JOIN work_orders o ON o.id = s.id"
    )
    return await sql.rows(session, statement, {"crews": list(crews)})


async def held_orders(session: AsyncSession, crews: Collection[UUID]) -> list[Any]:
    """Orders in these crews' hands, with the event that began the spell on site."""
    statement = (
        f"{_ORDER}, a.crew_id, a.assigned_at, e.action AS spell_action, e.at AS spell_at"
        " FROM assignments a JOIN work_orders o ON o.assignment_id = a.id"
        " JOIN fault_codes f ON f.id = o.fault_code_id LEFT JOIN LATERAL (SELECT action, at"
        " FROM work_order_events WHERE order_id = o.id AND action IN"
        " ('arrived', 'started', 'rejected') ORDER BY seq DESC LIMIT 1) e ON true"
        " WHERE a.crew_id = ANY(:crews) AND a.ended_at IS NULL AND o.state IN"
        " ('SENT', 'ACCEPTED', 'ENROUTE', 'ONSITE', 'WORKING') ORDER BY o.id"
    )
    return await sql.rows(session, statement, {"crews": list(crews)})


async def lost_assignments(session: AsyncSession, orders: Collection[UUID]) -> list[Any]:
    """(order_id, crew_id, why, when) of crews that had these orders before."""
    statement = (
        "SELECT order_id, crew_id, ended_why, ended_at FROM assignments"
        " WHERE order_id = ANY(:orders) AND ended_at IS NOT NULL"
    )
    return await sql.rows(session, statement, {"orders": list(orders)})


async def joint_memberships(
    session: AsyncSession, technicians: Collection[UUID], at: datetime
) -> list[Any]:
    """(crew_id, technician_id) of active joint crews that these people are in."""
    statement = (
        "SELECT m.crew_id, m.technician_id FROM crew_members m JOIN crews c ON c.id = m.crew_id"
        " WHERE c.kind = 'joint' AND c.active AND m.technician_id = ANY(:technicians)"
        " AND m.since <= :at AND (m.until IS NULL OR m.until > :at)"
    )
    return await sql.rows(session, statement, {"technicians": list(technicians), "at": at})


async def crew_codes(session: AsyncSession, crews: Collection[UUID]) -> dict[UUID, str]:
    statement = "SELECT id, code FROM crews WHERE id = ANY(:crews)"
    rows = await sql.rows(session, statement, {"crews": list(crews)})
    return {row.id: row.code for row in rows}


async def crews_at(session: AsyncSession, crews: Collection[UUID], at: datetime) -> dict[UUID, Any]:
    """Crew -> (lon, lat) where a member was last heard of, else its station's place; `seen_at`,
    when the service last heard of a member who is on line; and `starts_at`, `ends_at` and `breaks`
    of its shift. What is not known is None.
    """
    statement = (
        "SELECT c.id, ST_X(p.place) AS lon, ST_Y(p.place) AS lat, heard.seen_at, f.starts_at,"
        f" f.ends_at, f.breaks FROM {_CREWS_AT} LEFT JOIN LATERAL"
        " (SELECT starts_at, ends_at, breaks FROM shifts"
        " WHERE crew_id = c.id AND starts_at <= :at AND ends_at > :at"
        " ORDER BY starts_at DESC LIMIT 1) f ON true WHERE c.id = ANY(:crews)"
    )
    rows = await sql.rows(session, statement, {"crews": list(crews), "at": at})
    return {row.id: row for row in rows}


async def coming_shifts(
    session: AsyncSession, stations: Collection[UUID], after: datetime, until: datetime
) -> list[Any]:
    """Shifts of these stations' standing crews that begin in that time, with the place they start.

    (crew_id, code, starts_at, ends_at, breaks, lon, lat), in order of time; a crew whose station
    has no place has no row.
    """
    statement = (
        "SELECT f.crew_id, c.code, f.starts_at, f.ends_at, f.breaks, ST_X(p.place) AS lon,"
        " ST_Y(p.place) AS lat FROM shifts f JOIN crews c ON c.id = f.crew_id"
        " JOIN stations s ON s.id = c.station_id CROSS JOIN LATERAL (SELECT"
        " coalesce(s.location::geometry, ST_Centroid(s.area::geometry)) AS place) p"
        " WHERE c.station_id = ANY(:stations) AND c.active AND c.kind = 'standing'"
        " AND f.starts_at > :after AND f.starts_at < :until AND p.place IS NOT NULL"
        " ORDER BY f.starts_at, c.code"
    )
    return await sql.rows(
        session, statement, {"stations": list(stations), "after": after, "until": until}
    )


async def neighbours(session: AsyncSession, station_id: UUID, reach_m: int) -> list[UUID]:
    """Stations of sibling subtrees whose area comes that near to the station's own."""
    statement = (
        "SELECT n.id FROM stations own JOIN stations sibling ON sibling.parent_id = own.parent_id"
        " AND sibling.id <> own.id JOIN stations n ON starts_with(n.path, sibling.path)"
        " WHERE own.id = :station AND ST_DWithin(n.area, own.area, :reach) ORDER BY n.id"
    )
    rows = await sql.rows(session, statement, {"station": station_id, "reach": reach_m})
    return [row.id for row in rows]


async def borders(
    session: AsyncSession, stations: Collection[UUID], reach_m: int
) -> list[tuple[UUID, UUID]]:
    """Pairs of these stations whose areas come that near to each other."""
    statement = (
        "SELECT a.id AS one, b.id AS other FROM stations a JOIN stations b ON a.id < b.id"
        " AND ST_DWithin(a.area, b.area, :reach) WHERE a.id = ANY(:stations)"
        " AND b.id = ANY(:stations) ORDER BY 1, 2"
    )
    rows = await sql.rows(session, statement, {"stations": list(stations), "reach": reach_m})
    return [(row.one, row.other) for row in rows]


async def crews_near(
    session: AsyncSession,
    station_id: UUID,
    stations: Collection[UUID],
    reach_m: int,
    at: datetime,
) -> set[UUID]:
    """Active crews of `stations` that are that near to the area of `station_id`."""
    statement = (
        f"SELECT c.id FROM stations own, {_CREWS_AT} WHERE own.id = :station AND c.active"
        " AND c.station_id = ANY(:stations) AND ST_DWithin(p.place::geography, own.area, :reach)"
    )
    rows = await sql.rows(
        session,
        statement,
        {"stations": list(stations), "station": station_id, "reach": reach_m, "at": at},
    )
    return {row.id for row in rows}


async def visits_elsewhere(
    session: AsyncSession, crews: Collection[UUID], stations: Collection[UUID]
) -> list[Any]:
    """Orders of other stations that wait with a visit of these crews, crew by crew in order."""
    statement = (
        f"{_ORDER}, v.crew_id, v.position FROM planned_visits v"
        " JOIN work_orders o ON o.id = v.order_id JOIN fault_codes f ON f.id = o.fault_code_id"
        " WHERE v.crew_id = ANY(:crews) AND NOT o.station_id = ANY(:stations)"
        " AND o.state IN ('NEW', 'RETURNED') ORDER BY v.crew_id, v.position, o.serial"
    )
    return await sql.rows(session, statement, {"crews": list(crews), "stations": list(stations)})


async def loads(session: AsyncSession, crews: Collection[UUID], at: datetime) -> dict[UUID, int]:
    """Crew -> seconds of catalogue work that it completed in the shift of `at`."""
    statement = (
        "SELECT a.crew_id, sum(f.service_minutes) * 60 AS load_s FROM work_order_events e"
        " JOIN assignments a ON a.id = e.assignment_id JOIN work_orders o ON o.id = e.order_id"
        " JOIN fault_codes f ON f.id = o.fault_code_id JOIN shifts s ON s.crew_id = a.crew_id"
        " AND s.starts_at <= :at AND s.ends_at > :at WHERE e.server_at >= :since"
        " AND e.action = 'completed' AND e.at >= s.starts_at AND a.crew_id = ANY(:crews)"
        " GROUP BY a.crew_id"
    )
    rows = await sql.rows(
        session, statement, {"crews": list(crews), "at": at, "since": at - timedelta(days=1)}
    )
    return {row.crew_id: int(row.load_s) for row in rows}


async def published(session: AsyncSession, stations: Collection[UUID]) -> list[Any]:
    """(order_id, crew_id, code, position, start_at) of what is planned for these stations."""
    statement = (
        "SELECT v.order_id, v.crew_id, c.code, v.position, v.start_at FROM planned_visits v"
        " JOIN crews c ON c.id = v.crew_id JOIN work_orders o ON o.id = v.order_id"
        " WHERE o.station_id = ANY(:stations) ORDER BY v.crew_id, v.position"
    )
    return await sql.rows(session, statement, {"stations": list(stations)})


async def lock_facts(session: AsyncSession, orders: Collection[UUID]) -> dict[UUID, Any]:
    """The facts of these orders as they stand, under their row locks, taken in order of id."""
    statement = (
        f"SELECT o.id, {_FACTS} FROM work_orders o WHERE o.id = ANY(:orders) ORDER BY o.id"
        " FOR UPDATE"
    )
    rows = await sql.rows(session, statement, {"orders": list(orders)})
    return {row.id: row for row in rows}
