"""Ladders as dated data, the alarms that climb them, and who is called first."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId, Texts


class Ladder(SQLModel, table=True):
    """What happens until somebody answers, for some kinds of message and classes of order.

    A new version is a new row that is in force from its day; alarms keep the one they began on.
    """

    __tablename__ = "ladders"
    __table_args__ = (UniqueConstraint("name", "effective_from"),)

    id: UUID = PrimaryId()
    name: str
    effective_from: datetime = Field(sa_type=Instant)
    kinds: list[str] = Field(sa_type=Texts)
    """Of messages: new, changed, withdrawn, urged, rejected."""
    classes: list[str] = Field(sa_type=Texts)
    """Service classes of orders, from E1 to C5."""
    steps: list[dict[str, Any]] = Field(sa_type=Json)
    """`{"after_s": business seconds since the alarm, "acts": [push|sms|voice|chief|red]}`."""
    burst_s: int
    """Real seconds in which messages to one person after the first become one."""
    keeps_quiet: bool
    """Whether quiet hours hold back texts and calls to people who are not on shift."""
    quiet_from: str
    """Local time `HH:MM`; the hours end at `quiet_until`, perhaps on the next day."""
    quiet_until: str
    source: str


class Alarm(SQLModel, table=True):
    """One happening that a crew must hear of; climbs until heard, moot, or red."""

    __tablename__ = "alarms"
    __table_args__ = (
        CheckConstraint("closed_why IN ('heard','moot','climbed','settled')", name="closed_why"),
        Index("ix_alarms_due", "next_step_at", postgresql_where=text("next_step_at IS NOT NULL")),
        Index("ix_alarms_order", "order_id"),
        Index(
            "ix_alarms_red",
            "station_id",
            postgresql_where=text("red_at IS NOT NULL AND heard_at IS NULL"),
        ),
    )

    id: UUID = PrimaryId()
    key: str = Field(unique=True)
    """Order, event and message kind."""
    order_id: UUID = Field(foreign_key="work_orders.id")
    station_id: UUID = Field(foreign_key="stations.id")
    crew_id: UUID = Field(foreign_key="crews.id")
    kind: str
    ladder_id: UUID = Field(foreign_key="ladders.id")
    steps_taken: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    next_step_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    heard_at: datetime | None = Field(default=None, sa_type=Instant)
    heard_by: UUID | None = Field(default=None, foreign_key="users.id")
    red_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_why: str | None = None
    """`climbed`: the last step was taken and asks nobody; `settled`: a person took it over."""


class AlarmReply(SQLModel, table=True):
    """What a person did about a red alarm, in their own words; rows are only ever added."""

    __tablename__ = "alarm_replies"
    __table_args__ = (CheckConstraint("kind IN ('noted','settled')", name="kind"),)

    id: UUID = PrimaryId()
    alarm_id: UUID = Field(foreign_key="alarms.id", index=True)
    kind: str
    reason: str
    by: UUID = Field(foreign_key="users.id")
    at: datetime = Field(sa_type=Instant)


class Climb(SQLModel, table=True):
    """A step that an alarm took; rows are only ever added."""

    __tablename__ = "ladder_climbs"
    __table_args__ = (
        UniqueConstraint("alarm_id", "step"),
        Index("ix_ladder_climbs_at", "at"),
    )

    id: UUID = PrimaryId()
    alarm_id: UUID = Field(foreign_key="alarms.id")
    step: int
    due_at: datetime = Field(sa_type=Instant)
    at: datetime = Field(sa_type=Instant)
    acts: list[str] = Field(sa_type=Texts)
    left_out: list[str] = Field(sa_type=Texts)
    """What quiet hours held back."""


class OnCall(SQLModel, table=True):
    """Who is called for a station when no crew answers, lowest `rank` first."""

    __tablename__ = "on_call"
    __table_args__ = (UniqueConstraint("station_id", "user_id"),)

    id: UUID = PrimaryId()
    station_id: UUID = Field(foreign_key="stations.id")
    user_id: UUID = Field(foreign_key="users.id")
    rank: int
