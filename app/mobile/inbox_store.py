"""Rows of the command inbox, under the lock of their device."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import is_passing
from app.core.ids import new_id
from app.core.scope import Principal
from app.identity.errors import DeviceRevoked, Unauthenticated
from app.identity.models import Device
from app.mobile import repository
from app.mobile.models import PhoneCommand
from app.mobile.schemas import Received

log = logging.getLogger(__name__)


async def device(session: AsyncSession, device_id: UUID) -> Device:
    """The device as it is now."""
    return await session.get_one(Device, device_id)


async def locked_device(session: AsyncSession, principal: Principal) -> Device:
    """The caller's device as it is now, under its row lock: its commands wait in line, briefly.

    Raises DeviceRevoked, and Unauthenticated when another person took it over meanwhile.
    """
    await repository.wait_briefly(session)
    statement = select(Device).where(Device.id == principal.device_id)
    locked = statement.with_for_update(key_share=True)  # what only names the device need not wait
    found = (await session.exec(locked.execution_options(populate_existing=True))).one()
    if found.revoked_at is not None:
        raise DeviceRevoked()
    if found.user_id != principal.id:
        raise Unauthenticated("another person has signed in on this device")
    return found


async def raise_last_seq(session: AsyncSession, device_id: UUID, seq: int) -> None:
    """Remember the highest sequence number that came."""
    await session.execute(
        update(Device)
        .where(col(Device.id) == device_id, col(Device.last_command_seq) < seq)
        .values(last_command_seq=seq)
    )


async def known(session: AsyncSession, command_id: UUID) -> PhoneCommand | None:
    """The command as it was stored, if it came before."""
    return (
        await session.exec(select(PhoneCommand).where(PhoneCommand.id == command_id))
    ).one_or_none()


async def claim(session: AsyncSession, row: PhoneCommand) -> PhoneCommand | None:
    """Insert the inbox row, waiting for a twin in flight; the stored row when there is one."""
    claimed = await session.execute(
        insert(PhoneCommand)
        .values(row.model_dump())
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(col(PhoneCommand.id))
    )
    if claimed.first() is not None:
        return None
    return (await session.exec(select(PhoneCommand).where(PhoneCommand.id == row.id))).one()


async def claim_bare_at_worst(session: AsyncSession, row: PhoneCommand) -> PhoneCommand | None:
    """Claim the row; without its content only when that is what the database cannot keep."""
    try:
        async with session.begin_nested():
            return await claim(session, row)
    except Exception as error:
        if is_passing(error):
            raise
        log.warning("command %s cannot be kept as it was said", row.id, exc_info=error)
    row.body, row.client_at = {}, row.received_at
    return await claim(session, row)


def row_of(principal: Principal, received: Received) -> PhoneCommand:
    """The row of a command that came just now, refused until it is answered.

    What could not be read is kept letter by letter.
    """
    assert principal.device_id is not None
    command, now = received.command, clock.now()
    return PhoneCommand(
        id=received.id,
        user_id=principal.id,
        device_id=principal.device_id,
        device_seq=received.device_seq,
        order_id=command.order_id if command else None,
        kind=command.kind if command else "unreadable",
        body=(
            command.model_dump(mode="json", exclude_none=True)
            if command
            else {"said": received.said}
        ),
        body_hash=received.body_hash,
        client_at=command.client_at if command else now,
        received_at=now,
        outcome="refused",
        answer={},
    )


async def is_numbered(session: AsyncSession, principal: Principal, seq: int) -> bool:
    """Whether something came from the caller's device, in the caller's hands, under the number."""
    came = select(PhoneCommand.id).where(
        PhoneCommand.device_id == principal.device_id,
        PhoneCommand.device_seq == seq,
        PhoneCommand.user_id == principal.id,
    )
    return (await session.exec(came.limit(1))).first() is not None


async def write_off(session: AsyncSession, principal: Principal, seq: int) -> None:
    """A number under which the phone has nothing; nothing was done under it."""
    assert principal.device_id is not None
    now = clock.now()
    session.add(
        PhoneCommand(
            id=new_id(),
            user_id=principal.id,
            device_id=principal.device_id,
            device_seq=seq,
            kind="lost",
            body={},
            body_hash="",
            client_at=now,
            received_at=now,
            outcome="lost",
            answer={},
        )
    )
    await session.flush()


async def note_corrected(session: AsyncSession, command_id: UUID, at: datetime) -> None:
    """Keep when the act happened by our clock, whatever came of it."""
    await session.execute(
        update(PhoneCommand).where(col(PhoneCommand.id) == command_id).values(corrected_at=at)
    )


async def store_answer(
    session: AsyncSession, command_id: UUID, outcome: str, answer: dict[str, Any]
) -> None:
    await session.execute(
        update(PhoneCommand)
        .where(col(PhoneCommand.id) == command_id)
        .values(outcome=outcome, answer=answer)
    )
