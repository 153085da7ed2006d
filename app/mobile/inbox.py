"""The command inbox: each command a transaction of its own, answered once and for all.

The inbox row comes first, the effect in a savepoint, so that a refusal is committed with its
answer. Trouble that passes (a lock, a lost connection) is rolled back whole and may be sent
again; what would fail again is refused and the refusal stored, so that the queue goes on. No
command overtakes an earlier one of its device.
"""

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database, is_passing
from app.core.i18n import Language
from app.core.ids import new_id
from app.core.problems import Busy, InvalidInput, Problem, Unexpected
from app.core.scope import Principal
from app.identity.errors import DeviceRevoked, Unauthenticated
from app.identity.models import Device
from app.mobile import clocks, conflicts, execution, flags, inbox_store, policy, unread
from app.mobile.commands import measured
from app.mobile.errors import CommandIdReused, CommandNotTried, EarlierCommandsMissing
from app.mobile.execution import Tried
from app.mobile.flags import Doubt
from app.mobile.models import PhoneCommand
from app.mobile.schemas import (
    BatchAnswer,
    CommandAnswer,
    OrderStanding,
    Received,
    SequenceGap,
)
from app.notifications import service as notifications
from app.notifications.errors import NoDevice
from app.organisation import service as organisation

log = logging.getLogger(__name__)


async def receive(
    database: Database,
    principal: Principal,
    language: Language,
    batch: Sequence[Received],
    lost: Iterable[int] = (),
) -> BatchAnswer:
    """Work off a batch in the order of `device_seq`.

    Raises NoDevice, and DeviceRevoked or Unauthenticated once the device is another's.
    After a command that has to be sent again the rest is not tried, since a later act must not
    overtake an earlier. `lost` are numbers under which the phone has nothing.
    """
    if principal.device_id is None:
        raise NoDevice()
    answers: list[CommandAnswer] = []
    stopped: CommandAnswer | None = None
    numbered: list[tuple[int, Received | None]] = [(each.device_seq, each) for each in batch]
    numbered += [(seq, None) for seq in sorted(set(lost))]
    for seq, received in sorted(numbered, key=lambda each: each[0]):
        if received is None:
            if stopped is None:
                await _write_off(database, principal, seq)
            continue
        if stopped is not None:
            answers.append(_not_tried(received, stopped, language))
            continue
        answer = await _answer_apart(database, principal, language, received)
        stopped = answer if answer.outcome == "retry" else None
        answers.append(answer)
    async with database.transaction() as session:
        last_seq = (await inbox_store.device(session, principal.device_id)).last_command_seq
    gaps = policy.gaps(last_seq, [each.device_seq for each in batch])
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
    except (DeviceRevoked, Unauthenticated):
        raise
    except Exception as error:
        if is_passing(error):
            log.warning("command %s waits for better times", received.id, exc_info=error)
            return _retry(received, Busy(), language)
        broken = error
    try:
        async with database.transaction() as session:
            return await _refuse_broken(session, principal, language, received, broken)
    except (DeviceRevoked, Unauthenticated):
        raise
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


def _not_tried(received: Received, stopped: CommandAnswer, language: Language) -> CommandAnswer:
    """After trouble of ours, or after a gap: both times it must wait for those before it."""
    if stopped.expected_seq is None:
        return _retry(received, CommandNotTried(), language)
    return _too_early(received, stopped.expected_seq, language)


def _too_early(received: Received, expected_seq: int, language: Language) -> CommandAnswer:
    answer = _retry(received, EarlierCommandsMissing(expected=expected_seq), language)
    answer.expected_seq = expected_seq
    return answer


async def _answer(
    session: AsyncSession, principal: Principal, language: Language, received: Received
) -> CommandAnswer:
    device = await inbox_store.locked_device(session, principal)
    stored = await inbox_store.known(session, received.id)
    expected_seq = device.last_command_seq + 1
    if stored is None and received.device_seq > expected_seq:
        return _too_early(received, expected_seq, language)
    if stored is None:
        stored = await inbox_store.claim(session, inbox_store.row_of(principal, received))
    if stored is not None:
        return await _repeated(session, device, stored, principal, language, received)
    answer = await _try(session, principal, device, language, received)
    if received.device_seq < expected_seq:
        doubt = Doubt("sequence_reused", {"device_seq": received.device_seq})
        await flags.put(session, principal, None, doubt, str(received.id), command_id=received.id)
    return await _kept(session, device.id, received, answer)


