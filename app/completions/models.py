"""The technician's completion record and its review."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId


class CompletionRecord(SQLModel, table=True):
    """What the leader declared at the door; a rejected record is followed by a new attempt."""

    __tablename__ = "completion_records"
    __table_args__ = (UniqueConstraint("order_id", "attempt"),)

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id")
    attempt: int
    assignment_id: UUID = Field(foreign_key="assignments.id")
    completed_by: UUID = Field(foreign_key="users.id")
    done_at: datetime = Field(sa_type=Instant)
    outcome: str
    """fixed, fixed_by_phone, no_fault_found, absent, refused, wrong_dispatch, handed_over."""
    cause_code: str
    summary: str
    readings: list[dict[str, Any]] = Field(sa_type=Json)
    parts: list[dict[str, Any]] = Field(sa_type=Json)
    shares: list[dict[str, Any]] = Field(sa_type=Json)
    """`[{"technician_id", "share": "0.55"}]`, exact decimals that sum to 1."""
    manifest: list[dict[str, Any]] = Field(sa_type=Json)
    """`[{"file_id", "sha256", "size_bytes", "kind", "media_type"}]`, as declared."""
    permit: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """`{"number", "closed_at"}` of the work permit or emergency sheet, where one is demanded."""
    signed_by: str | None = None


class Review(SQLModel, table=True):
    """A reviewer's decision on one record."""

    __tablename__ = "reviews"
    __table_args__ = (CheckConstraint("decision IN ('passed','rejected')", name="decision"),)

    id: UUID = PrimaryId()
    completion_id: UUID = Field(foreign_key="completion_records.id", unique=True)
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    decision: str
    reason: str | None = None
    reviewed_by: UUID = Field(foreign_key="users.id")
    reviewed_at: datetime = Field(sa_type=Instant)
    judgement: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """What only the reviewer can say for pay: `{"difficulty": "hard", "handed_over": "0.4"}`."""
