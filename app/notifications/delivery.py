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
from app.notifications import claims, dispatch_rows, repository
from app.notifications.channels import Channel, Channels, Message, Outcome, SendResult
from app.notifications.claims import Due, Try
from app.notifications.retrying import retry_wait_s

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said, and how long it took."""

    result: SendResult
    took_ms: int


async def deliver(database: Database, channels: Channels, dispatch_id: UUID) -> None:
    """Send to each address of the person, then keep results and say when to retry.

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
    """A channel never raises; one that does all the same counts as an outage, so that it ends."""
    began = clock.monotonic()
    try:
        results = await _said(channels[tries[0].address.provider], tries, message)
    except Exception as error:
        log.exception("ALERT the channel %s raised", tries[0].address.provider)
        results = [SendResult(Outcome.UNAVAILABLE, detail=repr(error)[:500])] * len(tries)
    took_ms = round((clock.monotonic() - began) * 1000)
    return [Answer(result, took_ms) for result in results]


async def _said(channel: Channel, tries: Sequence[Try], message: Message) -> list[SendResult]:
    known = [await channel.find(each.address, message) if each.unsure else None for each in tries]
    asked = [each.address for each, found in zip(tries, known, strict=True) if found is None]
    sent = iter(await channel.send(asked, message) if asked else [])
    return [found or next(sent) for found in known]


async def settle(session: AsyncSession, due: Due, answers: Sequence[Answer]) -> None:
    """Write the results, then what they mean for the message."""
    now = clock.now()
    results = [answer.result for answer in answers]
    wait_s = retry_wait_s(results, due.attempt)
    state = "queued" if wait_s is not None else await _end_of(session, due, results)
    told = await dispatch_rows.settle(
        session,
        due.dispatch_id,
        due.all_ids,
        state,
        attempt=due.attempt,
        untried=not any(each.asked for each in results),
        due_at=None if wait_s is None else clock.real_now() + timedelta(seconds=wait_s),
        sent_at=now if state == "sent" else None,
    )
    for each, answer in zip(due.tries, answers, strict=True):
        await _note(session, each, answer)
    await repository.sum_up(session, told, now)


async def _end_of(session: AsyncSession, due: Due, results: Sequence[SendResult]) -> str:
    """The state of a message that is not tried again; dead addresses and such that only pull
    mean that nobody was there.
    """
    accepted = any(each.outcome is Outcome.ACCEPTED for each in results)
    if accepted or (due.attempt > 1 and await dispatch_rows.was_accepted(session, due.dispatch_id)):
        return "sent"
    nobody = all(each.outcome in (Outcome.UNREGISTERED, Outcome.WAITING) for each in results)
    return "no_address" if nobody else "failed"


async def _note(session: AsyncSession, tried: Try, answer: Answer) -> None:
    """Keep what the provider said; bury a dead address, and tell people of wrong credentials."""
    result = answer.result
    if not result.asked:
        await dispatch_rows.untried(session, tried.attempt_id)
        return
    attempt = await dispatch_rows.ended(
        session,
        tried.attempt_id,
        took_ms=answer.took_ms,
        result=result.outcome.value,
        detail=result.detail,
        message_id=result.message_id,
    )
    if result.outcome is Outcome.UNREGISTERED and attempt.address_id is not None:
        why = result.detail or "unregistered"
        # A registration that came after the call began stands.
        await repository.bury(session, attempt.address_id, attempt.at, clock.now(), why)
    elif result.outcome is Outcome.MISCONFIGURED:
        log.error(
            "ALERT %s is misconfigured, nobody is reached: %s",
            tried.address.provider,
            result.detail,
        )
