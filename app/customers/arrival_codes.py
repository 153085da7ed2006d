"""QR codes on buildings and boxes: the other way to show that a technician is there."""

import base64
import secrets
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit, clock
from app.core.permissions import Permission
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.customers.models import ArrivalCode, Building

PREFIX = "paigong:arrival:"
"""What the QR code says before the token, so that a scanner can tell it from any other."""


def said_by(token: str) -> str:
    """What is printed as a QR code."""
    return PREFIX + token


async def _building(session: AsyncSession, principal: Principal, building_id: UUID) -> Building:
    query = select(Building).where(
        Building.id == building_id,
        scoped(principal, Permission.ARRIVAL_CODES_WRITE, Building.station_id),
    )
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound()
    return found


async def codes_of(
    session: AsyncSession, principal: Principal, building_id: UUID
) -> Sequence[ArrivalCode]:
    """The building's codes that count, to be printed; the read is recorded. Raises NotFound."""
    await _building(session, principal, building_id)
    query = (
        select(ArrivalCode)
        .where(ArrivalCode.building_id == building_id, col(ArrivalCode.ended_at).is_(None))
        .order_by(col(ArrivalCode.created_at), col(ArrivalCode.id))
    )
    await audit.record(session, principal, "read", "arrival_codes", building_id)
    return (await session.exec(query)).all()


async def create(
    session: AsyncSession, principal: Principal, building_id: UUID, kind: str, label: str
) -> ArrivalCode:
    """A new code of 128 random bits for a building in scope; raises NotFound."""
    await _building(session, principal, building_id)
    row = ArrivalCode(
        building_id=building_id,
        kind=kind,
        label=label,
        token=base64.b32encode(secrets.token_bytes(16)).decode().rstrip("="),
        created_by=principal.id,
        created_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    await audit.record(session, principal, "created", "arrival_code", row.id, label=label)
    return row


async def end(session: AsyncSession, principal: Principal, code_id: UUID) -> None:
    """The code was torn off or copied: it counts no more. Raises NotFound."""
    row = await session.get(ArrivalCode, code_id, with_for_update=True)
    if row is None:
        raise NotFound()
    await _building(session, principal, row.building_id)
    if row.ended_at is None:
        row.ended_at = clock.now()
        await audit.record(session, principal, "ended", "arrival_code", code_id)


async def code_at(
    session: AsyncSession, building_id: UUID | None, scanned: str | None
) -> UUID | None:
    """The building's code that was scanned, or None for another one, or one that has ended."""
    if building_id is None or not scanned:
        return None
    query = select(ArrivalCode.id).where(
        ArrivalCode.building_id == building_id,
        ArrivalCode.token == scanned.removeprefix(PREFIX),
        col(ArrivalCode.ended_at).is_(None),
    )
    return (await session.exec(query)).one_or_none()
