"""What a step of a ladder does: who is pushed to, texted, called, and who else is told."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import feed, settings
from app.core.ids import new_id
from app.notifications import outbox, policy, recipients, repository
from app.notifications.ladder_models import Alarm, Climb, Ladder
from app.notifications.models import Notification
from app.notifications.policy import UNHEARD


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one alarm, taken `now`."""

    session: AsyncSession
    alarm: Alarm
    ladder: Ladder
    number: int
    now: datetime
    told: Sequence[Notification] | None = None
    """The alarm's messages where they are known already."""


async def take(step: Step, due_at: datetime) -> None:
    """Do what the step asks for, but for what quiet hours hold back, and note both."""
    session, alarm, ladder, now = step.session, step.alarm, step.ladder, step.now
    local = now.astimezone(settings.current().zone).time()
    quiet = ladder.keeps_quiet and policy.is_quiet(local, ladder.quiet_from, ladder.quiet_until)
    at_work = not quiet or await recipients.on_shift(session, alarm.crew_id, now)
    acts = policy.acts_now(ladder.steps[step.number]["acts"], quiet=quiet, on_shift=at_work)
    session.add(
        Climb(
            alarm_id=alarm.id,
            step=step.number,
            due_at=due_at,
            at=now,
            acts=acts.taken,
            left_out=acts.left_out,
        )
    )
    for act in acts.taken:
        await ACTS[act](step)


async def _tell_members(step: Step, channel: str) -> None:
    for each in await _messages(step):
        await _enqueue(step, channel, each)


async def _push(step: Step) -> None:
    await _tell_members(step, outbox.PUSH)


async def _sms(step: Step) -> None:
    await _tell_members(step, outbox.SMS)


async def _voice(step: Step) -> None:
    """One call at a time: each step calls the next of the crew, beginning with the leader."""
    by_user = {each.user_id: each for each in await _messages(step)}
    crew = await recipients.crew(step.session, step.alarm.crew_id)
    called = [by_user[each.user_id] for each in crew if each.user_id in by_user]
    called = called or list(by_user.values())
    if called:
        nth = policy.nth_voice(step.ladder.steps, step.number)
        await _enqueue(step, outbox.VOICE, called[nth % len(called)])


async def _chief(step: Step) -> None:
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


async def _red(step: Step) -> None:
    step.alarm.red_at = step.now
    await tell_board(step.session, step.alarm.order_id, step.alarm.station_id)


ACTS: dict[str, Callable[[Step], Awaitable[None]]] = {
    "push": _push,
    "sms": _sms,
    "voice": _voice,
    "chief": _chief,
    "red": _red,
}


async def tell_board(session: AsyncSession, order_id: UUID, station_id: UUID) -> None:
    """The dispatcher's list of unheard jobs changed."""
    await feed.append(session, "unheard", order_id, after=[feed.station_token(station_id)])


async def _messages(step: Step) -> Sequence[Notification]:
    if step.told is not None:
        return step.told
    query = (
        select(Notification)
        .where(Notification.alarm_id == step.alarm.id, Notification.kind != UNHEARD)
        .order_by(col(Notification.id))
    )
    return (await step.session.exec(query)).all()


async def _enqueue(step: Step, channel: str, told: Notification) -> None:
    await outbox.enqueue(
        step.session,
        channel,
        about=told.id,
        step=step.number,
        notification_id=told.id,
        alarm_id=step.alarm.id,
        user_id=told.user_id,
    )
