"""The background job that sends one delivery; it runs on a queue of its own.

A receiver that hangs keeps workers waiting: texts and calls must never stand behind it.
"""

from uuid import UUID

from procrastinate import JobContext, RetryStrategy

from app.core import jobs

QUEUE = "webhooks"


@jobs.app.task(
    name="webhooks.send",
    queue=QUEUE,
    pass_context=True,
    retry=RetryStrategy(max_attempts=5, exponential_wait=3),
)
async def send_webhook(context: JobContext, delivery_id: str) -> None:
    """Send; what the receiver answers is handled there, together with the next try."""
    from app.webhooks.sending import deliver

    await deliver(context.additional_context["database"], UUID(delivery_id))
