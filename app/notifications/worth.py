"""Whether a queued message still has a point when its turn comes."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.notifications import dispatch_rows, policy, repository
from app.notifications.dispatch_rows import Waiting
from app.notifications.ladder_models import Alarm
from app.work_orders.models import Approval, ReplyDuty


async def still_worth_it(session: AsyncSession, row: Waiting) -> bool:
    """Mark what was heard meanwhile, or lost its point, and say whether to send."""
    assert row.notification_id is not None
    if row.acknowledged_at is None and not await _pointless(session, row):
        return True
    await dispatch_rows.end(session, [row.id], "moot")
    await repository.sum_up(session, [row.notification_id], clock.now())
    return False


async def alarm_stands(session: AsyncSession, row: Waiting) -> bool:
    """Mark an alert to the staff's groups whose alarm was answered meanwhile, else True."""
    if not await _is_answered(session, row.alarm_id):
        return True
    await dispatch_rows.end(session, [row.id], "moot")
    return False


async def _is_answered(session: AsyncSession, alarm_id: UUID | None) -> bool:
    """An alarm at the top of its ladder is over, but nobody has answered it."""
    alarm = await session.get_one(Alarm, alarm_id)
    return alarm.closed_at is not None and alarm.closed_why != "climbed"


async def _pointless(session: AsyncSession, told: Waiting) -> bool:
    said = told.data or {}
    if told.kind == policy.UNHEARD:
        return await _is_answered(session, told.told_alarm_id)
    if told.kind == policy.SUPERVISED:
        duty = await session.get_one(ReplyDuty, UUID(said["duty_id"]))
        return duty.answered_at is not None
    if told.kind == policy.ESCALATED:
        approval = await session.get_one(Approval, UUID(said["approval_id"]))
        return approval.decided_at is not None
    if told.order_id is None or told.user_id is None or told.kind is None:
        return False
    holds = await repository.holds(session, told.order_id, told.user_id)
    return policy.is_moot(told.kind, holds)
