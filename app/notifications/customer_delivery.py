"""Sending one text message to a customer: once, though workers die between any two steps.

The gateway gets the message's id as its key. A call is noted before it is made: who finds one
whose end nobody saw waits until the gateway's records must show it, asks what became of it, and
sends only what it never heard of. While it cannot say, nothing is sent: better late than twice.
"""

import logging
import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as policies
from app.core import clock, sql
from app.core.db import Database
from app.core.i18n import Language
from app.notifications import customer_messages, customer_texts, customer_worth
from app.notifications.channels import PHONE, SMS, Address, Channel, Channels, Message, SendResult
from app.notifications.channels import Outcome as O
from app.notifications.customer_models import CustomerMessage
from app.notifications.retrying import UNTIL_MENDED_S, retry_wait_s

RECORDED_WITHIN = timedelta(seconds=60)
"""So late a gateway may list what it took; what is not listed before that proves nothing."""
NO_GATEWAY = "no gateway for text messages is configured"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    message: Message
    address: Address
    attempt: int
    most_attempts: int
    unsure: bool
    """An earlier call may have gone out."""
    over: str | None = None
    """It lost its point: what became of the earlier call is asked, and without one it ends so."""


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
    locked = select(CustomerMessage).where(
        CustomerMessage.id == message_id,
        CustomerMessage.state == "queued",
        CustomerMessage.due_at <= clock.real_now(),
    )
    row = (await session.exec(locked.with_for_update(skip_locked=True))).first()
    if row is None:
        return None
    over = await customer_worth.lost(session, row) or _too_old(row)
    if over is not None and (row.unsure_since is None or SMS not in channels):
        row.state = over
        return None
    if SMS not in channels:
        row.detail = NO_GATEWAY
        row.due_at = clock.real_now() + timedelta(seconds=UNTIL_MENDED_S)
        return None
    unsure = row.unsure_since is not None
    if row.unsure_since is not None and _left(row.unsure_since) > timedelta():
        row.due_at = clock.real_now() + _left(row.unsure_since)
        return None
    row.attempts += 1
    row.unsure_since = clock.real_now()
    row.due_at = row.unsure_since + RECORDED_WITHIN  # whoever finds it then asks what became of it
    words, data = row.text, dict(row.named)
    if customer_messages.LINK in words:
        data["link"] = customer_messages.link_of(row)
        words = words.replace(customer_messages.LINK, data["link"])
    most = (await policies.policy(session)).rules.messages.most_attempts
    message = Message(str(row.id), row.kind, data, words, cast(Language, row.language))
    address = Address(SMS, PHONE, row.phone)
    return _Due(message, address, row.attempts, most, unsure, over)


def _left(unsure_since: datetime) -> timedelta:
    """How long the gateway may still take to list a call."""
    return unsure_since + RECORDED_WITHIN - clock.real_now()


def _too_old(row: CustomerMessage) -> str | None:
    """What becomes of words that nobody took while they were worth it."""
    if not _is_old(row):
        return None
    return "moot" if row.attempts == 0 and row.detail is None else "failed"


def _is_old(row: CustomerMessage) -> bool:
    """Whether its words have lost their worth, by the age that the catalogue names."""
    good_for = timedelta(hours=customer_texts.catalogue().kinds[row.kind].good_for_h)
    return clock.now() - row.created_at > good_for


async def _send(channel: Channel, due: _Due) -> SendResult | None:
    """What the gateway said; None when it was not asked to send, and never was before.

    A channel never raises; one that does all the same counts as an outage.
    """
    try:
        return await _said(channel, due)
    except Exception as error:
        log.exception("ALERT the gateway of customers' texts raised")
        return SendResult(O.UNAVAILABLE, detail=repr(error)[:500])


async def _said(channel: Channel, due: _Due) -> SendResult | None:
    if due.unsure:
        known = await channel.find(due.address, due.message)
        if known is not None:  # it went out, or nobody can say whether it did
            return known
    if due.over is not None:
        return None
    (result,) = await channel.send([due.address], due.message)
    return result


async def _settle(
    session: AsyncSession, message_id: UUID, due: _Due, result: SendResult | None
) -> None:
    row = await session.get_one(CustomerMessage, message_id, with_for_update=True)
    if row.state != "queued" or row.attempts != due.attempt:
        return  # another worker took it over meanwhile: its word counts
    if result is None:
        row.state, row.attempts, row.unsure_since = due.over or "moot", row.attempts - 1, None
        return
    row.provider_message_id, row.detail = result.message_id, result.detail
    if not result.asked:
        row.attempts -= 1
    kept_out = not result.asked or result.outcome in (O.QUOTA, O.MISCONFIGURED)
    if kept_out and not due.unsure:
        row.unsure_since = None  # it was refused, or never left the house
    if result.outcome is O.ACCEPTED:
        row.state, row.sent_at = "sent", clock.now()
        return
    if result.outcome is O.MISCONFIGURED:
        log.error("ALERT the text gateway is misconfigured, customers wait: %s", result.detail)
    # An outage uses up tries within minutes: while its words are worth it, it gets more.
    wait_s = retry_wait_s([result], due.attempt, most=math.inf)
    if wait_s is None or (due.attempt >= due.most_attempts and _is_old(row)):
        row.state = "failed"
        log.warning("a customer's message %s failed: %s", row.kind, result.outcome.value)
        return
    wait = timedelta(seconds=wait_s)
    if row.unsure_since is not None:
        wait = max(wait, _left(row.unsure_since))
    row.due_at = clock.real_now() + wait


_DUE = """
SELECT id FROM customer_messages
 WHERE state = 'queued' AND due_at <= :now AND id <> ALL(:others) ORDER BY due_at LIMIT :most
"""


async def due(database: Database, most: int, but_for: Collection[UUID]) -> list[UUID]:
    """Messages whose turn has come, the longest due first."""
    values = {"now": clock.real_now(), "others": list(but_for), "most": most}
    async with database.transaction() as session:
        return [row.id for row in await sql.rows(session, _DUE, values)]
