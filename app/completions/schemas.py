"""What a leader says at completion, and what reviewers say and read."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.completions.arrivals import Arrival
from app.completions.contributions import Contribution
from app.completions.models import CompletionRecord, Review
from app.completions.policy import Outcome
from app.completions.record import CompletionIn, ReadingIn
from app.core.texts import Code, Line
from app.web.wire import Body, Out

__all__ = [
    "CompletionIn",
    "CompletionOut",
    "JudgementIn",
    "ReadingIn",
    "ReviewIn",
    "ReviewOut",
    "ShareOut",
]


class JudgementIn(Body):
    """What only a reviewer can say for pay (DOMAIN 5.1, 5.2)."""

    difficulty: Code | None = None
    """A grade of the rate card, `hard`; omitted: the fault's usual grade."""
    handed_over: Annotated[Decimal, Field(ge=0, le=1, max_digits=5, decimal_places=4)] | None = None
    """What part of the work was done, for the outcome `handed_over` alone."""

    def kept(self) -> dict[str, str]:
        """As it is stored: exact decimals as strings."""
        return {name: str(value) for name, value in self if value is not None}


class ReviewIn(Body):
    """A reviewer's decision."""

    decision: Literal["passed", "rejected"]
    reason: Line | None = None
    """Required to reject; the crew reads it."""
    judgement: JudgementIn | None = None
    """Only with `passed`."""

    @model_validator(mode="after")
    def _judges_what_passed(self) -> Self:
        if self.judgement is not None and self.decision == "rejected":
            raise ValueError("a rejected record is not judged")
        return self


class ReviewOut(Out):
    """A decision that was taken."""

    id: UUID
    completion_id: UUID
    order_id: UUID
    decision: Literal["passed", "rejected"]
    reason: str | None
    judgement: dict[str, str] | None
    reviewed_by: UUID
    reviewed_at: datetime


class ShareOut(Out):
    """`share` is an exact decimal string."""

    technician_id: UUID
    share: str


class ContributionOut(Out):
    """What a member of the crew noted beside the record; nothing of others is replaced by it."""

    id: UUID
    user_id: UUID
    at: datetime
    note: str | None
    readings: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    files: list[dict[str, Any]]
    shares: list[ShareOut] | None
    """The split that this person agreed to."""


class ArrivalOut(Out):
    """How the last arrival was shown; a position is never the sole proof."""

    at: datetime
    client_at: datetime | None
    """By the phone's own clock."""
    proved: Literal["code", "place"] | None
    distance_m: int | None
    accuracy_m: int | None
    geofence_m: int | None
    mock_place: bool
    """The phone's system said that another app made the position up."""
    photo_wanted: bool
    """Nothing proved it: look at the photo of kind A."""
    doubts: list[str]


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
    contributions: list[ContributionOut] = Field(default_factory=list)
    """What others of the crew added; the review covers it."""
    arrival: ArrivalOut | None = None

    @classmethod
    def of(
        cls,
        record: CompletionRecord,
        review: Review | None,
        noted: Sequence[Contribution],
        arrival: Arrival | None,
    ) -> Self:
        out = cls.model_validate(record)
        out.review = ReviewOut.model_validate(review) if review else None
        out.contributions = [
            ContributionOut.model_validate(each)
            for each in noted
            if each.assignment_id == record.assignment_id
        ]
        out.arrival = ArrivalOut.model_validate(arrival) if arrival else None
        return out
