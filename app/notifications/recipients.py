"""Who hears: a crew in the order in which it is called, and the chiefs above it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.core.i18n import Language, Text
from app.notifications.texts import JobTold


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be reached."""

    user_id: UUID
    phone: str | None
    language: Language


_CREW = """
SELECT u.id, coalesce(t.phone, u.phone) AS phone, u.language
  FROM crew_members m
  JOIN technicians t ON t.id = m.technician_id
  JOIN users u ON u.id = t.user_id
 WHERE m.crew_id = :crew AND m.until IS NULL AND t.active AND u.disabled_at IS NULL
 ORDER BY m.role <> 'leader', m.role <> 'helper', t.name, u.id
"""

_CHIEFS = """
SELECT u.id, u.phone, u.language, min(c.rank) AS rank
  FROM users u
  JOIN (SELECT user_id, rank FROM on_call WHERE station_id = :station
        UNION ALL
        SELECT g.user_id, 1000000 - length(s.path)
          FROM role_grants g
          JOIN stations mine ON mine.id = :station
          JOIN stations s ON s.id = g.station_id AND starts_with(mine.path, s.path)
         WHERE g.role = 'station_chief'
           AND NOT EXISTS (SELECT FROM on_call WHERE station_id = :station)) c
    ON c.user_id = u.id
 WHERE u.disabled_at IS NULL
 GROUP BY u.id, u.phone, u.language
 ORDER BY rank, u.id
"""

_MANAGERS = """
SELECT u.id, u.phone, u.language, max(coalesce(length(s.path), 0)) AS nearest
  FROM users u
  JOIN role_grants g ON g.user_id = u.id AND g.role = 'manager'
  JOIN stations mine ON mine.id = :station
  LEFT JOIN stations s ON s.id = g.station_id
 WHERE u.disabled_at IS NULL AND (g.station_id IS NULL OR starts_with(mine.path, s.path))
 GROUP BY u.id, u.phone, u.language
 ORDER BY nearest DESC, u.id
"""

_ON_SHIFT = """
SELECT EXISTS (SELECT FROM shifts WHERE crew_id = :crew AND starts_at <= :at AND ends_at > :at)
    OR EXISTS (SELECT FROM crew_members m
                 JOIN attendance a ON a.technician_id = m.technician_id
                WHERE m.crew_id = :crew AND m.until IS NULL AND a.clock_out_at IS NULL)
"""

_PEOPLE = """
SELECT u.id, coalesce(t.phone, u.phone) AS phone, u.language
  FROM users u LEFT JOIN technicians t ON t.user_id = u.id
 WHERE u.id = ANY(:ids) AND u.disabled_at IS NULL
"""

_JOBS = """
SELECT n.id, n.kind, o.service_class, f.name_zh, f.name_en, b.number, m.name AS community,
       c.name AS crew
  FROM notifications n
  JOIN work_orders o ON o.id = n.order_id
  JOIN fault_codes f ON f.id = o.fault_code_id
  LEFT JOIN buildings b ON b.id = o.building_id
  LEFT JOIN communities m ON m.id = b.community_id
  LEFT JOIN alarms a ON a.id = n.alarm_id
  LEFT JOIN crews c ON c.id = a.crew_id
 WHERE n.id = ANY(:ids)
 ORDER BY n.id
"""


async def crew(session: AsyncSession, crew_id: UUID) -> list[Person]:
    """The crew as it is called: the leader, then helpers, then trainees."""
    return _people(await sql.rows(session, _CREW, {"crew": crew_id}))


async def chiefs(session: AsyncSession, station_id: UUID) -> list[Person]:
    """The station's on-call list by rank; without one the chiefs, the nearest station's first."""
    return _people(await sql.rows(session, _CHIEFS, {"station": station_id}))


async def managers(session: AsyncSession, station_id: UUID) -> list[Person]:
    """Who manages the station or what is above it, the nearest first."""
    return _people(await sql.rows(session, _MANAGERS, {"station": station_id}))


async def on_shift(session: AsyncSession, crew_id: UUID, at: datetime) -> bool:
    """Whether the crew is at work: a shift covers the instant, or somebody is clocked in."""
    return bool(await sql.scalar(session, _ON_SHIFT, {"crew": crew_id, "at": at}))


async def person(session: AsyncSession, user_id: UUID) -> Person | None:
    """One person; None once disabled."""
    found = _people(await sql.rows(session, _PEOPLE, {"ids": [user_id]}))
    return found[0] if found else None


async def jobs_told(session: AsyncSession, notification_ids: Collection[UUID]) -> list[JobTold]:
    """What these messages say, oldest first."""
    rows = await sql.rows(session, _JOBS, {"ids": list(notification_ids)})
    return [
        JobTold(
            kind=row.kind,
            building=f"{row.community}{row.number}号楼" if row.community else None,
            fault=Text(row.name_zh, row.name_en),
            grade=row.service_class,
            crew=row.crew or "",
        )
        for row in rows
    ]


def _people(rows: Any) -> list[Person]:
    return [Person(row.id, row.phone, "en" if row.language == "en" else "zh") for row in rows]
