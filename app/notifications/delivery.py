"""Sending one notification: read, send with no transaction open, write the result."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.notifications import repository
from app.notifications.channels import RETRYABLE, Address, Channels, Message, Outcome, SendResult
from app.notifications.models import DeliveryAttempt, Notification, PushAddress
from app.notifications.policy import is_moot

MOST_ATTEMPTS = 6
QUOTA_WAIT_S = 60.0
BACK_OFF_S = 5.0
LONGEST_BACK_OFF_S = 300.0

Again = Callable[[AsyncSession, UUID, int, float], Awaitable[None]]
"""Queues the next attempt: notification, its number, real seconds from now."""

log = logging.getLogger(__name__)
_chance = random.Random()


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be sent where; read in one short transaction."""

    notification_id: UUID
    data: dict[str, str]
    addresses: tuple[PushAddress, ...]


async def deliver(
    database: Database, channels: Channels, notification_id: UUID, attempt: int, again: Again
) -> None:
    """Send to each live address of the person, then keep results and queue what must be retried.

    Does nothing when the message was settled, was acknowledged by a pull, or lost its point.
    """
    async with database.transaction() as session:
        due = await _due(session, channels, notification_id)
    if due is None:
        return
    results = await _send(channels, due)
    async with database.transaction() as session:
        await _settle(session, due, results, attempt, again)


async def _send(channels: Channels, due: Due) -> list[SendResult]:
    """One result per address of `due`, in its order; providers are asked side by side."""
    message = Message(key=str(due.notification_id), kind=due.data["kind"], data=due.data)
    per_provider: dict[str, list[int]] = {}
    for place, row in enumerate(due.addresses):
        per_provider.setdefault(row.provider, []).append(place)

    async def ask(provider: str, places: list[int]) -> list[tuple[int, SendResult]]:
        rows = [due.addresses[place] for place in places]
        asked = [Address(row.provider, row.kind, row.address) for row in rows]
        return list(zip(places, await channels[provider].send(asked, message), strict=True))

    answers = await asyncio.gather(*(ask(*each) for each in per_provider.items()))
    by_place = dict(pair for answer in answers for pair in answer)
    return [by_place[place] for place in range(len(due.addresses))]


async def _due(session: AsyncSession, channels: Channels, notification_id: UUID) -> Due | None:
    notification = await session.get(Notification, notification_id)
    if notification is None or notification.state != "queued":
        return None
    if notification.acknowledged_at is not None or await _lost_its_point(session, notification):
        notification.state = "moot"
        return None
    live = await repository.live_addresses(session, notification)
    addresses = tuple(address for address in live if address.provider in channels)
    if not addresses:
        accepted = await repository.was_accepted(session, notification.id)
        notification.state = "sent" if accepted else "no_address"
        return None
    data = {**notification.data, "notification_id": str(notification.id)}
    return Due(notification.id, data, addresses)


async def _lost_its_point(session: AsyncSession, notification: Notification) -> bool:
    if notification.order_id is None:
        return False
    crew_id = await repository.crew_that_holds(session, notification.order_id)
    holders = await repository.members(session, crew_id) if crew_id else []
    return is_moot(notification.kind, notification.user_id in holders)


async def _settle(
    session: AsyncSession, due: Due, results: list[SendResult], attempt: int, again: Again
) -> None:
    at = clock.now()
    for address, result in zip(due.addresses, results, strict=True):
        session.add(_attempt(due, address, result))
        if result.outcome is Outcome.UNREGISTERED:
            await repository.bury(session, address, at, result.detail or "unregistered")
        elif result.outcome is Outcome.MISCONFIGURED:
            log.error(
                "ALERT push by %s is misconfigured, nobody is woken: %s",
                address.provider,
                result.detail,
            )
    await session.flush()
    wait_s = retry_wait_s(results, attempt)
    if wait_s is not None:
        await again(session, due.notification_id, attempt + 1, wait_s)
        return
    notification = await session.get_one(Notification, due.notification_id)
    if await repository.was_accepted(session, due.notification_id):
        notification.state, notification.sent_at = "sent", at
    elif all(result.outcome is Outcome.UNREGISTERED for result in results):
        notification.state = "no_address"
    else:
        notification.state = "failed"


def _attempt(due: Due, address: PushAddress, result: SendResult) -> DeliveryAttempt:
    return DeliveryAttempt(
        notification_id=due.notification_id,
        address_id=address.id,
        at=clock.now(),
        result=result.outcome.value,
        provider_message_id=result.message_id,
        detail=result.detail,
    )


def retry_wait_s(results: list[SendResult], attempt: int) -> float | None:
    """Real seconds until the next attempt, or None when nothing is worth another.

    A provider's Retry-After is kept to; else quota waits a minute and an outage backs off from
    5 s, doubling. Up to a fifth is added by chance, so that messages do not return in step.
    """
    again = [result for result in results if result.outcome in RETRYABLE]
    if not again or attempt >= MOST_ATTEMPTS:
        return None
    back_off_s = min(BACK_OFF_S * 2 ** (attempt - 1), LONGEST_BACK_OFF_S)
    waits = [
        result.retry_after_s
        if result.retry_after_s is not None
        else (QUOTA_WAIT_S if result.outcome is Outcome.QUOTA else back_off_s)
        for result in again
    ]
    return max(waits) * _chance.uniform(1.0, 1.2)
