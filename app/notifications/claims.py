"""Claiming a message: is it still worth sending, to which addresses, and what joins it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.notifications import (
    composing,
    dispatch_rows,
    outbox,
    recipients,
    repository,
    staff,
    worth,
)
from app.notifications.channels import PHONE, SMS, VOICE, Address, Channels, Message
from app.notifications.dispatch_rows import Target, Waiting
from app.notifications.staff import STAFF

MOST_TOLD = 50
"""Orders that one message names; FCM takes 4 kB."""
AT_ONCE = timedelta(milliseconds=200)
"""What is due so soon joins."""


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
    lead = await dispatch_rows.queued(session, dispatch_id)
    if lead is None:
        return None
    if await _is_carried(session, lead) or await _too_early(session, lead):
        return None
    if lead.notification_id is None:
        if not await worth.alarm_stands(session, lead):
            return None
        return await _claimed(session, channels, lead, [], await composing.to_staff(session, lead))
    if not await worth.still_worth_it(session, lead):
        await dispatch_rows.let_go(session, lead.id)
        return None
    joined = [
        row for row in await _others(session, lead) if await worth.still_worth_it(session, row)
    ]
    message = await composing.message(session, [lead, *joined])
    return await _claimed(session, channels, lead, joined, message)


async def _is_carried(session: AsyncSession, row: Waiting) -> bool:
    """Whether a message that it joined is still being tried, and tells of it."""
    return row.joined_id is not None and await dispatch_rows.is_open(session, row.joined_id)


async def _too_early(session: AsyncSession, lead: Waiting) -> bool:
    """Whether it waits, for a provider's Retry-After or for the end of a burst."""
    now = clock.real_now()
    due_at = lead.due_at
    free_at = await _burst_ends(session, lead)
    if free_at is not None and free_at > max(now, due_at):
        due_at = free_at
        await dispatch_rows.put_off(session, lead.id, due_at)
    return due_at > now + AT_ONCE


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


async def _burst_ends(session: AsyncSession, lead: Waiting) -> datetime | None:
    """When the person may be told again: the first of a burst goes at once, the rest as one."""
    if lead.alarm_id is None or lead.user_id is None:
        return None
    row = await sql.first(session, _LAST_TOLD, {"id": lead.id, "now": clock.now()})
    if row is None:
        return None
    sent_at, window = row.sent_at, timedelta(seconds=row.burst_s)
    wait = clock.to_real(sent_at + window) - clock.to_real(clock.now())
    return clock.real_now() + wait


async def _others(session: AsyncSession, lead: Waiting) -> list[Waiting]:
    """What one message tells besides: all that is due for the person, or what its first try told.

    Who has the first try already would not hear of more.
    """
    if lead.attempt > 0:
        return await dispatch_rows.joined(session, lead, MOST_TOLD - 1)
    before = clock.real_now() + AT_ONCE
    return await dispatch_rows.joinable(session, lead, before, MOST_TOLD - 1)


_Targets = list[tuple[Address, Target | None]]


async def _targets(session: AsyncSession, channels: Channels, lead: Waiting) -> _Targets:
    if lead.channel == outbox.STAFF:
        took = await dispatch_rows.groups_that_took(session, lead.id)
        groups = staff.groups_of(channels[STAFF]) if STAFF in channels else []
        return [(each, None) for each in groups if each.address not in took]
    assert lead.user_id is not None
    if lead.channel == outbox.PUSH:
        found = await dispatch_rows.targets(session, lead)
        return [(Address(each.provider, each.kind, each.address), each) for each in found]
    reader = await recipients.person(session, lead.user_id)
    provider = SMS if lead.channel == outbox.SMS else VOICE
    if reader is None or reader.phone is None:
        return []
    return [(Address(provider, PHONE, reader.phone), None)]


async def _claimed(
    session: AsyncSession,
    channels: Channels,
    lead: Waiting,
    joined: Sequence[Waiting],
    message: Message,
) -> Due | None:
    found = await _targets(session, channels, lead)
    targets = [(address, row) for address, row in found if address.provider in channels]
    others = [row.id for row in joined]
    if not targets:
        accepted = await dispatch_rows.was_accepted(session, lead.id)
        await dispatch_rows.end(session, [lead.id, *others], "sent" if accepted else "no_address")
        told = [row.notification_id for row in (lead, *joined) if row.notification_id is not None]
        await repository.sum_up(session, told, clock.now())
        return None
    await dispatch_rows.lease(session, lead.id, others, clock.real_now() + outbox.LEASE)
    unsure = lead.attempt > 0 and await dispatch_rows.lost_before(session, lead.id)
    tries = tuple(
        [
            Try(address, await dispatch_rows.begun(session, lead, address.provider, row), unsure)
            for address, row in targets
        ]
    )
    return Due(lead.id, lead.channel, lead.attempt + 1, message, tries, tuple(others))
