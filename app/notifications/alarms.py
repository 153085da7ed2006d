"""Alarms climb their ladder until a phone of the crew has shown to know, or the matter is over.

Only the phone's own word ends an alarm: a command that names the order, or a sync that contained
it. What a provider says of a push never does. Timers are jobs with a sweep behind them. At the top
of a ladder that turns nothing red an alarm ends as `climbed`; a late word still makes it heard.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.db import Database
from app.core.jobs import defer
from app.notifications import ladders, policy, repository, steps
from app.notifications.jobs import climb_ladder
from app.notifications.ladder_models import Alarm, Ladder
from app.notifications.models import Notification
from app.notifications.policy import WITHDRAWN
from app.notifications.steps import Step
from app.work_orders.models import WorkOrder

SWEPT_AT_ONCE = 200
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """A new alarm with the ladder that it climbs."""

    alarm: Alarm
    ladder: Ladder


async def begin(
    session: AsyncSession, order: WorkOrder, key: str, crew_id: UUID, kind: str
) -> Begun | None:
    """A new alarm for a crew; None when no ladder asks for one, or it was raised before.

    It is written as one that has taken its first step: add its messages, then `take_first_step`.
    """
    now = clock.now()
    ladder = await ladders.ladder_for(session, kind, order.service_class, now)
    if ladder is None:
        return None
    next_step_at = policy.due_after(now, ladder.steps, 1)
    alarm = Alarm(
        key=key,
        order_id=order.id,
        station_id=order.station_id,
        crew_id=crew_id,
        kind=kind,
        ladder_id=ladder.id,
        steps_taken=1,
        next_step_at=next_step_at,
        created_at=now,
        closed_at=None if next_step_at else now,
        closed_why=None if next_step_at else "climbed",
    )
    new = await sql.insert_once(session, "alarms", alarm.model_dump())
    return Begun(alarm, ladder) if new else None


async def take_first_step(
    session: AsyncSession, begun: Begun, told: Sequence[Notification]
) -> None:
    """Tell its messages; nobody else can see the alarm yet: nothing is locked or read again."""
    alarm = begun.alarm
    first = Step(session, alarm, begun.ladder, 0, alarm.created_at, told)
    await steps.take(first, alarm.created_at)
    if alarm.next_step_at is not None:
        await defer(session, climb_ladder, at=alarm.next_step_at, alarm_id=str(alarm.id))
    await session.flush()


async def climb(session: AsyncSession, alarm_id: UUID, now: datetime) -> None:
    """Take every step that is due; nothing when it was heard, lost its point, or is at the top."""
    alarm = await _locked(session, alarm_id)
    if alarm is None or alarm.next_step_at is None or alarm.next_step_at > now:
        return
    if await _is_over(session, alarm):
        _close(alarm, now, "moot")
        return
    ladder = await session.get_one(Ladder, alarm.ladder_id)
    while alarm.next_step_at is not None and alarm.next_step_at <= now:
        await _take_step(session, alarm, ladder, now)
    if alarm.next_step_at is not None:
        await defer(session, climb_ladder, at=alarm.next_step_at, alarm_id=str(alarm.id))
    elif alarm.red_at is None:
        _close(alarm, now, "climbed")
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


async def _take_step(session: AsyncSession, alarm: Alarm, ladder: Ladder, now: datetime) -> None:
    assert alarm.next_step_at is not None
    await steps.take(Step(session, alarm, ladder, alarm.steps_taken, now), alarm.next_step_at)
    alarm.steps_taken += 1
    alarm.next_step_at = policy.due_after(alarm.created_at, ladder.steps, alarm.steps_taken)


_HEARD = """
UPDATE alarms SET heard_at = :at, heard_by = :user, next_step_at = NULL,
       closed_at = :at, closed_why = 'heard'
 WHERE id IN (SELECT id FROM alarms
               WHERE (closed_at IS NULL OR closed_why = 'climbed') AND id = ANY(:ids)
               ORDER BY id FOR UPDATE)
RETURNING order_id, station_id, red_at
"""


async def heard(
    session: AsyncSession, alarm_ids: Collection[UUID], user_id: UUID, at: datetime
) -> None:
    """A phone of the crew has the news, so their alarms end."""
    values = {"at": at, "user": user_id, "ids": list(alarm_ids)}
    for row in await sql.rows(session, _HEARD, values):
        if row.red_at is not None:
            await steps.tell_board(session, row.order_id, row.station_id)


async def end_moot(
    session: AsyncSession, order_id: UUID, lost: UUID | None, holds: UUID | None
) -> None:
    """The order changed hands: what the old crew should do, and should not do, is settled."""
    rows = await sql.rows(
        session,
        "UPDATE alarms SET closed_at = :at, closed_why = 'moot', next_step_at = NULL"
        " WHERE order_id = :order AND closed_at IS NULL AND"
        " ((crew_id = CAST(:lost AS uuid) AND kind <> :withdrawn)"
        "  OR (crew_id = CAST(:holds AS uuid) AND kind = :withdrawn))"
        " RETURNING station_id, red_at",
        {
            "at": clock.now(),
            "order": order_id,
            "lost": lost if lost != holds else None,
            "holds": holds,
            "withdrawn": WITHDRAWN,
        },
    )
    for row in rows:
        if row.red_at is not None:
            await steps.tell_board(session, order_id, row.station_id)


async def sweep(database: Database) -> int:
    """Climb every ladder whose step is due, each in its own transaction; how many were due.

    The truth behind the timer jobs: it needs no queue, so a blocked queue lengthens no silence.
    What cannot climb stays due, and those behind it get their turn all the same.
    """
    now, count = clock.now(), 0
    last: tuple[datetime, UUID] | None = None
    while True:
        async with database.transaction() as session:
            due = await _due(session, now, last)
        for alarm_id, _ in due:
            try:
                async with database.transaction() as session:
                    await climb(session, alarm_id, now)
            except Exception:
                log.exception("ALERT alarm %s could not climb, it is tried again", alarm_id)
        count += len(due)
        if len(due) < SWEPT_AT_ONCE:
            return count
        last = due[-1][1], due[-1][0]


async def _due(
    session: AsyncSession, now: datetime, last: tuple[datetime, UUID] | None
) -> list[tuple[UUID, datetime]]:
    """Alarms with a step to take, the longest overdue first, beyond the last of a look before."""
    step_at, alarm_id = col(Alarm.next_step_at), col(Alarm.id)
    query = (
        select(alarm_id, step_at)
        .where(step_at <= now)
        .order_by(step_at, alarm_id)
        .limit(SWEPT_AT_ONCE)
    )
    if last is not None:
        query = query.where(tuple_(step_at, alarm_id) > tuple_(*last))
    return [(row[0], row[1]) for row in (await session.execute(query)).all()]
