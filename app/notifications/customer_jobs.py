"""The job that sends one text message to a customer, on the queue of texts."""

from uuid import UUID

from procrastinate import JobContext, RetryStrategy

from app.core import jobs
from app.notifications.jobs import TEXT_QUEUE

QUEUE_LOCK = "customer message {}"
"""Two workers never have the same message in hand."""


@jobs.app.task(
    name="notifications.customer",
    queue=TEXT_QUEUE,
    pass_context=True,
    retry=RetryStrategy(max_attempts=5, exponential_wait=3),
)
async def send_customer_message(context: JobContext, message_id: str) -> None:
    """Deliver; the worker puts `database` and `channels` in its `additional_context`."""
    from app.notifications.customer_delivery import deliver

    given = context.additional_context
    await deliver(given["database"], given["channels"], UUID(message_id))
