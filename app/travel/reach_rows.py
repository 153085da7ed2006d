"""Queries of reach: where drives can begin, and the communities whose customers are reached."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel.ext.asyncio.session import AsyncSession

_STATIONS = """
SELECT id, code, ST_X(place) AS lon, ST_Y(place) AS lat, NULL::timestamptz AS at FROM (
  SELECT id, code, path, coalesce(location::geometry, ST_Centroid(area::geometry)) AS place
    FROM stations WHERE id = ANY(:stations)) s
 WHERE place IS NOT NULL ORDER BY path
"""

_CREWS = """
SELECT c.id, c.code, ST_X(p.place) AS lon, ST_Y(p.place) AS lat, p.at FROM crews c
 CROSS JOIN LATERAL (
   SELECT r.location::geometry AS place, r.location_at AS at FROM crew_members m
     JOIN presence r ON r.technician_id = m.technician_id
    WHERE m.crew_id = c.id AND m.since <= :now AND (m.until IS NULL OR m.until > :now)
      AND r.location IS NOT NULL ORDER BY r.location_at DESC LIMIT 1) p
 WHERE c.station_id = ANY(:stations) AND c.active AND c.kind = 'standing'
   AND EXISTS (SELECT FROM shifts s WHERE s.crew_id = c.id AND s.starts_at <= :now
     AND s.ends_at > :now)
 ORDER BY c.code
"""

_COMMUNITIES = """
WITH house AS (
  SELECT b.id, b.community_id, b.location::geometry AS place, count(o.id) AS customers
    FROM buildings b LEFT JOIN premises p ON p.building_id = b.id
    LEFT JOIN occupancies o ON o.premises_id = p.id
   WHERE b.station_id = ANY(:stations) GROUP BY b.id
), whole AS (
  SELECT community_id, sum(customers)::int AS customers, count(*)::int AS buildings,
         ST_Centroid(ST_Collect(place)) AS middle
    FROM house GROUP BY community_id HAVING sum(customers) > 0
), middle AS (
  SELECT DISTINCT ON (w.community_id) w.*, h.place
    FROM whole w JOIN house h ON h.community_id = w.community_id
   ORDER BY w.community_id, ST_Distance(h.place, w.middle), h.id
)
SELECT c.id, c.name, c.district, m.customers, m.buildings, ST_X(m.place) AS lon,
       ST_Y(m.place) AS lat
  FROM middle m JOIN communities c ON c.id = m.community_id
 ORDER BY m.customers DESC, c.name, c.id
"""


async def stations(session: AsyncSession, ids: Collection[UUID]) -> list[Any]:
    """(id, code, lon, lat, at) of the stations that have a place, in the order of the tree."""
    return await _rows(session, _STATIONS, ids)


async def crews(session: AsyncSession, ids: Collection[UUID], now: datetime) -> list[Any]:
    """(id, code, lon, lat, at) of standing crews on shift whose position is known, by code."""
    return await _rows(session, _CREWS, ids, now=now)


async def communities(session: AsyncSession, ids: Collection[UUID]) -> list[Any]:
    """Communities with customers, the largest first; each stands at its middlemost building.

    A customer with several premises counts at each of them.
    """
    return await _rows(session, _COMMUNITIES, ids)


async def _rows(
    session: AsyncSession, statement: str, ids: Collection[UUID], **more: Any
) -> list[Any]:
    bound = text(statement).bindparams(bindparam("stations", list(ids), type_=ARRAY(Uuid)), **more)
    return list((await session.execute(bound)).all())
