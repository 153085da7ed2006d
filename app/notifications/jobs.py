"""The job that sends one notification; a worker runs it on the queue `push`."""

from datetime import timedelta
from uuid import UUID

from procrastinate import JobContext, RetryStrategy
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, jobs
from app.notifications.delivery import deliver

QUEUE = "push"


@jobs.app.task(
    name="notifications.send",
    queue=QUEUE,
    pass_context=True,
    retry=RetryStrategy(max_attempts=5, exponential_wait=3),
)
async def send_notification(context: JobContext, notification_id: str, attempt: int = 1) -> None:
    """Deliver; the worker puts `database` and `channels` in its `additional_context`.

    The strategy is for trouble of our own, such as a lost database; what providers answer is
    handled in `deliver`, which queues the next attempt together with the result.
    """
    given = context.additional_context
    await deliver(given["database"], given["channels"], UUID(notification_id), attempt, again)


async def again(session: AsyncSession, notification_id: UUID, attempt: int, wait_s: float) -> None:
    """Queue the next attempt `wait_s` real seconds from now."""
    await jobs.defer(
        session,
        send_notification,
        at=clock.to_business(clock.real_now() + timedelta(seconds=wait_s)),
        notification_id=str(notification_id),
        attempt=attempt,
    )
