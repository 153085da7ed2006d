"""Where people can be woken, and every message that was tried."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId


class PushAddress(SQLModel, table=True):
    """One device's address at one provider; `dead_at` once the provider disowned it."""

    __tablename__ = "push_addresses"
    __table_args__ = (UniqueConstraint("provider", "kind", "address"),)

    id: UUID = PrimaryId()
    user_id: UUID = Field(foreign_key="users.id", index=True)
    device_id: UUID = Field(foreign_key="devices.id", index=True)
    provider: str
    kind: str
    address: str
    registered_at: datetime = Field(sa_type=Instant)
    dead_at: datetime | None = Field(default=None, sa_type=Instant)
    dead_why: str | None = None


class Notification(SQLModel, table=True):
    """One message to one person about one happening; `key` makes it happen once."""

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint("state IN ('queued','sent','moot','no_address','failed')", name="state"),
        Index("ix_notifications_user", "user_id", "created_at"),
        Index("ix_notifications_order", "order_id"),
    )

    id: UUID = PrimaryId()
    key: str = Field(unique=True)
    user_id: UUID = Field(foreign_key="users.id")
    order_id: UUID | None = Field(default=None, foreign_key="work_orders.id")
    kind: str
    data: dict[str, Any] = Field(sa_type=Json)
    state: str
    """`moot`: the order moved on, or a pull was faster than the push."""
    created_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    acknowledged_at: datetime | None = Field(default=None, sa_type=Instant)


class DeliveryAttempt(SQLModel, table=True):
    """One call to one provider for one address, with its result."""

    __tablename__ = "delivery_attempts"

    id: UUID = PrimaryId()
    notification_id: UUID = Field(foreign_key="notifications.id", index=True)
    address_id: UUID = Field(foreign_key="push_addresses.id")
    at: datetime = Field(sa_type=Instant)
    result: str
    """accepted, unregistered, quota, unavailable, refused, misconfigured."""
    provider_message_id: str | None = None
    detail: str | None = None
