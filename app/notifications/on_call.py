"""Who is called for a station when no crew answers, in which order."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.problems import InvalidInput, NotFound
from app.core.scope import Principal
from app.identity.models import User
from app.notifications.ladder_models import OnCall
from app.organisation.models import Station


async def listed(
    session: AsyncSession, principal: Principal, permission: Permission, station_id: UUID
) -> list[User]:
    """The station's list by rank, empty while its chiefs are called; raises NotFound."""
    await _in_scope(session, principal, permission, station_id)
    statement = (
        select(User)
        .join(OnCall, col(OnCall.user_id) == col(User.id))
        .where(OnCall.station_id == station_id)
        .order_by(col(OnCall.rank))
    )
    return list((await session.exec(statement)).all())


async def replace(
    session: AsyncSession,
    principal: Principal,
    permission: Permission,
    station_id: UUID,
    user_ids: Sequence[UUID],
) -> list[User]:
    """Make this the list; raises NotFound for the station, InvalidInput for a person."""
    await _in_scope(session, principal, permission, station_id)
    known = await session.exec(
        select(User.id).where(col(User.id).in_(user_ids), col(User.disabled_at).is_(None))
    )
    if len(set(user_ids)) != len(user_ids) or set(known.all()) != set(user_ids):
        raise InvalidInput("each person once, and none that is unknown or disabled")
    await session.execute(delete(OnCall).where(col(OnCall.station_id) == station_id))
    session.add_all(
        OnCall(station_id=station_id, user_id=user_id, rank=rank)
        for rank, user_id in enumerate(user_ids, start=1)
    )
    await session.flush()
    return await listed(session, principal, permission, station_id)


async def _in_scope(
    session: AsyncSession, principal: Principal, permission: Permission, station_id: UUID
) -> None:
    # The row lock keeps two writers of one list apart.
    found = await session.get(Station, station_id, with_for_update={"key_share": True})
    if found is None or not principal.covers(permission, station_id):
        raise NotFound("no such station")
