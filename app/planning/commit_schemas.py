"""What the commit step did, as a run tells it."""

from uuid import UUID

from app.web.wire import Out


class CommittedOut(Out):
    """An order and the crew that it was for."""

    order_id: UUID
    crew_id: UUID


class SentOut(CommittedOut):
    """A due visit that was sent: to the plan's crew, or to another one where that was held up."""

    from_crew_id: UUID | None = None
    """The plan's crew, where another one was sent it."""
    saved_s: int | None = None
    """What that saves in seconds of price, the price of the move paid."""
    terms_s: dict[str, int] | None = None
    """The same term by term."""


class NotSentOut(CommittedOut):
    """A due visit that the crew could not be given."""

    type: str
    detail: str
