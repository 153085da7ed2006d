"""Rows of positions, and the spans in which a technician was clocked in."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, or_, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.identity.models import Device
from app.organisation.models import Attendance, Position


class Span(NamedTuple):
    """A stretch of work; `ended_at` is None while it lasts."""

    began_at: datetime
    ended_at: datetime | None


class FixRow(NamedTuple):
    """Where a technician was at an instant by our clock: WGS-84 degrees, accuracy in metres."""

    at: datetime
    lon: float
    lat: float
    accuracy_m: float
    mocked: bool


class StampedFix(NamedTuple):
    """A fix with both its times."""

    client_at: datetime
    fix: FixRow


async def spans_at_work(
    session: AsyncSession, technician_id: UUID, since: datetime
) -> Sequence[Span]:
    """Attendances that reach beyond `since`, shared-locked: a clock-out waits for us."""
    query = (
        select(Attendance.clock_in_at, Attendance.clock_out_at)
        .where(
            Attendance.technician_id == technician_id,
            or_(col(Attendance.clock_out_at).is_(None), col(Attendance.clock_out_at) >= since),
        )
        .with_for_update(read=True)
    )
    return [Span(*row) for row in (await session.exec(query)).all()]


async def skew(session: AsyncSession, device_id: UUID | None) -> timedelta | None:
    """The device's clock minus ours as its last sync measured it; None when none did."""
    query = select(Device.skew_ms).where(Device.id == device_id)
    skew_ms = (await session.exec(query)).one_or_none()
    return timedelta(milliseconds=skew_ms) if skew_ms is not None else None


async def store(
    session: AsyncSession, technician_id: UUID, fixes: Collection[StampedFix], at: datetime
) -> int:
    """Insert those whose `client_at` is new to the technician; returns how many were."""
    # In one order, so that two batches of one technician wait for each other and never in a ring.
    ordered = sorted(fixes, key=lambda each: each.client_at)
    statement = text(
        "INSERT INTO positions (technician_id, client_at, at, received_at, place, accuracy_m,"
        " mocked) SELECT :technician, f.client_at, f.at, :received_at,"
        " ST_SetSRID(ST_MakePoint(f.lon, f.lat), 4326)::geography, f.accuracy_m, f.mocked"
        " FROM unnest(CAST(:client_at AS timestamptz[]), CAST(:at AS timestamptz[]),"
        " CAST(:lon AS float8[]), CAST(:lat AS float8[]), CAST(:accuracy_m AS float8[]),"
        " CAST(:mocked AS boolean[])) AS f(client_at, at, lon, lat, accuracy_m, mocked)"
        " ON CONFLICT DO NOTHING RETURNING client_at"
    )
    columns = {
        name: [getattr(each.fix, name) for each in ordered]
        for name in ("at", "lon", "lat", "accuracy_m", "mocked")
    }
    rows = await session.execute(
        statement,
        columns
        | {
            "technician": technician_id,
            "client_at": [each.client_at for each in ordered],
            "received_at": at,
        },
    )
    return len(rows.all())


async def between(
    session: AsyncSession, technician_id: UUID, since: datetime, until: datetime
) -> list[FixRow]:
    """Fixes with `since` <= at < `until`, ascending, the most accurate of one instant."""
    rows = await session.execute(
        text(
            "SELECT DISTINCT ON (at) at, ST_X(place::geometry), ST_Y(place::geometry),"
            " accuracy_m, mocked FROM positions WHERE technician_id = :technician"
            " AND at >= :since AND at < :until ORDER BY at, accuracy_m, client_at"
        ),
        {"technician": technician_id, "since": since, "until": until},
    )
    return [FixRow(*row) for row in rows]


async def technicians_between(
    session: AsyncSession, since: datetime, until: datetime
) -> list[UUID]:
    query = (
        select(Position.technician_id)
        .where(Position.at >= since, Position.at < until)
        .distinct()
        .order_by(col(Position.technician_id))
    )
    return list((await session.exec(query)).all())


async def forget_before(session: AsyncSession, before: datetime) -> None:
    await session.execute(delete(Position).where(col(Position.at) < before))
