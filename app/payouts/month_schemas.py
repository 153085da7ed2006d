"""What people say and read of a month's closing, of deductions, corrections and appeals."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.core.texts import Line
from app.payouts.card_sections import Deduction
from app.web.wire import Body, Out

Reason = Annotated[Line, StringConstraints(min_length=4)]
PointsIn = Annotated[Decimal, Field(ge=-100_000, le=100_000, decimal_places=2, max_digits=8)]
Act = Literal["draft", "published", "locked", "settled"]
Verdict = Literal["granted", "refused"]


class ActIn(Body):
    """The next step of a month."""

    act: Act


class ActOut(Out):
    """A step that somebody took."""

    act: Act
    at: datetime
    by: UUID
    by_name: str
    totals: dict[str, Any]
    """Entries, points, fen and technicians then; questions with a draft, lines carried with a
    lock."""


class MonthOut(Out):
    """Where a month stands, and who brought it there when."""

    month: str
    state: Literal["open", "draft", "published", "locked", "settled"]
    acts: list[ActOut]


class QuestionOut(Out):
    """Something unusual; it cuts nothing by itself."""

    id: UUID
    month: str
    technician_id: UUID
    kind: Literal["points_a_day", "hours_a_day", "fast_accepts", "impossible_travel"]
    subject: str
    facts: dict[str, Any]
    found_at: datetime
    verdict: Literal["in_order", "to_be_followed_up"] | None
    reason: str | None
    decided_by: UUID | None
    decided_at: datetime | None


class QuestionVerdictIn(Body):
    """What a person thinks of it."""

    verdict: Literal["in_order", "to_be_followed_up"]
    reason: Reason


class FindingIn(Body):
    """A deduction for a person, with reasons."""

    order_id: UUID
    technician_id: UUID
    kind: Deduction
    reason: Reason


class FindingOut(Out):
    """The deduction that was posted."""

    id: UUID
    order_id: UUID
    technician_id: UUID
    kind: Deduction
    reason: str
    decided_by: UUID
    decided_at: datetime
    entry_id: int
    points: Decimal
    amount_minor: int


class AdjustmentIn(Body):
    """A correction that somebody else must approve."""

    order_id: UUID
    technician_id: UUID
    points: PointsIn
    """More, or with a minus less."""
    reason: Reason


class DecisionIn(Body):
    """Yes or no, and why."""

    approved: bool
    reason: Reason


class AdjustmentOut(Out):
    """A correction that was asked for, and what became of it."""

    id: UUID
    order_id: UUID
    technician_id: UUID
    points: Decimal
    reason: str
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    approved: bool | None
    decision_reason: str | None
    entry_id: int | None = None


class AppealIn(Body):
    """Why a line is wrong."""

    reason: Reason


class AnswerIn(Body):
    """What the station says to it."""

    verdict: Verdict
    reason: Reason
    points: PointsIn | None = None
    """For a granted appeal against a payment, and only then: what is missing from it."""


class CompanyDecisionIn(AnswerIn):
    """The last word. More points than the station named wait for somebody else's approval."""


class AppealOut(Out):
    """An appeal, the station's answer and the company's decision."""

    id: UUID
    entry_id: int
    technician_id: UUID
    month: str
    reason: str
    raised_at: datetime
    station_due_at: datetime
    company_due_at: datetime
    station_verdict: Verdict | None
    station_reason: str | None
    station_points: Decimal | None
    """The most that the company adds to a payment without a third person."""
    station_by: UUID | None
    station_at: datetime | None
    company_verdict: Verdict | None
    company_reason: str | None
    company_by: UUID | None
    company_at: datetime | None
    points: Decimal | None
    posted: int | None = None
    """The entry that a granted appeal brought, in the answer to the decision alone."""
