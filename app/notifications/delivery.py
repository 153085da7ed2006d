"""Sending one message: claim it, send with no transaction open, write what became of it.

A claim is a lease: a worker that dies between claim and note leaves `started` attempts behind,
and whoever repeats the message asks the gateway first whether it went out.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.notifications import claims, outbox, repository
from app.notifications.channels import Address, Channels, Message, Outcome, SendResult
from app.notifications.claims import Due, Try
from app.notifications.models import DeliveryAttempt, Dispatch
from app.notifications.retrying import retry_wait_s

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said, and how long it took."""

    result: SendResult
    took_ms: int


async def deliver(database: Database, channels: Channels, dispatch_id: UUID) -> None:
    """Send to each address of the person, then keep results and queue what must be retried.

    Does nothing when another worker has it, when it was heard already, or lost its point.
    """
    async with database.transaction() as session:
        due = await claims.claim(session, channels, dispatch_id)
    if due is None:
        return
    answers = await _send(channels, due)
    async with database.transaction() as session:
        await settle(session, due, answers)


async def _send(channels: Channels, due: Due) -> list[Answer]:
    """One answer per try, in their order; providers are asked side by side."""
    places = sorted(range(len(due.tries)), key=lambda place: due.tries[place].address.provider)
    groups = [list(group) for _, group in groupby(places, lambda n: due.tries[n].address.provider)]
    told = await asyncio.gather(
        *(_ask(channels, [due.tries[place] for place in group], due.message) for group in groups)
    )
    by_place = {
        place: answer
        for group, answers in zip(groups, told, strict=True)
        for place, answer in zip(group, answers, strict=True)
    }
    return [by_place[place] for place in range(len(due.tries))]


async def _ask(channels: Channels, tries: Sequence[Try], message: Message) -> list[Answer]:
    channel = channels[tries[0].address.provider]
    began = clock.monotonic()
    known = [await channel.find(each.address, message) if each.unsure else None for each in tries]
    asked = [each.address for each, found in zip(tries, known, strict=True) if found is None]
    sent = iter(await channel.send(asked, message) if asked else [])
    took_ms = round((clock.monotonic() - began) * 1000)
    return [Answer(found or next(sent), took_ms) for found in known]


async def settle(session: AsyncSession, due: Due, answers: Sequence[Answer]) -> None:
    """Write the results, then what they mean for the message, in the order of ids."""
    now = clock.now()
    dispatches = await claims.locked(session, due.all_ids)
    for each, answer in zip(due.tries, answers, strict=True):
        attempt = await session.get_one(DeliveryAttempt, each.attempt_id)
        if not answer.result.asked:
            await session.delete(attempt)
            continue
        attempt.ended_at, attempt.took_ms = now, answer.took_ms
        attempt.result, attempt.detail = answer.result.outcome.value, answer.result.detail
        attempt.provider_message_id = answer.result.message_id
        await _mind(session, attempt, each.address, answer.result)
    results = [answer.result for answer in answers]
    accepted = any(each.outcome is Outcome.ACCEPTED for each in results) or (
        due.attempt > 1 and await claims.was_accepted(session, due.dispatch_id)
    )
    wait_s = retry_wait_s(results, due.attempt)
    left_alone = not any(each.asked for each in results)
    for row in dispatches:
        row.leased_until = None
        row.attempt -= left_alone and row.id == due.dispatch_id
        if wait_s is not None:
            row.state = "queued"
            row.due_at = clock.real_now() + timedelta(seconds=wait_s)
        elif accepted:
            row.state, row.sent_at = "sent", now
        else:
            row.state = "no_address" if _nobody_there(results) else "failed"
    await session.flush()
    if wait_s is not None:
        lead = next(row for row in dispatches if row.id == due.dispatch_id)
        await outbox.defer_send(session, lead.id, lead.channel, lead.due_at)
    await repository.sum_up(session, _notifications(dispatches), now)


def _notifications(dispatches: Sequence[Dispatch]) -> list[UUID]:
    return [row.notification_id for row in dispatches if row.notification_id is not None]


def _nobody_there(results: Sequence[SendResult]) -> bool:
    """Whether no address could be woken at all: dead ones, and those that only pull."""
    return all(each.outcome in (Outcome.UNREGISTERED, Outcome.WAITING) for each in results)


async def _mind(
    session: AsyncSession, attempt: DeliveryAttempt, address: Address, result: SendResult
) -> None:
    """Bury a dead address; tell people when our own credentials are wrong."""
    if result.outcome is Outcome.UNREGISTERED and attempt.address_id is not None:
        why = result.detail or "unregistered"
        # A registration that came after the call began stands.
        await repository.bury(session, attempt.address_id, attempt.at, clock.now(), why)
    elif result.outcome is Outcome.MISCONFIGURED:
        log.error(
            "ALERT %s is misconfigured, nobody is reached: %s", address.provider, result.detail
        )
