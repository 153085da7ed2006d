"""When crews work."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import feed
from app.core.permissions import Permission as P
from app.core.scope import Principal, scoped
from app.organisation.crews import crew
from app.organisation.errors import ShiftOverlaps
from app.organisation.models import Crew, Shift
from app.organisation.policy import check_shift

Break = tuple[datetime, datetime, int]
"""(from, to, duration_s): a rest of so many seconds within the window."""


async def shifts(
    session: AsyncSession,
    principal: Principal,
    *,
    crew_id: UUID | None,
    starts: datetime | None,
    ends: datetime | None,
    limit: int,
) -> list[Shift]:
    """Shifts in scope that meet [starts, ends), by start; raises NotFound for a foreign crew."""
    query = (
        select(Shift)
        .join(Crew, col(Crew.id) == col(Shift.crew_id))
        .where(scoped(principal, P.ORGANISATION_READ, Crew.station_id))
    )
    if crew_id is not None:
        await crew(session, principal, P.ORGANISATION_READ, crew_id)
        query = query.where(Shift.crew_id == crew_id)
    if starts is not None:
        query = query.where(col(Shift.ends_at) > starts)
    if ends is not None:
        query = query.where(col(Shift.starts_at) < ends)
    query = query.order_by(col(Shift.starts_at), col(Shift.id)).limit(limit)
    return list((await session.exec(query)).all())


async def add_shift(
    session: AsyncSession,
    principal: Principal,
    crew_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    breaks: list[Break],
) -> Shift:
    """A new shift of a crew in scope; raises NotFound, ShiftNotValid, ShiftOverlaps."""
    check_shift(starts_at, ends_at, breaks)
    worker = await crew(session, principal, P.SHIFTS_WRITE, crew_id)
    return await insert_shift(session, worker, starts_at, ends_at, breaks)


async def insert_shift(
    session: AsyncSession,
    worker: Crew,
    starts_at: datetime,
    ends_at: datetime,
    breaks: list[Break],
) -> Shift:
    """The shift itself, under the crew's row lock; raises ShiftOverlaps."""
    await session.get_one(Crew, worker.id, with_for_update=True)
    overlap = select(Shift.id).where(
        Shift.crew_id == worker.id, col(Shift.starts_at) < ends_at, col(Shift.ends_at) > starts_at
    )
    other = (await session.exec(overlap)).first()
    if other is not None:
        raise ShiftOverlaps(shift_id=str(other))
    shift = Shift(
        crew_id=worker.id,
        starts_at=starts_at,
        ends_at=ends_at,
        breaks=[
            {"from": opens.isoformat(), "to": closes.isoformat(), "duration_s": duration_s}
            for opens, closes, duration_s in breaks
        ],
    )
    session.add(shift)
    audience = [feed.station_token(worker.station_id), feed.crew_token(worker.id)]
    await feed.append(session, "shift", shift.id, after=audience)
    await session.flush()
    return shift
