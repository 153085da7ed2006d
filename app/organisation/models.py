"""Stations, the people in them, the crews that are planned, and their time."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import Geography
from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.columns import Area, Instant, Json, Point, PrimaryId


class Station(SQLModel, table=True):
    """A repair station; `path` holds the codes from the root, `/CO/N/S01/`.

    `contractor` and `settlement_unit` hold for all below it, too (DOMAIN D15).
    """

    __tablename__ = "stations"
    __table_args__ = (
        Index("ix_stations_path", "path", postgresql_ops={"path": "text_pattern_ops"}),
    )

    id: UUID = PrimaryId()
    code: str = Field(unique=True)
    name: str
    parent_id: UUID | None = Field(default=None, foreign_key="stations.id")
    path: str = Field(unique=True)
    area: Any = Field(default=None, sa_type=Area(nullable=True), nullable=True)
    location: Any = Field(default=None, sa_type=Point(nullable=True), nullable=True)
    contractor: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    settlement_unit: str | None = None
    """Under which code its people are paid; null takes it from above."""
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class Technician(SQLModel, table=True):
    """A person who repairs; signs in through `user_id`."""

    __tablename__ = "technicians"

    id: UUID = PrimaryId()
    user_id: UUID = Field(foreign_key="users.id", unique=True)
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    employee_no: str = Field(unique=True)
    name: str
    phone: str | None = None
    active: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})


class TechnicianSkill(SQLModel, table=True):
    """A skill with its certificate; an expired one blocks assignment (DOMAIN section 6)."""

    __tablename__ = "technician_skills"
    __table_args__ = (UniqueConstraint("technician_id", "skill"),)

    id: UUID = PrimaryId()
    technician_id: UUID = Field(foreign_key="technicians.id", index=True)
    skill: str
    certificate_no: str | None = None
    expires_on: date | None = None


class Crew(SQLModel, table=True):
    """The unit that is planned. A joint crew is made of other crews' members for one order."""

    __tablename__ = "crews"
    __table_args__ = (CheckConstraint("kind IN ('standing','joint')", name="kind"),)

    id: UUID = PrimaryId()
    code: str = Field(unique=True)
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    name: str
    kind: str = Field(default="standing", sa_column_kwargs={"server_default": "standing"})
    active: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class CrewMember(SQLModel, table=True):
    """A technician's time in a crew; one leader, any number of helpers or trainees."""

    __tablename__ = "crew_members"
    __table_args__ = (
        CheckConstraint("role IN ('leader','helper','trainee')", name="role"),
        Index(
            "uq_crew_members_leader",
            "crew_id",
            unique=True,
            postgresql_where=text("role = 'leader' AND until IS NULL"),
        ),
        Index(
            "uq_crew_members_current",
            "crew_id",
            "technician_id",
            unique=True,
            postgresql_where=text("until IS NULL"),
        ),
    )

    id: UUID = PrimaryId()
    crew_id: UUID = Field(foreign_key="crews.id", index=True)
    technician_id: UUID = Field(foreign_key="technicians.id", index=True)
    role: str
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)


class Shift(SQLModel, table=True):
    """When a crew works; `breaks` are `{"from", "to", "duration_s"}` in ISO 8601."""

    __tablename__ = "shifts"
    __table_args__ = (
        UniqueConstraint("crew_id", "starts_at"),
        CheckConstraint("ends_at > starts_at", name="order"),
        Index("ix_shifts_ends_at", "ends_at"),
    )

    id: UUID = PrimaryId()
    crew_id: UUID = Field(foreign_key="crews.id", index=True)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    breaks: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)


class Attendance(SQLModel, table=True):
    """Clock-in and clock-out of a technician; at most one open."""

    __tablename__ = "attendance"
    __table_args__ = (
        Index(
            "uq_attendance_open",
            "technician_id",
            unique=True,
            postgresql_where=text("clock_out_at IS NULL"),
        ),
    )

    id: UUID = PrimaryId()
    technician_id: UUID = Field(foreign_key="technicians.id", index=True)
    clock_in_at: datetime = Field(sa_type=Instant)
    clock_out_at: datetime | None = Field(default=None, sa_type=Instant)
    clock_in_place: Any = Field(default=None, sa_type=Point(nullable=True), nullable=True)


class Presence(SQLModel, table=True):
    """Where a technician was last heard of; kept only while clocked in (DOMAIN D12)."""

    __tablename__ = "presence"

    technician_id: UUID = Field(foreign_key="technicians.id", primary_key=True)
    online: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    seen_at: datetime = Field(sa_type=Instant)
    location: Any = Field(default=None, sa_type=Point(nullable=True), nullable=True)
    location_at: datetime | None = Field(default=None, sa_type=Instant)


class Position(SQLModel, table=True):
    """A fix that a phone measured while its technician was clocked in; kept 30 days.

    `client_at` is the phone's own time and, with the technician, names the fix: it stays the same
    when the fix is sent again, while the correction by the skew of that moment does not.
    """

    __tablename__ = "positions"
    __table_args__ = (
        Index("ix_positions_technician_at", "technician_id", "at"),
        # Rows come nearly in the order of time, so block ranges find a span, in a tiny index.
        Index("ix_positions_at", "at", postgresql_using="brin"),
    )

    technician_id: UUID = Field(foreign_key="technicians.id", primary_key=True)
    client_at: datetime = Field(sa_type=Instant, primary_key=True)
    at: datetime = Field(sa_type=Instant)
    """By our clock: `client_at` without the device's skew, never after `received_at`."""
    received_at: datetime = Field(sa_type=Instant)
    place: Any = Field(
        sa_type=Geography("POINT", srid=4326, nullable=False, spatial_index=False), nullable=False
    )
    accuracy_m: float
    mocked: bool
    """The phone's system said that another app supplied the position."""
