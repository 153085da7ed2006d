"""Who wants to be told over HTTP, what was told, and how each try ended."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId, Texts


class WebhookEndpoint(SQLModel, table=True):
    """A URL of another system; `secret` signs, so it is kept and never shown twice."""

    __tablename__ = "webhook_endpoints"

    id: UUID = PrimaryId()
    url: str
    secret: str
    """`whsec_` and base64, as Standard Webhooks writes it."""
    events: list[str] = Field(sa_type=Texts)
    """Types such as `work_order.accepted`; `work_order.*` and `*` stand for more."""
    station_id: UUID | None = Field(default=None, foreign_key="stations.id")
    """Orders of this station and those below it; all when null."""
    description: str
    created_by: UUID = Field(foreign_key="users.id")
    created_at: datetime = Field(sa_type=Instant)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    disabled_why: str | None = None


class WebhookMessage(SQLModel, table=True):
    """One happening as it is told to every endpoint; its text never changes."""

    __tablename__ = "webhook_messages"

    id: str = Field(primary_key=True)
    """`msg_...`, the `webhook-id` of every delivery: what receivers know duplicates by."""
    key: str = Field(unique=True)
    type: str
    station_id: UUID = Field(foreign_key="stations.id")
    payload: dict[str, Any] = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Instant)


class WebhookDelivery(SQLModel, table=True):
    """One message on its way to one endpoint; `due_at` and the lease are real time."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "message_id"),
        CheckConstraint("state IN ('queued','sending','delivered','failed')", name="state"),
        Index(
            "ix_webhook_deliveries_open",
            "due_at",
            postgresql_where=text("state IN ('queued','sending')"),
        ),
    )

    id: UUID = PrimaryId()
    endpoint_id: UUID = Field(foreign_key="webhook_endpoints.id")
    message_id: str = Field(foreign_key="webhook_messages.id", index=True)
    state: str
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    due_at: datetime = Field(sa_type=Instant)
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)


class WebhookAttempt(SQLModel, table=True):
    """One request and its answer: the delivery log."""

    __tablename__ = "webhook_attempts"

    id: UUID = PrimaryId()
    delivery_id: UUID = Field(foreign_key="webhook_deliveries.id", index=True)
    at: datetime = Field(sa_type=Instant)
    took_ms: int
    status: int | None = None
    """Of HTTP; null when nothing answered."""
    detail: str | None = None
