"""Alarms climb their ladder until a phone of the crew has shown to know, or the matter is over.

Only the phone's own word ends an alarm: a command that names the order, or a sync that contained
it. What a provider says of a push never does. Timers are jobs with a sweep behind them.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed, settings
from app.core.db import Database
from app.core.ids import new_id
from app.core.jobs import defer
from app.notifications import ladders, outbox, policy, recipients, repository
from app.notifications.jobs import climb_ladder
from app.notifications.ladder_models import Alarm, Climb, Ladder
from app.notifications.models import Notification
from app.notifications.policy import UNHEARD, WITHDRAWN
from app.work_orders.models import WorkOrder

SWEPT_AT_ONCE = 200
log = logging.getLogger(__name__)


async def begin(
    session: AsyncSession, order: WorkOrder, key: str, crew_id: UUID, kind: str
) -> Alarm | None:
    """A new alarm for a crew; None when no ladder asks for one, or it was raised before.

    Add its messages, then let it `climb`: its first step is due at once.
    """
    now = clock.now()
    ladder = await ladders.ladder_for(session, kind, order.service_class, now)
    if ladder is None:
        return None
    alarm = Alarm(
        key=key,
        order_id=order.id,
        station_id=order.station_id,
        crew_id=crew_id,
        kind=kind,
        ladder_id=ladder.id,
        next_step_at=now,
        created_at=now,
    )
    statement = (
        insert(Alarm)
        .values(alarm.model_dump())
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(col(Alarm.id))
    )
    return alarm if (await session.execute(statement)).first() is not None else None


async def climb(session: AsyncSession, alarm_id: UUID, now: datetime) -> None:
    """Take every step that is due; nothing when it was heard, lost its point, or is at the top."""
    alarm = await _locked(session, alarm_id)
    if alarm is None or alarm.next_step_at is None or alarm.next_step_at > now:
        return
    if alarm.steps_taken > 0 and await _is_over(session, alarm):
        _close(alarm, now, "moot")
        return
    ladder = await session.get_one(Ladder, alarm.ladder_id)
    while alarm.next_step_at is not None and alarm.next_step_at <= now:
        await _take_step(session, alarm, ladder, now)
    if alarm.next_step_at is not None:
        await defer(session, climb_ladder, at=alarm.next_step_at, alarm_id=str(alarm.id))
    await session.flush()


async def _locked(session: AsyncSession, alarm_id: UUID) -> Alarm | None:
    """The alarm under its lock, after its order, which is how transitions lock them too."""
    await session.execute(
        text(
            "SELECT FROM work_orders o JOIN alarms a ON a.order_id = o.id WHERE a.id = :id"
            " FOR KEY SHARE OF o"
        ),
        {"id": alarm_id},
    )
    query = select(Alarm).where(Alarm.id == alarm_id).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def _is_over(session: AsyncSession, alarm: Alarm) -> bool:
    holds = await repository.crew_that_holds(session, alarm.order_id) == alarm.crew_id
    return policy.is_moot(alarm.kind, holds)


def _close(alarm: Alarm, now: datetime, why: str) -> None:
    alarm.closed_at, alarm.closed_why, alarm.next_step_at = now, why, None


@dataclass(frozen=True, slots=True)
class _Step:
    """What an act works with."""

    session: AsyncSession
    alarm: Alarm
    ladder: Ladder
    number: int
    now: datetime


async def _take_step(session: AsyncSession, alarm: Alarm, ladder: Ladder, now: datetime) -> None:
    step = _Step(session, alarm, ladder, alarm.steps_taken, now)
    local = now.astimezone(settings.current().zone).time()
    quiet = ladder.keeps_quiet and policy.is_quiet(local, ladder.quiet_from, ladder.quiet_until)
    at_work = not quiet or await recipients.on_shift(session, alarm.crew_id, now)
    acts = policy.acts_now(ladder.steps[step.number]["acts"], quiet=quiet, on_shift=at_work)
    assert alarm.next_step_at is not None
    session.add(
        Climb(
            alarm_id=alarm.id,
            step=step.number,
            due_at=alarm.next_step_at,
            at=now,
            acts=acts.taken,
            left_out=acts.left_out,
        )
    )
    for act in acts.taken:
        await ACTS[act](step)
    alarm.steps_taken += 1
    alarm.next_step_at = policy.due_after(alarm.created_at, ladder.steps, alarm.steps_taken)


async def _tell_members(step: _Step, channel: str) -> None:
    for each in await _messages(step):
        await _enqueue(step, channel, each)


async def _push(step: _Step) -> None:
    await _tell_members(step, outbox.PUSH)


async def _sms(step: _Step) -> None:
    await _tell_members(step, outbox.SMS)


async def _voice(step: _Step) -> None:
    """One call at a time: each step calls the next of the crew, beginning with the leader."""
    by_user = {each.user_id: each for each in await _messages(step)}
    crew = await recipients.crew(step.session, step.alarm.crew_id)
    called = [by_user[each.user_id] for each in crew if each.user_id in by_user]
    called = called or list(by_user.values())
    if called:
        nth = policy.nth_voice(step.ladder.steps, step.number)
        await _enqueue(step, outbox.VOICE, called[nth % len(called)])


async def _chief(step: _Step) -> None:
    """The chiefs on call by push and text, and the staff's group chat."""
    alarm = step.alarm
    for chief in await recipients.chiefs(step.session, alarm.station_id):
        told = Notification(
            id=new_id(),
            key=f"{alarm.key}:{UNHEARD}:{chief.user_id}",
            user_id=chief.user_id,
            order_id=alarm.order_id,
            alarm_id=alarm.id,
            kind=UNHEARD,
            data={"kind": UNHEARD, "order_id": str(alarm.order_id)},
            state="queued",
            created_at=step.now,
        )
        if await repository.add_once(step.session, told):
            await _enqueue(step, outbox.PUSH, told)
            await _enqueue(step, outbox.SMS, told)
    await outbox.enqueue(
        step.session, outbox.STAFF, about=alarm.id, step=step.number, alarm_id=alarm.id
    )


