"""Doubts that a station chief looks at: nothing is refused for them, and nothing passes unseen."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit, clock, feed
from app.core.ids import new_id
from app.core.permissions import Permission
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.identity.models import User
from app.mobile.models import PhoneFlag
from app.organisation.models import Technician
from app.work_orders.models import WorkOrder


class Doubt(NamedTuple):
    """What is doubtful about one command, or about a phone's clock."""

    kind: str
    data: dict[str, Any]


async def home_station(session: AsyncSession, principal: Principal) -> UUID | None:
    """Whose chief hears of the person's phone; None for somebody who is no technician."""
    query = select(Technician.station_id).where(Technician.id == principal.technician_id)
    return (await session.exec(query)).one_or_none()


async def put(
    session: AsyncSession,
    principal: Principal,
    station_id: UUID | None,
    doubt: Doubt,
    key: str,
    *,
    order_id: UUID | None = None,
    command_id: UUID | None = None,
) -> None:
    """Flag it, once per `key`; the station's screens hear of a new one."""
    station_id = station_id or await home_station(session, principal)
    if station_id is None or principal.device_id is None:
        return
    row = PhoneFlag(
        id=new_id(),
        key=f"{doubt.kind}:{key}",
        station_id=station_id,
        user_id=principal.id,
        device_id=principal.device_id,
        order_id=order_id,
        command_id=command_id,
        kind=doubt.kind,
        data=doubt.data,
        raised_at=clock.now(),
    )
    made = await session.execute(
        insert(PhoneFlag)
        .values(row.model_dump())
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(col(PhoneFlag.id))
    )
    if made.first() is not None:
        await feed.append(session, "phone_flag", row.id, after=[feed.station_token(station_id)])


class Flagged(NamedTuple):
    """A flag with the names that a reader wants."""

    flag: PhoneFlag
    user_name: str
    order_serial: str | None


async def listed(
    session: AsyncSession,
    principal: Principal,
    *,
    seen: bool | None,
    order_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Flagged]:
    """Flags of the caller's stations, newest first, after (raised_at, id)."""
    query = (
        select(PhoneFlag, User.display_name, WorkOrder.serial)
        .join(User, col(User.id) == PhoneFlag.user_id)
        .join(WorkOrder, col(WorkOrder.id) == PhoneFlag.order_id, isouter=True)
        .where(scoped(principal, Permission.ORDERS_DISPATCH, PhoneFlag.station_id))
        .order_by(col(PhoneFlag.raised_at).desc(), col(PhoneFlag.id).desc())
        .limit(limit)
    )
    if seen is not None:
        looked_at = col(PhoneFlag.seen_at).is_not(None)
        query = query.where(looked_at if seen else ~looked_at)
    if order_id is not None:
        query = query.where(PhoneFlag.order_id == order_id)
    if after is not None:
        at, flag_id = after
        earlier = (col(PhoneFlag.raised_at) == at) & (col(PhoneFlag.id) < flag_id)
        query = query.where((col(PhoneFlag.raised_at) < at) | earlier)
    return [Flagged(*row) for row in (await session.exec(query)).all()]


async def look_at(
    session: AsyncSession, principal: Principal, flag_id: UUID, note: str | None
) -> Flagged:
    """A chief has seen it; the first look counts. Raises NotFound outside the caller's stations."""
    query = (
        select(PhoneFlag)
        .where(
            PhoneFlag.id == flag_id,
            scoped(principal, Permission.ORDERS_DISPATCH, PhoneFlag.station_id),
        )
        .with_for_update()
    )
    flag = (await session.exec(query)).one_or_none()
    if flag is None:
        raise NotFound()
    if flag.seen_at is None:
        flag.seen_by, flag.seen_at, flag.note = principal.id, clock.now(), note
        await session.flush()
        tokens = [feed.station_token(flag.station_id)]
        await feed.append(session, "phone_flag", flag.id, before=tokens, after=tokens)
        await audit.record(session, principal, "looked_at", "phone_flag", flag.id, kind=flag.kind)
    user = await session.get_one(User, flag.user_id)
    order = await session.get(WorkOrder, flag.order_id) if flag.order_id else None
    return Flagged(flag, user.display_name, order.serial if order else None)
