"""What the members of a crew note for the completion record, each from their own phone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId


class Contribution(SQLModel, table=True):
    """Fields that one person adds; what others noted stays beside it."""

    __tablename__ = "completion_contributions"

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    assignment_id: UUID = Field(foreign_key="assignments.id")
    user_id: UUID = Field(foreign_key="users.id")
    command_id: UUID = Field(unique=True)
    at: datetime = Field(sa_type=Instant)
    note: str | None = None
    readings: list[dict[str, Any]] = Field(sa_type=Json)
    parts: list[dict[str, Any]] = Field(sa_type=Json)
    files: list[dict[str, Any]] = Field(sa_type=Json)
    """As in a record's manifest."""
