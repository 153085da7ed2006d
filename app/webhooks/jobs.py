"""The background job that sends one delivery; it runs on the queue of texts."""

from uuid import UUID

from procrastinate import JobContext, RetryStrategy

from app.core import jobs


@jobs.app.task(
    name="webhooks.send",
    queue="texts",
    pass_context=True,
    retry=RetryStrategy(max_attempts=5, exponential_wait=3),
)
async def send_webhook(context: JobContext, delivery_id: str) -> None:
    """Send; what the receiver answers is handled there, together with the next try."""
    from app.webhooks.sending import deliver

    await deliver(context.additional_context["database"], UUID(delivery_id))
