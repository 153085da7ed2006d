"""Queries of stations, crews and attendance that other services build on."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy import select as select_many  # SQLModel's knows no more than four columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.core.geo import point
from app.organisation.models import (
    Attendance,
    Crew,
    CrewMember,
    Presence,
    Shift,
    Station,
    Technician,
    TechnicianSkill,
)


def member_at(at: datetime) -> ColumnElement[bool]:
    """The clause of memberships that hold at an instant."""
    return and_(
        col(CrewMember.since) <= at,
        or_(col(CrewMember.until).is_(None), col(CrewMember.until) > at),
    )


async def station_at(session: AsyncSession, lon: float, lat: float) -> Station | None:
    depth = func.length(Station.path) - func.length(func.replace(Station.path, "/", ""))
    query = (
        select(Station)
        .where(func.ST_Covers(Station.area, point(lon, lat)))
        .order_by(depth.desc(), col(Station.code))
        .limit(1)
    )
    return (await session.exec(query)).first()


async def subtree(session: AsyncSession, station_id: UUID) -> frozenset[UUID]:
    root = select(Station.path).where(Station.id == station_id).scalar_subquery()
    query = select(Station.id).where(func.starts_with(Station.path, root))
    return frozenset((await session.exec(query)).all())


async def crews(
    session: AsyncSession, where: ColumnElement[bool], *, lock: bool = False
) -> Sequence[Crew]:
    query = select(Crew).where(where).order_by(col(Crew.code))
    return (await session.exec(query.with_for_update() if lock else query)).all()


async def members_at(session: AsyncSession, crew_ids: Collection[UUID], at: datetime) -> list[Any]:
    """Rows of crew_id, role, technician_id, user_id, name and online: leaders first, active
    technicians only. Columns alone: hundreds of objects took a quarter of the time in which danger
    finds its crew.
    """
    open_attendance = and_(
        col(Attendance.technician_id) == col(Technician.id), col(Attendance.clock_out_at).is_(None)
    )
    online = and_(col(Attendance.id).is_not(None), func.coalesce(Presence.online, False))
    query: Any = (
        select_many(
            col(CrewMember.crew_id),
            col(CrewMember.role),
            col(CrewMember.technician_id),
            col(Technician.user_id),
            col(Technician.name),
            online.label("online"),
        )
        .join(Technician, col(Technician.id) == col(CrewMember.technician_id))
        .outerjoin(Attendance, open_attendance)
        .outerjoin(Presence, col(Presence.technician_id) == col(Technician.id))
        .where(col(CrewMember.crew_id).in_(crew_ids), member_at(at), col(Technician.active))
        .order_by(col(CrewMember.role) != "leader", col(CrewMember.since), col(CrewMember.id))
    )
    return list((await session.execute(query)).all())


async def skills_of(
    session: AsyncSession, technician_ids: Collection[UUID]
) -> Sequence[TechnicianSkill]:
    query = (
        select(TechnicianSkill)
        .where(col(TechnicianSkill.technician_id).in_(technician_ids))
        .order_by(col(TechnicianSkill.skill))
    )
    return (await session.exec(query)).all()


async def certificates(session: AsyncSession, technician_ids: Collection[UUID]) -> list[Any]:
    """Rows of technician_id, skill and expires_on, in no order."""
    query: Any = select_many(
        col(TechnicianSkill.technician_id),
        col(TechnicianSkill.skill),
        col(TechnicianSkill.expires_on),
    ).where(col(TechnicianSkill.technician_id).in_(technician_ids))
    return list((await session.execute(query)).all())


async def crews_on_shift(
    session: AsyncSession, crew_ids: Collection[UUID], at: datetime
) -> frozenset[UUID]:
    rows = await sql.rows(
        session,
        "SELECT crew_id FROM shifts WHERE crew_id = ANY(:crews) AND starts_at <= :at"
        " AND ends_at > :at",
        {"crews": list(crew_ids), "at": at},
    )
    return frozenset(row.crew_id for row in rows)


async def technicians_on_shift(
    session: AsyncSession, technician_ids: Collection[UUID], at: datetime
) -> frozenset[UUID]:
    """Those who are members of a crew whose shift covers `at`."""
    query = (
        select(CrewMember.technician_id)
        .join(Shift, col(Shift.crew_id) == col(CrewMember.crew_id))
        .where(
            col(CrewMember.technician_id).in_(technician_ids),
            member_at(at),
            col(Shift.starts_at) <= at,
            col(Shift.ends_at) > at,
        )
    )
    return frozenset((await session.exec(query)).all())


async def open_attendance(
    session: AsyncSession, technician_id: UUID, *, lock: bool = False
) -> Attendance | None:
    query = select(Attendance).where(
        Attendance.technician_id == technician_id, col(Attendance.clock_out_at).is_(None)
    )
    return (await session.exec(query.with_for_update() if lock else query)).one_or_none()
