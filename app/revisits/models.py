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
    called_by: UUID = Field(foreign_key="users.id")
    called_at: datetime = Field(sa_type=Instant)
    rework_order_id: UUID | None = Field(default=None, foreign_key="work_orders.id")