async def _write_off(database: Database, principal: Principal, seq: int) -> None:
    """The phone has nothing under the next number: keep that, tell the chief, and go on.

    What came under it in the days before the device was lent to somebody is not lost.
    """
    async with database.transaction() as session:
        device = await inbox_store.locked_device(session, principal)
        if seq != device.last_command_seq + 1:
            return
        await inbox_store.raise_last_seq(session, device.id, seq)
        if await inbox_store.is_numbered(session, principal, seq):
            return
        await inbox_store.write_off(session, principal, seq)
        doubt = Doubt("commands_lost", {"device_seq": seq})
        await flags.put(session, principal, None, doubt, f"{device.id}:{principal.id}:{seq}")


async def _refuse_broken(
    session: AsyncSession,
    principal: Principal,
    language: Language,
    received: Received,
    error: Exception,
) -> CommandAnswer:
    """Refuse what broke us and tell the chief; what was said is kept, unless it cannot be."""
    device = await inbox_store.locked_device(session, principal)
    row = inbox_store.row_of(principal, received)
    stored = await inbox_store.claim_bare_at_worst(session, row)
    if stored is not None:  # its twin got through meanwhile
        return await _repeated(session, device, stored, principal, language, received)
    problem = _logged(received, error)
    doubt = Doubt("command_broken", {"kind": row.kind, "trace_id": problem.members["trace_id"]})
    await flags.put(session, principal, None, doubt, str(row.id), command_id=row.id)
    answer = CommandAnswer(
        id=received.id,
        device_seq=received.device_seq,
        outcome="refused",
        problem=problem.body(language),
    )
    return await _kept(session, device.id, received, answer)


async def _repeated(
    session: AsyncSession,
    device: Device,
    stored: PhoneCommand,
    principal: Principal,
    language: Language,
    received: Received,
) -> CommandAnswer:
    """The answer to an id that is known; the count goes on, else a device taken back sticks."""
    if received.device_seq == device.last_command_seq + 1:
        await inbox_store.raise_last_seq(session, device.id, received.device_seq)
    return _answered_before(stored, principal, language, received)


async def _kept(
    session: AsyncSession, device_id: UUID, received: Received, answer: CommandAnswer
) -> CommandAnswer:
    await inbox_store.raise_last_seq(session, device_id, received.device_seq)
    await inbox_store.store_answer(
        session, received.id, answer.outcome, answer.model_dump(mode="json")
    )
    return answer


async def _note_presence(session: AsyncSession, principal: Principal, tried: Tried) -> None:
    """Refused or not, the technician is on line; a queued command does not say where."""
    if principal.technician_id is None or tried.when is None:
        return
    now = clock.now()
    place = measured(tried.command.place)
    known = place is not None and now - tried.when.at <= policy.FRESH
    where = (place.lon, place.lat) if known and place else None
    await organisation.touch_presence(session, principal.technician_id, now, where)


async def _try(
    session: AsyncSession,
    principal: Principal,
    device: Device,
    language: Language,
    received: Received,
) -> CommandAnswer:
    answer = CommandAnswer(id=received.id, device_seq=received.device_seq, outcome="refused")
    if received.command is None:
        problem = InvalidInput("the command cannot be read", errors=received.errors)
        answer.problem = problem.body(language)
        await unread.tell(session, principal, received)
        return answer
    if received.strange_time is not None:
        await clocks.strange(session, principal, {"client_at": received.strange_time})
    tried = await execution.attempt(session, principal, device, received.command)
    await _tell(session, principal, language, answer, tried)
    await notifications.acknowledge_order(session, principal.id, received.command.order_id)
    await _note_presence(session, principal, tried)
    return answer


async def _tell(
    session: AsyncSession,
    principal: Principal,
    language: Language,
    answer: CommandAnswer,
    tried: Tried,
) -> None:
    """Fill in the answer, and put what the state did not allow into the conflict inbox."""
    answer.result = tried.result
    if tried.when is not None:
        await inbox_store.note_corrected(session, answer.id, tried.when.at)
    if tried.problem is None:
        answer.outcome = "applied"
    else:
        answer.problem = tried.problem.body(language)
    order = tried.conflict.order if tried.conflict is not None else tried.order
    if tried.conflict is not None and tried.when is not None and answer.problem is not None:
        kept = await conflicts.keep(
            session, principal, tried.command, tried.conflict, answer.problem, tried.when.at
        )
        answer.outcome, answer.conflict_id = "conflict", kept.id
        answer.conflict_reason = tried.conflict.reason
    if order is not None and answer.outcome != "refused":
        answer.order = OrderStanding(id=order.id, state=order.state, version=order.version)


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
