"""Text messages to customers, one per happening."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId


class CustomerMessage(SQLModel, table=True):
    """One text message about one happening of an order; `key` makes it happen once."""

    __tablename__ = "customer_messages"
    __table_args__ = (
        CheckConstraint("state IN ('queued','sent','failed','unwanted','moot')", name="state"),
        Index("ix_customer_messages_order", "order_id", "created_at"),
        Index("ix_customer_messages_due", "due_at", postgresql_where=text("state = 'queued'")),
    )

    id: UUID = PrimaryId()
    key: str = Field(unique=True)
    """Order, kind and the event, or the visit, that it tells of."""
    order_id: UUID = Field(foreign_key="work_orders.id")
    assignment_id: UUID | None = Field(default=None, foreign_key="assignments.id")
    """The visit that it tells of."""
    kind: str
    phone: str
    language: str
    text: str
    """As it was sent, but for the link's secret part."""
    named: dict[str, str] = Field(
        default_factory=dict, sa_type=Json, sa_column_kwargs={"server_default": "{}"}
    )
    """What its words name, by their places: gateways with approved templates take nothing else."""
    state: str
    """`unwanted`: the number wants none; `moot`: what it tells was over before it left."""
    promised_at: datetime | None = Field(default=None, sa_type=Instant)
    """The arrival that it named, or that its link showed first."""
    created_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant, sa_column_kwargs={"server_default": func.now()})
    """Real time from which a worker may take it; one that has it in hand puts it off."""
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    unsure_since: datetime | None = Field(default=None, sa_type=Instant)
    """Real time of the latest call whose end nobody saw, or that may have gone out."""
    provider_message_id: str | None = None
    detail: str | None = None
