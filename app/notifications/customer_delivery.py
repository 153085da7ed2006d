"""Sending one text message to a customer: once, though workers die between any two steps.

The gateway gets the message's id as its key. A call is noted before it is made: who finds one
whose end nobody saw waits until the gateway's records must show it, asks what became of it, and
sends only what it never heard of. While it cannot say, nothing is sent: better late than twice.
"""

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as policies
from app.core import clock, jobs
from app.core.db import Database
from app.core.i18n import Language
from app.customers import consents
from app.notifications import customer_messages, customer_texts
from app.notifications.channels import PHONE, SMS, Address, Channel, Channels, Message, SendResult
from app.notifications.channels import Outcome as O
from app.notifications.customer_jobs import QUEUE_LOCK, send_customer_message
from app.notifications.customer_models import CustomerMessage
from app.notifications.retrying import retry_wait_s
from app.work_orders.models import WorkOrder
from app.work_orders.states import State

SWEPT_AT_ONCE = 500
RECORDED_WITHIN = timedelta(seconds=60)
"""So late a gateway may list what it took; what is not listed before that proves nothing."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    message: Message
    address: Address
    attempt: int
    most_attempts: int
    unsure: bool
    """An earlier call may have gone out."""


async def deliver(database: Database, channels: Channels, message_id: UUID) -> None:
    """Send it unless it was sent, is unwanted by now, or tells what is over."""
    async with database.transaction() as session:
        due = await _claim(session, channels, message_id)
    if due is None:
        return
    result = await _send(channels[SMS], due)
    async with database.transaction() as session:
        await _settle(session, message_id, due, result)


async def _claim(session: AsyncSession, channels: Channels, message_id: UUID) -> _Due | None:
    row = await session.get(CustomerMessage, message_id, with_for_update=True)
    if row is None or row.state != "queued":
        return None
    if SMS not in channels:
        row.state, row.detail = "failed", "no gateway for text messages is configured"
        return None
    said = await consents.said_of(session, row.phone)
    if said is not None and not said.allowed:
        row.state = "unwanted"
        return None
    if await _is_over(session, row) or (row.attempts == 0 and _is_old(row)):
        row.state = "moot"
        return None
    unsure = row.unsure_since is not None
    if row.unsure_since is not None and _left(row.unsure_since) > timedelta():
        await _defer(session, message_id, clock.real_now() + _left(row.unsure_since))
        return None
    row.attempts += 1
    row.unsure_since = clock.real_now()
    words, data = row.text, dict(row.named)
    if customer_messages.LINK in words:
        data["link"] = customer_messages.link_of(row)
        words = words.replace(customer_messages.LINK, data["link"])
    most = (await policies.policy(session)).rules.messages.most_attempts
    message = Message(str(row.id), row.kind, data, words, cast(Language, row.language))
    return _Due(message, Address(SMS, PHONE, row.phone), row.attempts, most, unsure)


def _left(unsure_since: datetime) -> timedelta:
    """How long the gateway may still take to list a call."""
    return unsure_since + RECORDED_WITHIN - clock.real_now()


async def _is_over(session: AsyncSession, row: CustomerMessage) -> bool:
    """A crew that no longer comes is not announced."""
    if customer_texts.catalogue().kinds[row.kind].link != "visit" and row.kind != "delay":
        return False
    order = await session.get_one(WorkOrder, row.order_id)
    return order.assignment_id != row.assignment_id or order.state != State.ENROUTE.value


def _is_old(row: CustomerMessage) -> bool:
    """Whether its words have lost their worth, by the age that the catalogue names."""
    good_for = timedelta(hours=customer_texts.catalogue().kinds[row.kind].good_for_h)
    return clock.now() - row.created_at > good_for


async def _send(channel: Channel, due: _Due) -> SendResult:
    if due.unsure:
        known = await channel.find(due.address, due.message)
        if known is not None:  # it went out, or nobody can say whether it did
            return known
    (result,) = await channel.send([due.address], due.message)
    return result


async def _settle(session: AsyncSession, message_id: UUID, due: _Due, result: SendResult) -> None:
    row = await session.get_one(CustomerMessage, message_id, with_for_update=True)
    row.provider_message_id, row.detail = result.message_id, result.detail
    if not result.asked:
        row.attempts -= 1
    if not due.unsure and (not result.asked or result.outcome is O.QUOTA):
        row.unsure_since = None  # it was refused, or never left the house
    if result.outcome is O.ACCEPTED:
        row.state, row.sent_at = "sent", clock.now()
        return
    # An outage uses up tries within minutes: while its words are worth it, it gets more.
    wait_s = retry_wait_s([result], due.attempt, most=math.inf)
    if wait_s is None or (due.attempt >= due.most_attempts and _is_old(row)):
        row.state = "failed"
        log.warning("a customer's message %s failed: %s", row.kind, result.outcome.value)
        return
    wait = timedelta(seconds=wait_s)
    if row.unsure_since is not None:
        wait = max(wait, _left(row.unsure_since))
    await _defer(session, message_id, clock.real_now() + wait)


async def _defer(session: AsyncSession, message_id: UUID, due_at: datetime) -> None:
    await jobs.defer(
        session,
        send_customer_message,
        lock=QUEUE_LOCK.format(message_id),
        at=clock.to_business(due_at),
        message_id=str(message_id),
    )


_LOST = """
SELECT id FROM customer_messages m
 WHERE state = 'queued' AND NOT EXISTS (
        SELECT FROM procrastinate_jobs j
         WHERE j.status IN ('todo', 'doing') AND j.args ->> 'message_id' = m.id::text)
 ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED
"""


async def requeue_lost(database: Database) -> int:
    """Queue again what waits without a job, such as one that failed too often; how many."""
    async with database.transaction() as session:
        lost = (await session.execute(text(_LOST), {"most": SWEPT_AT_ONCE})).all()
        for row in lost:
            await _defer(session, row.id, clock.real_now())
    return len(lost)