async def _red(step: _Step) -> None:
    step.alarm.red_at = step.now
    await tell_board(step.session, step.alarm.order_id, step.alarm.station_id)


ACTS: dict[str, Callable[[_Step], Awaitable[None]]] = {
    "push": _push,
    "sms": _sms,
    "voice": _voice,
    "chief": _chief,
    "red": _red,
}


async def tell_board(session: AsyncSession, order_id: UUID, station_id: UUID) -> None:
    """The dispatcher's list of unheard jobs changed."""
    await feed.append(session, "unheard", order_id, after=[feed.station_token(station_id)])


async def _messages(step: _Step) -> Sequence[Notification]:
    query = (
        select(Notification)
        .where(Notification.alarm_id == step.alarm.id, Notification.kind != UNHEARD)
        .order_by(col(Notification.id))
    )
    return (await step.session.exec(query)).all()


async def _enqueue(step: _Step, channel: str, told: Notification) -> None:
    await outbox.enqueue(
        step.session,
        channel,
        about=told.id,
        step=step.number,
        notification_id=told.id,
        alarm_id=step.alarm.id,
        user_id=told.user_id,
    )


_HEARD = """
UPDATE alarms a
   SET heard_at = :at, heard_by = told.user_id, next_step_at = NULL,
       closed_at = :at, closed_why = 'heard'
  FROM notifications told
 WHERE told.alarm_id = a.id AND told.id = ANY(:ids) AND told.kind <> :to_chief
   AND a.id IN (SELECT id FROM alarms
                 WHERE closed_at IS NULL
                   AND id IN (SELECT alarm_id FROM notifications WHERE id = ANY(:ids))
                 ORDER BY id FOR UPDATE)
RETURNING a.order_id, a.station_id, a.red_at
"""


async def heard(session: AsyncSession, notification_ids: Collection[UUID], at: datetime) -> None:
    """A phone of the crew has the news, so their alarms end; a chief's message ends none."""
    values = {"at": at, "to_chief": UNHEARD, "ids": list(notification_ids)}
    for row in (await session.execute(text(_HEARD), values)).all():
        if row.red_at is not None:
            await tell_board(session, row.order_id, row.station_id)


async def end_moot(
    session: AsyncSession, order_id: UUID, lost: UUID | None, holds: UUID | None
) -> None:
    """The order changed hands: what the old crew should do, and should not do, is settled."""
    rows = await session.execute(
        text(
            "UPDATE alarms SET closed_at = :at, closed_why = 'moot', next_step_at = NULL"
            " WHERE order_id = :order AND closed_at IS NULL AND"
            " ((crew_id = CAST(:lost AS uuid) AND kind <> :withdrawn)"
            "  OR (crew_id = CAST(:holds AS uuid) AND kind = :withdrawn))"
            " RETURNING station_id, red_at"
        ),
        {
            "at": clock.now(),
            "order": order_id,
            "lost": lost if lost != holds else None,
            "holds": holds,
            "withdrawn": WITHDRAWN,
        },
    )
    for row in rows.all():
        if row.red_at is not None:
            await tell_board(session, order_id, row.station_id)


async def sweep(database: Database) -> int:
    """Climb every ladder whose step is due, each in its own transaction; how many were due.

    The truth behind the timer jobs: it needs no queue, so a blocked queue lengthens no silence.
    """
    now = clock.now()
    query = (
        select(Alarm.id)
        .where(col(Alarm.next_step_at) <= now)
        .order_by(col(Alarm.next_step_at))
        .limit(SWEPT_AT_ONCE)
    )
    async with database.transaction() as session:
        due: list[Any] = list((await session.exec(query)).all())
    for alarm_id in due:
        try:
            async with database.transaction() as session:
                await climb(session, alarm_id, now)
        except Exception:
            log.exception("ALERT alarm %s could not climb, it is tried again", alarm_id)
    return len(due)
