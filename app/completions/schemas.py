"""What a leader says at completion, and what reviewers say and read."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from app.completions.models import CompletionRecord, Review
from app.completions.policy import Outcome
from app.completions.record import CompletionIn, ReadingIn
from app.core.texts import Line
from app.web.wire import Body, Out

__all__ = ["CompletionIn", "CompletionOut", "ReadingIn", "ReviewIn", "ReviewOut", "ShareOut"]


class ReviewIn(Body):
    """A reviewer's decision."""

    decision: Literal["passed", "rejected"]
    reason: Line | None = None
    """Required to reject; the crew reads it."""


class ReviewOut(Out):
    """A decision that was taken."""

    id: UUID
    completion_id: UUID
    order_id: UUID
    decision: Literal["passed", "rejected"]
    reason: str | None
    reviewed_by: UUID
    reviewed_at: datetime


class ShareOut(Out):
    """`share` is an exact decimal string."""

    technician_id: UUID
    share: str


class CompletionOut(Out):
    """A record with its review; the files are under `/work-orders/{order_id}/evidence`."""

    id: UUID
    order_id: UUID
    attempt: int
    completed_by: UUID
    done_at: datetime
    outcome: Outcome
    cause_code: str
    summary: str
    readings: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    shares: list[ShareOut]
    manifest: list[dict[str, Any]]
    permit: dict[str, Any] | None
    signed_by: str | None
    review: ReviewOut | None = None

    @classmethod
    def of(cls, record: CompletionRecord, review: Review | None) -> Self:
        out = cls.model_validate(record)
        out.review = ReviewOut.model_validate(review) if review else None
        return out
