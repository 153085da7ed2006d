"""Claiming a message: is it still worth sending, to which addresses, and what joins it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.ids import new_id
from app.notifications import composing, outbox, recipients, repository, staff, worth
from app.notifications.channels import PHONE, SMS, VOICE, Address, Channels, Message
from app.notifications.models import DeliveryAttempt, Dispatch, PushAddress
from app.notifications.staff import STAFF

MOST_TOLD = 50
"""Orders that one message names; FCM takes 4 kB."""
AT_ONCE = timedelta(milliseconds=200)
"""A timer may ring a moment before its time."""


@dataclass(frozen=True, slots=True)
class Try:
    """One address that is asked now, and the row of its attempt."""

    address: Address
    attempt_id: UUID
    unsure: bool
    """An earlier call with this key was begun, and nobody saw its end."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be sent where; read in one short transaction."""

    dispatch_id: UUID
    channel: str
    attempt: int
    message: Message
    tries: tuple[Try, ...]
    joined: tuple[UUID, ...] = ()
    """Other messages to the same person that this one tells as well."""

    @property
    def all_ids(self) -> list[UUID]:
        return sorted([self.dispatch_id, *self.joined])


async def claim(session: AsyncSession, channels: Channels, dispatch_id: UUID) -> Due | None:
    """Lease the message and all that can join it; None when there is nothing to send now."""
    lead = await _queued(session, dispatch_id)
    if lead is None:
        return None
    if await _is_carried(session, lead) or await _too_early(session, lead):
        return None
    if lead.notification_id is None:
        if not await worth.alarm_stands(session, lead):
            return None
        return await _claimed(session, channels, lead, [], await composing.to_staff(session, lead))
    if not await worth.still_worth_it(session, lead):
        await _let_go(session, lead)
        return None
    joined = [
        row for row in await _others(session, lead) if await worth.still_worth_it(session, row)
    ]
    message = await composing.message(session, [lead, *joined])
    return await _claimed(session, channels, lead, joined, message)


async def _queued(session: AsyncSession, dispatch_id: UUID) -> Dispatch | None:
    query = select(Dispatch).where(Dispatch.id == dispatch_id, Dispatch.state == "queued")
    return (await session.exec(query.with_for_update(skip_locked=True))).first()


async def _is_carried(session: AsyncSession, row: Dispatch) -> bool:
    """Whether a message that it joined is still being tried, and tells of it."""
    query = select(Dispatch.id).where(
        Dispatch.id == row.joined_id, col(Dispatch.state).in_(("queued", "sending"))
    )
    return row.joined_id is not None and (await session.exec(query)).first() is not None


async def _let_go(session: AsyncSession, lead: Dispatch) -> None:
    """The message lost its point before it went out: what had joined it goes by itself."""
    freed = await session.execute(
        update(Dispatch)
        .where(col(Dispatch.joined_id) == lead.id, col(Dispatch.state) == "queued")
        .values(joined_id=None)
        .returning(col(Dispatch.id))
    )
    for (dispatch_id,) in freed.all():
        await outbox.defer_send(session, dispatch_id, lead.channel)


async def _too_early(session: AsyncSession, lead: Dispatch) -> bool:
    """Whether it waits, for a provider's Retry-After or for the end of a burst."""
    now = clock.real_now()
    free_at = await _burst_ends(session, lead)
    if free_at is not None and free_at > now:
        lead.due_at = max(lead.due_at, free_at)
    if lead.due_at <= now + AT_ONCE:
        return False
    await outbox.defer_send(session, lead.id, lead.channel, lead.due_at)
    return True


_LAST_TOLD = """
SELECT d.sent_at, l.burst_s
  FROM dispatches mine
  JOIN alarms a ON a.id = mine.alarm_id
  JOIN ladders l ON l.id = a.ladder_id AND l.burst_s > 0
  JOIN dispatches d ON d.user_id = mine.user_id AND d.channel = mine.channel
   AND d.joined_id IS NULL
   AND d.sent_at > CAST(:now AS timestamptz) - l.burst_s * interval '1 second'
 WHERE mine.id = :id ORDER BY d.sent_at DESC LIMIT 1
"""


async def _burst_ends(session: AsyncSession, lead: Dispatch) -> datetime | None:
    """When the person may be told again: the first of a burst goes at once, the rest as one."""
    if lead.alarm_id is None or lead.user_id is None:
        return None
    row = await sql.first(session, _LAST_TOLD, {"id": lead.id, "now": clock.now()})
    if row is None:
        return None
    sent_at, window = row.sent_at, timedelta(seconds=row.burst_s)
    wait = clock.to_real(sent_at + window) - clock.to_real(clock.now())
    return clock.real_now() + wait


