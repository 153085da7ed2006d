"""What customers and agents send and see about text messages."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, model_validator

from app.core.texts import Paragraph, Phone
from app.web.wire import Body, Out


class CrewPlaceOut(Out):
    """Where the crew is, WGS-84, to about ten metres."""

    lon: float
    lat: float
    at: datetime


class VisitOut(Out):
    """This visit's crew and when it comes; nothing of the customer, nothing of other visits."""

    serial: str
    standing: Literal["waiting", "on_the_way", "arrived"]
    crew_name: str
    arrive_at: datetime | None
    earliest_at: datetime | None
    latest_at: datetime | None
    place: CrewPlaceOut | None
    """Only on the way, and only when it is fresh."""


class RatingIn(Body):
    """What the customer answers."""

    solved: StrictBool
    rating: Annotated[StrictInt, Field(ge=1, le=5)] | None = None
    """1 (bad) to 5 (good); with `solved` only."""
    comment: Annotated[Paragraph, Field(max_length=500)] | None = None

    @model_validator(mode="after")
    def _rated_when_solved(self) -> Self:
        if self.rating is not None and not self.solved:
            raise ValueError("rating belongs to a trouble that is solved")
        return self


class ConsentIn(Body):
    """What the holder of a number said about text messages."""

    phone: Phone
    allowed: StrictBool
    how: Literal["call", "form"]


class ConsentOut(Out):
    """The last word about a number; without one, messages about the own order are sent."""

    phone: str
    allowed: bool
    how: str
    said_at: datetime
    recorded_by: UUID | None


class CustomerMessageOut(Out):
    """One message to the customer of an order; the link's secret part is left out."""

    id: UUID
    kind: str
    language: str
    text: str
    state: str
    """queued, sent, failed, unwanted (the number wants none), moot (over before it left)."""
    promised_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    attempts: int
