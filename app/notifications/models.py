"""Where people can be woken, and every message that was tried."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
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
        Index("ix_notifications_alarm", "alarm_id"),
        Index("ix_notifications_created", "created_at"),
    )

    id: UUID = PrimaryId()
    key: str = Field(unique=True)
    user_id: UUID = Field(foreign_key="users.id")
    order_id: UUID | None = Field(default=None, foreign_key="work_orders.id")
    alarm_id: UUID | None = Field(default=None, foreign_key="alarms.id")
    """The ladder that climbs until somebody has shown to know; None for what nobody must."""
    kind: str
    data: dict[str, Any] = Field(sa_type=Json)
    state: str
    """`moot`: the order moved on, or a pull was faster than the push."""
    created_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    acknowledged_at: datetime | None = Field(default=None, sa_type=Instant)


class Dispatch(SQLModel, table=True):
    """One message through one channel, from the queue to its end; `key` makes it leave once.

    `due_at` and `leased_until` are real time: they are about our own work, not about service.
    """

    __tablename__ = "dispatches"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued','sending','sent','moot','no_address','failed')", name="state"
        ),
        Index(
            "ix_dispatches_open",
            "due_at",
            postgresql_where=text("state IN ('queued','sending')"),
        ),
        Index(
            "ix_dispatches_due",
            "channel",
            "due_at",
            postgresql_where=text("state = 'queued'"),
        ),
        Index("ix_dispatches_person", "user_id", "channel", "sent_at"),
        Index("ix_dispatches_notification", "notification_id"),
        Index("ix_dispatches_created", "created_at"),
        Index(
            "ix_dispatches_joined",
            "joined_id",
            postgresql_where=text("joined_id IS NOT NULL"),
        ),
    )

    id: UUID = PrimaryId()
    key: str = Field(unique=True)
    """Notification (or alarm, for a group of staff), step of the ladder, channel."""
    notification_id: UUID | None = Field(default=None, foreign_key="notifications.id")
    alarm_id: UUID | None = Field(default=None, foreign_key="alarms.id")
    user_id: UUID | None = Field(default=None, foreign_key="users.id")
    step: int
    channel: str
    """push, sms, voice, staff."""
    state: str
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    joined_id: UUID | None = Field(default=None, foreign_key="dispatches.id")
    """The message that told of this one as well, when several came at once."""
    created_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)


class DeliveryAttempt(SQLModel, table=True):
    """One call to one provider for one address, with its result; `at` when it began.

    `result` is `started` while nobody knows the end: such a row that stays behind is a worker
    that died between the call and the note of it.
    """

    __tablename__ = "delivery_attempts"
    __table_args__ = (
        Index("ix_delivery_attempts_dispatch", "dispatch_id"),
        Index("ix_delivery_attempts_at", "at"),
    )

    id: UUID = PrimaryId()
    notification_id: UUID | None = Field(
        default=None, foreign_key="notifications.id", index=True, nullable=True
    )
    dispatch_id: UUID | None = Field(default=None, foreign_key="dispatches.id")
    address_id: UUID | None = Field(default=None, foreign_key="push_addresses.id", nullable=True)
    provider: str = Field(default="fcm", sa_column_kwargs={"server_default": "fcm"})
    at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    took_ms: int | None = None
    """Real milliseconds of the provider's answer."""
    result: str
    """started, accepted, waiting, unregistered, quota, unavailable, refused, misconfigured."""
    provider_message_id: str | None = None
    detail: str | None = None
    brand: str | None = None
    """Of the phone at that moment; so is the version of the app."""
    app_version: str | None = None
    arrived_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the app said that this very push had reached it; only newer apps say so."""
