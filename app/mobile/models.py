"""What phones said, what came of it, and what somebody has to look at."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId, RowNumber


class PhoneCommand(SQLModel, table=True):
    """One command of one device; a replay gets the stored answer, a refusal is kept too."""

    __tablename__ = "phone_commands"
    __table_args__ = (
        CheckConstraint("outcome IN ('applied','refused','conflict','lost')", name="outcome"),
        Index("ix_phone_commands_device_seq", "device_id", "device_seq"),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id")
    device_id: UUID = Field(foreign_key="devices.id")
    device_seq: int = Field(sa_type=BigInteger)
    order_id: UUID | None = None
    kind: str
    body: dict[str, Any] = Field(sa_type=Json)
    body_hash: str
    client_at: datetime = Field(sa_type=Instant)
    corrected_at: datetime | None = Field(default=None, sa_type=Instant)
    """By our clock; kept of what was not applied, too."""
    received_at: datetime = Field(sa_type=Instant)
    outcome: str
    """`lost`: a number that the phone says it has nothing under."""
    answer: dict[str, Any] = Field(sa_type=Json)


class PhoneConflict(SQLModel, table=True):
    """A command that the state did not allow any more, until a person has decided on it."""

    __tablename__ = "phone_conflicts"
    __table_args__ = (
        CheckConstraint("resolution IN ('apply','keep','split')", name="resolution"),
        CheckConstraint("(resolution IS NULL) = (resolved_at IS NULL)", name="resolved"),
        Index("ix_phone_conflicts_station", "station_id", "raised_at"),
        Index("ix_phone_conflicts_user", "user_id", "raised_at"),
        Index("ix_phone_conflicts_open", "order_id", postgresql_where=text("resolved_at IS NULL")),
    )

    id: UUID = PrimaryId()
    command_id: UUID = Field(foreign_key="phone_commands.id", unique=True)
    order_id: UUID = Field(foreign_key="work_orders.id")
    station_id: UUID = Field(foreign_key="stations.id")
    user_id: UUID = Field(foreign_key="users.id")
    device_id: UUID = Field(foreign_key="devices.id")
    crew_id: UUID | None = Field(default=None, foreign_key="crews.id")
    """The crew for which the technician acted: the last of theirs that held the order."""
    kind: str
    reason: str
    """reassigned, already_done, too_early, order_ended, not_leader, approval_pending,
    fields_differ."""
    said: dict[str, Any] = Field(sa_type=Json)
    stands: dict[str, Any] = Field(sa_type=Json)
    """Where the order stood when the command came, and the event that was there before it."""
    problem: dict[str, Any] = Field(sa_type=Json)
    raised_at: datetime = Field(sa_type=Instant)
    resolution: str | None = None
    resolved_by: UUID | None = Field(default=None, foreign_key="users.id")
    resolved_at: datetime | None = Field(default=None, sa_type=Instant)
    note: str | None = None
    result: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """What the resolution did: the new state, the fields that were taken over."""


class PhoneFlag(SQLModel, table=True):
    """Something doubtful that was neither refused nor accepted in silence; a chief looks at it."""

    __tablename__ = "phone_flags"
    __table_args__ = (
        Index("ix_phone_flags_station", "station_id", "raised_at"),
        Index("ix_phone_flags_order", "order_id"),
    )

    id: UUID = PrimaryId()
    key: str = Field(unique=True)
    """What makes the same doubt one row."""
    station_id: UUID = Field(foreign_key="stations.id")
    user_id: UUID = Field(foreign_key="users.id")
    device_id: UUID = Field(foreign_key="devices.id")
    order_id: UUID | None = Field(default=None, foreign_key="work_orders.id")
    command_id: UUID | None = None
    kind: str
    data: dict[str, Any] = Field(sa_type=Json)
    raised_at: datetime = Field(sa_type=Instant)
    seen_by: UUID | None = Field(default=None, foreign_key="users.id")
    seen_at: datetime | None = Field(default=None, sa_type=Instant)
    note: str | None = None


class PhoneNotice(SQLModel, table=True):
    """Something that a technician's phone shows until it is over; told by sync."""

    __tablename__ = "phone_notices"
    __table_args__ = (
        Index("ix_phone_notices_user", "user_id", postgresql_where=text("ended_at IS NULL")),
    )

    id: UUID = PrimaryId()
    key: str = Field(unique=True)
    user_id: UUID = Field(foreign_key="users.id")
    order_id: UUID | None = Field(default=None, foreign_key="work_orders.id")
    kind: str
    data: dict[str, Any] = Field(sa_type=Json)
    at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class ClockSample(SQLModel, table=True):
    """One look at a phone's clock beside ours; kept 90 days."""

    __tablename__ = "device_clock_samples"
    __table_args__ = (
        Index("ix_device_clock_samples_device", "device_id", "id"),
        Index("ix_device_clock_samples_at", "at", postgresql_using="brin"),
    )

    id: int | None = RowNumber()
    device_id: UUID = Field(foreign_key="devices.id")
    user_id: UUID = Field(foreign_key="users.id")
    at: datetime = Field(sa_type=Instant)
    device_at: datetime = Field(sa_type=Instant)
    skew_ms: int
    """Device minus ours."""
    offset_min: int | None = None
    """The offset from UTC that the phone's clock showed."""
    boot_id: str | None = None
    uptime_ms: int | None = Field(default=None, sa_type=BigInteger)
    """The phone's steady clock, which nobody sets; counts within one `boot_id`."""


class PhoneManifest(SQLModel, table=True):
    """The last reconciliation of a device: how much it held, and how much was not here."""

    __tablename__ = "phone_manifests"

    device_id: UUID = Field(foreign_key="devices.id", primary_key=True)
    user_id: UUID = Field(foreign_key="users.id")
    at: datetime = Field(sa_type=Instant)
    orders: int
    commands: int
    files: int
    missing_commands: int
    missing_files: int
    differing: int


class PhoneRule(SQLModel, table=True):
    """One number of the company's own about phones, such as a geofence's radius."""

    __tablename__ = "phone_rules"

    name: str = Field(primary_key=True)
    value: int
    changed_by: UUID = Field(foreign_key="users.id")
    changed_at: datetime = Field(sa_type=Instant)
