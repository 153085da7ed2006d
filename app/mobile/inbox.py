"""The command inbox: each command a transaction of its own, answered once and for all.

The inbox row comes first, the effect in a savepoint, so that a refusal is committed with its
answer. Trouble that passes (a lock, a lost connection) is rolled back whole and may be sent
again; what would fail again is refused and the refusal stored, so that the queue goes on.
"""

import logging
from collections.abc import Iterable
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database, is_passing
from app.core.i18n import Language
from app.core.ids import new_id
from app.core.problems import Busy, InvalidInput, Problem, Unexpected
from app.core.scope import Principal
from app.mobile import policy, repository
from app.mobile.commands import carry_out, measured
from app.mobile.errors import CommandIdReused, CommandNotTried
from app.mobile.models import PhoneCommand
from app.mobile.schemas import (
    BatchAnswer,
    CommandAnswer,
    CommandIn,
    OrderStanding,
    Received,
    SequenceGap,
)
from app.notifications import service as notifications
from app.notifications.errors import NoDevice
from app.organisation import service as organisation

log = logging.getLogger(__name__)


async def receive(
    database: Database, principal: Principal, language: Language, batch: Iterable[Received]
) -> BatchAnswer:
    """Work off a batch in the order of `device_seq`; raises NoDevice.

    After trouble that passes the rest is not tried, since a later act must not overtake an
    earlier.
    """
    if principal.device_id is None:
        raise NoDevice()
    answers: list[CommandAnswer] = []
    stopped = False
    for received in sorted(batch, key=lambda each: each.device_seq):
        if stopped:
            answers.append(_retry(received, CommandNotTried(), language))
            continue
        answer = await _answer_apart(database, principal, language, received)
        stopped = answer.outcome == "retry"
        answers.append(answer)
    async with database.transaction() as session:
        last_seq, gaps = await repository.sequence(session, principal.device_id, principal.id)
    return BatchAnswer(
        answers=answers,
        last_seq=last_seq,
        gaps=[SequenceGap(first=first, last=last) for first, last in gaps],
        server_time=clock.now(),
    )


async def _answer_apart(
    database: Database, principal: Principal, language: Language, received: Received
) -> CommandAnswer:
    try:
        async with database.transaction() as session:
            return await _answer(session, principal, language, received)
    except Exception as error:
        if is_passing(error):
            log.warning("command %s waits for better times", received.id, exc_info=error)
            return _retry(received, Busy(), language)
        unexpected = _logged(received, error)
    try:
        async with database.transaction() as session:
            return await _refuse_unread(session, principal, language, received, unexpected)
    except Exception as error:
        return _retry(received, _logged(received, error), language)


def _logged(received: Received, error: Exception) -> Unexpected:
    trace_id = str(new_id())
    log.error("command %s failed, trace_id=%s", received.id, trace_id, exc_info=error)
    return Unexpected(trace_id=trace_id)


def _retry(received: Received, problem: Problem, language: Language) -> CommandAnswer:
    return CommandAnswer(
        id=received.id,
        device_seq=received.device_seq,
        outcome="retry",
        problem=problem.body(language),
    )


async def _answer(
    session: AsyncSession, principal: Principal, language: Language, received: Received
) -> CommandAnswer:
    assert principal.device_id is not None
    skew_ms, last_seq = await repository.locked_device(session, principal.device_id)
    stored = await repository.claim(session, _inbox_row(principal, received))
    if stored is not None:
        return _answered_before(stored, principal, language, received)
    answer = await _try(session, principal, language, received, skew_ms)
    if received.command is not None:
        await _note_presence(session, principal, received.command, skew_ms)
        await notifications.acknowledge_order(session, principal.id, received.command.order_id)
    return await _kept(session, principal.device_id, received, answer, last_seq)


async def _refuse_unread(
    session: AsyncSession,
    principal: Principal,
    language: Language,
    received: Received,
    unexpected: Unexpected,
) -> CommandAnswer:
    """Refuse what broke us, and keep nothing of its content, which may be what cannot be kept."""
    assert principal.device_id is not None
    _, last_seq = await repository.locked_device(session, principal.device_id)
    row = _inbox_row(principal, received)
    row.body, row.client_at = {}, row.received_at
    stored = await repository.claim(session, row)
    if stored is not None:  # its twin got through meanwhile
        return _answered_before(stored, principal, language, received)
    answer = CommandAnswer(
        id=received.id,
        device_seq=received.device_seq,
        outcome="refused",
        problem=unexpected.body(language),
    )
    return await _kept(session, principal.device_id, received, answer, last_seq)


async def _kept(
    session: AsyncSession,
    device_id: UUID,
    received: Received,
    answer: CommandAnswer,
    last_seq: int,
) -> CommandAnswer:
    if received.device_seq > last_seq + 1:
        answer.expected_seq = last_seq + 1
    await repository.raise_last_seq(session, device_id, received.device_seq)
    await repository.store_answer(
        session, received.id, answer.outcome, answer.model_dump(mode="json")
    )
    return answer


async def _note_presence(
    session: AsyncSession, principal: Principal, command: CommandIn, skew_ms: int | None
) -> None:
    """Refused or not, the technician is on line; a queued command does not say where."""
    if principal.technician_id is None:
        return
    now = clock.now()
    when = policy.corrected(command.client_at, skew_ms, None, now)
    place = measured(command.place)
    known = place is not None and now - when.at <= policy.FRESH
    where = (place.lon, place.lat) if known and place else None
    await organisation.touch_presence(session, principal.technician_id, now, where)


async def _try(
    session: AsyncSession,
    principal: Principal,
    language: Language,
    received: Received,
    skew_ms: int | None,
) -> CommandAnswer:
    answer = CommandAnswer(id=received.id, device_seq=received.device_seq, outcome="refused")
    try:
        if received.command is None:
            raise InvalidInput("the command cannot be read", errors=received.errors)
        async with session.begin_nested():
            order, result = await carry_out(session, principal, received.command, skew_ms)
            standing = OrderStanding(id=order.id, state=order.state, version=order.version)
    except Problem as problem:
        answer.problem = problem.body(language)
        return answer
    answer.outcome, answer.order, answer.result = "applied", standing, result
    return answer


def _answered_before(
    stored: PhoneCommand, principal: Principal, language: Language, received: Received
) -> CommandAnswer:
    """The stored answer to its own sender; anybody else's id, or another body, is refused."""
    same = stored.body_hash == received.body_hash and stored.user_id == principal.id
    if same and stored.device_id == principal.device_id:
        return CommandAnswer.model_validate({**stored.answer, "replayed": True})
    return CommandAnswer(
        id=received.id,
        device_seq=received.device_seq,
        outcome="refused",
        problem=CommandIdReused().body(language),
    )


def _inbox_row(principal: Principal, received: Received) -> PhoneCommand:
    assert principal.device_id is not None
    command, now = received.command, clock.now()
    return PhoneCommand(
        id=received.id,
        user_id=principal.id,
        device_id=principal.device_id,
        device_seq=received.device_seq,
        order_id=command.order_id if command else None,
        kind=command.kind if command else "unreadable",
        body=command.model_dump(mode="json", exclude_none=True) if command else {},
        body_hash=received.body_hash,
        client_at=command.client_at if command else now,
        received_at=now,
        outcome="refused",
        answer={},
    )