async def _others(session: AsyncSession, lead: Dispatch) -> list[Dispatch]:
    """What else is due for the same person and channel, untried: one message tells it all.

    A retry tells what its first try told: who has that already would not hear of more.
    """
    if lead.attempt > 0:
        joins = [col(Dispatch.joined_id) == lead.id]
    else:
        due = clock.real_now() + AT_ONCE
        joins = [
            col(Dispatch.attempt) == 0,
            col(Dispatch.joined_id).is_(None),
            col(Dispatch.due_at) <= due,
        ]
    query = (
        select(Dispatch)
        .where(
            Dispatch.user_id == lead.user_id,
            Dispatch.channel == lead.channel,
            Dispatch.state == "queued",
            Dispatch.id != lead.id,
            col(Dispatch.notification_id).is_not(None),
            *joins,
        )
        .order_by(col(Dispatch.id))
        .limit(MOST_TOLD - 1)
        .with_for_update(skip_locked=True)
    )
    return list((await session.exec(query)).all())


async def _groups_that_took(session: AsyncSession, dispatch_id: UUID) -> set[str | None]:
    query = select(DeliveryAttempt.provider_message_id).where(
        DeliveryAttempt.dispatch_id == dispatch_id, DeliveryAttempt.result == "accepted"
    )
    return set((await session.exec(query)).all())


class _Target(NamedTuple):
    """An address with what its attempt should remember of the device."""

    address: Address
    row: PushAddress | None = None
    brand: str | None = None
    app_version: str | None = None


async def _targets(session: AsyncSession, channels: Channels, lead: Dispatch) -> list[_Target]:
    if lead.channel == outbox.STAFF:
        took = await _groups_that_took(session, lead.id)
        groups = staff.groups_of(channels[STAFF]) if STAFF in channels else []
        return [_Target(each) for each in groups if each.address not in took]
    assert lead.user_id is not None
    if lead.channel == outbox.PUSH:
        rows = await repository.live_addresses(session, lead)
        return [
            _Target(Address(row.provider, row.kind, row.address), row, on.brand, on.app_version)
            for row, on in rows
        ]
    reader = await recipients.person(session, lead.user_id)
    provider = SMS if lead.channel == outbox.SMS else VOICE
    if reader is None or reader.phone is None:
        return []
    return [_Target(Address(provider, PHONE, reader.phone))]


async def _claimed(
    session: AsyncSession,
    channels: Channels,
    lead: Dispatch,
    joined: Sequence[Dispatch],
    message: Message,
) -> Due | None:
    found = await _targets(session, channels, lead)
    targets = [each for each in found if each.address.provider in channels]
    rows = [lead, *joined]
    if not targets:
        accepted = await was_accepted(session, lead.id)
        for row in rows:
            row.state = "sent" if accepted else "no_address"
        await session.flush()
        ids = [row.notification_id for row in rows if row.notification_id is not None]
        await repository.sum_up(session, ids, clock.now())
        return None
    lead.attempt += 1
    for row in rows:
        row.state, row.leased_until = "sending", clock.real_now() + outbox.LEASE
        row.joined_id = lead.id if row is not lead else None
    unsure = lead.attempt > 1 and await _unsure(session, lead.id)
    tries = tuple(_begun(session, lead, each, unsure) for each in targets)
    await session.flush()
    ids_joined = tuple(row.id for row in joined)
    return Due(lead.id, lead.channel, lead.attempt, message, tries, ids_joined)


def _begun(session: AsyncSession, lead: Dispatch, target: _Target, unsure: bool) -> Try:
    row = DeliveryAttempt(
        id=new_id(),
        notification_id=lead.notification_id,
        dispatch_id=lead.id,
        address_id=target.row.id if target.row else None,
        provider=target.address.provider,
        at=clock.now(),
        result="started",
        brand=target.brand,
        app_version=target.app_version,
    )
    session.add(row)
    return Try(target.address, row.id, unsure)


async def _unsure(session: AsyncSession, dispatch_id: UUID) -> bool:
    """Whether a call was begun whose end nobody saw; such attempts are noted as lost.

    One that was lost before counts too: the provider may not have been able to say yet.
    """
    await session.execute(
        update(DeliveryAttempt)
        .where(
            col(DeliveryAttempt.dispatch_id) == dispatch_id,
            col(DeliveryAttempt.result) == "started",
        )
        .values(result="lost")
    )
    query = select(DeliveryAttempt.id).where(
        DeliveryAttempt.dispatch_id == dispatch_id, DeliveryAttempt.result == "lost"
    )
    return (await session.exec(query.limit(1))).first() is not None


async def locked(session: AsyncSession, ids: Sequence[UUID]) -> list[Dispatch]:
    """The rows under their locks, in the order of ids."""
    query = select(Dispatch).where(col(Dispatch.id).in_(ids)).order_by(col(Dispatch.id))
    fresh = query.with_for_update().execution_options(populate_existing=True)
    return list((await session.exec(fresh)).all())


async def was_accepted(session: AsyncSession, dispatch_id: UUID) -> bool:
    """Whether any address accepted it, now or in an earlier attempt."""
    query = select(DeliveryAttempt.id).where(
        DeliveryAttempt.dispatch_id == dispatch_id, DeliveryAttempt.result == "accepted"
    )
    return (await session.exec(query.limit(1))).first() is not None
