"""The background jobs of this room; what providers answer is handled in `delivery`.

The retry strategy is for trouble of our own, such as a lost database. Modules are imported late,
since they queue these jobs themselves.
"""

from uuid import UUID

from procrastinate import JobContext, RetryStrategy

from app.core import clock, jobs

PUSH_QUEUE = "push"
TEXT_QUEUE = "texts"
LADDER_QUEUE = "default"
_TROUBLE = RetryStrategy(max_attempts=5, exponential_wait=3)


@jobs.app.task(name="notifications.push", queue=PUSH_QUEUE, pass_context=True, retry=_TROUBLE)
async def send_push(context: JobContext, dispatch_id: str) -> None:
    """Deliver; the worker puts `database` and `channels` in its `additional_context`."""
    await _send(context, dispatch_id)


@jobs.app.task(name="notifications.text", queue=TEXT_QUEUE, pass_context=True, retry=_TROUBLE)
async def send_text(context: JobContext, dispatch_id: str) -> None:
    """Deliver a text, a call or a word to staff."""
    await _send(context, dispatch_id)


async def _send(context: JobContext, dispatch_id: str) -> None:
    from app.notifications.delivery import deliver

    given = context.additional_context
    await deliver(given["database"], given["channels"], UUID(dispatch_id))


@jobs.app.task(name="notifications.climb", queue=LADDER_QUEUE, pass_context=True, retry=_TROUBLE)
async def climb_ladder(context: JobContext, alarm_id: str) -> None:
    """Take the alarm's next step if it is due and still nobody answered."""
    from app.notifications.alarms import climb

    async with context.additional_context["database"].transaction() as session:
        await climb(session, UUID(alarm_id), clock.now())
