"""The timers of ladders; messages need no jobs, their rows are the queue (`outbox`).

The retry strategy is for trouble of our own, such as a lost database. Modules are imported late,
since they queue these jobs themselves.
"""

from uuid import UUID

from procrastinate import JobContext, RetryStrategy

from app.core import clock, jobs

LADDER_QUEUE = "default"
_TROUBLE = RetryStrategy(max_attempts=5, exponential_wait=3)


@jobs.app.task(name="notifications.climb", queue=LADDER_QUEUE, pass_context=True, retry=_TROUBLE)
async def climb_ladder(context: JobContext, alarm_id: str) -> None:
    """Take the alarm's next step if it is due and still nobody answered."""
    from app.notifications.alarms import climb

    async with context.additional_context["database"].transaction() as session:
        await climb(session, UUID(alarm_id), clock.now())
