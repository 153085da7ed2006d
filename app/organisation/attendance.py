"""Clock-in, clock-out and where technicians were last heard of."""

from datetime import datetime
from uuid import UUID

from geoalchemy2 import WKTElement
from sqlalchemy import case, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.geo import point
from app.core.problems import NotFound
from app.organisation import repository
from app.organisation.errors import AlreadyClockedIn, NotClockedIn, TechnicianInactive
from app.organisation.models import Attendance, Presence, Technician

LonLat = tuple[float, float]


def _element(place: LonLat | None) -> WKTElement | None:
    return point(*place) if place is not None else None


async def clock_in(
    session: AsyncSession, technician_id: UUID, at: datetime, place: LonLat | None = None
) -> Attendance:
    """Open the technician's attendance and go online; `place` is WGS-84 (lon, lat).

    Raises NotFound, TechnicianInactive or AlreadyClockedIn.
    """
    technician = await session.get(Technician, technician_id, with_for_update=True)
    if technician is None:
        raise NotFound()
    if not technician.active:
        raise TechnicianInactive()
    held = await repository.open_attendance(session, technician_id)
    if held is not None:
        raise AlreadyClockedIn(since=held.clock_in_at.isoformat())
    attendance = Attendance(
        technician_id=technician_id, clock_in_at=at, clock_in_place=_element(place)
    )
    session.add(attendance)
    await session.flush()
    await touch_presence(session, technician_id, at, place)
    return attendance


async def clock_out(session: AsyncSession, technician_id: UUID, at: datetime) -> Attendance:
    """Close the attendance, go offline and forget the position; raises NotClockedIn."""
    attendance = await repository.open_attendance(session, technician_id, lock=True)
    if attendance is None:
        raise NotClockedIn()
    attendance.clock_out_at = max(at, attendance.clock_in_at)
    session.add(attendance)
    presence = await session.get(Presence, technician_id, populate_existing=True)
    if presence is not None:
        presence.online = False
        presence.location = None
        presence.location_at = None
        session.add(presence)
    await session.flush()
    return attendance


async def touch_presence(
    session: AsyncSession,
    technician_id: UUID,
    at: datetime,
    location: LonLat | None = None,
    *,
    measured_at: datetime | None = None,
) -> bool:
    """Note that the phone was heard of at `at`, and where (WGS-84 lon, lat); False off shift.

    `measured_at` says when it was there, `at` unless given. Off shift nothing is stored (DOMAIN
    section 6), and an older report never replaces a newer.
    """
    if await repository.open_attendance(session, technician_id) is None:
        return False
    new = insert(Presence).values(
        technician_id=technician_id,
        online=True,
        seen_at=at,
        location=_element(location),
        location_at=(measured_at or at) if location is not None else None,
    )
    held, told = col(Presence.location_at), new.excluded.location_at
    newer = or_(held.is_(None), told >= held)
    changed = {
        "online": True,
        "seen_at": func.greatest(Presence.seen_at, new.excluded.seen_at),
        "location": case((newer, new.excluded.location), else_=Presence.location),
        "location_at": func.greatest(held, told),
    }
    await session.execute(new.on_conflict_do_update(index_elements=["technician_id"], set_=changed))
    return True
