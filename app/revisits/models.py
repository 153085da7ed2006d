"""Call-backs: was the customer reached, was it solved, and how well."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, PrimaryId


class Revisit(SQLModel, table=True):
    """One attempt to call back; three unreached ones close the order as unreached."""

    __tablename__ = "revisits"
    __table_args__ = (
        UniqueConstraint("order_id", "attempt"),
        CheckConstraint("reached OR (solved IS NULL AND rating IS NULL)", name="unreached"),
        CheckConstraint("NOT reached OR solved IS NOT NULL", name="reached_answers"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
    )

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id")
    attempt: int
    reached: bool
    solved: bool | None = None
    rating: int | None = None
    comment: str | None = None
    called_by: UUID | None = Field(default=None, foreign_key="users.id")
    """None when the customer answered by the link of a text message."""
    called_at: datetime = Field(sa_type=Instant)
    rework_order_id: UUID | None = Field(default=None, foreign_key="work_orders.id")


class ReworkCase(SQLModel, table=True):
    """A repair that had to be repeated, perhaps: proposed by rule, attributed by a person.

    Transition 17 proposes it for the order that a call-back opened, 18 for a report of the same
    fault group at the same premises within the window of the original's rate card.
    """

    __tablename__ = "rework_cases"
    __table_args__ = (
        UniqueConstraint("order_id"),
        CheckConstraint("found_by IN ('callback','report')", name="found_by"),
        CheckConstraint(
            "cause IN ('workmanship','part','user','network','new_fault')", name="cause"
        ),
        CheckConstraint(
            "(cause IS NULL) = (decided_at IS NULL) AND (cause IS NULL) = (reason IS NULL)",
            name="decided",
        ),
    )

    id: UUID = PrimaryId()
    original_id: UUID = Field(foreign_key="work_orders.id", index=True)
    order_id: UUID = Field(foreign_key="work_orders.id")
    """The repetition; each order repeats at most one."""
    found_by: str
    window_days: int
    proposed_at: datetime = Field(sa_type=Instant)
    cause: str | None = None
    reason: str | None = None
    decided_by: UUID | None = Field(default=None, foreign_key="users.id")
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
