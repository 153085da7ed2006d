"""Fault codes, cause codes and service limits: data with versions, never edited in place."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.columns import Json, Points, PrimaryId


class CatalogueVersion(SQLModel, table=True):
    """A published catalogue, in force from a local date until the next one."""

    __tablename__ = "catalogue_versions"

    version: int = Field(primary_key=True)
    name: str
    effective_from: date = Field(unique=True)
    source: str


class FaultCode(SQLModel, table=True):
    """What can be wrong, and what repairing it takes (DOMAIN section 4)."""

    __tablename__ = "fault_codes"
    __table_args__ = (
        UniqueConstraint("version", "code"),
        CheckConstraint("safety_level BETWEEN 1 AND 4", name="safety_level"),
        CheckConstraint("owner IN ('U','N','S','-')", name="owner"),
        CheckConstraint("service_class IN ('E1','E2','H3','H4','C5')", name="service_class"),
        CheckConstraint("domain IN ('heat','power')", name="domain"),
    )

    id: UUID = PrimaryId()
    version: int = Field(foreign_key="catalogue_versions.version")
    code: str
    name_zh: str
    name_en: str
    domain: str
    fault_group: str
    """Faults that a second call at the same premises would name alike."""
    service_minutes: int
    skills: list[dict[str, Any]] = Field(sa_type=Json)
    """`[{"skill": "PL", "count": 2}]`: how many members must hold each."""
    crew_size: int
    safety_level: int
    owner: str
    evidence: str
    """Letters of DOMAIN section 4; A and F are always required."""
    service_class: str
    points: Decimal = Field(sa_type=Points)


class CauseCode(SQLModel, table=True):
    """Why it was wrong, as the crew found it."""

    __tablename__ = "cause_codes"
    __table_args__ = (UniqueConstraint("version", "code"),)

    id: UUID = PrimaryId()
    version: int = Field(foreign_key="catalogue_versions.version")
    code: str
    name_zh: str
    name_en: str


class ServiceProfile(SQLModel, table=True):
    """A named, dated set of limits; a lead to check against the current text, not law."""

    __tablename__ = "service_profiles"
    __table_args__ = (UniqueConstraint("name", "effective_from"),)

    id: UUID = PrimaryId()
    name: str
    effective_from: date
    source: str
    note: str
    reference: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """Something published to compare with; never the profile that orders are taken under."""


class ServiceLimit(SQLModel, table=True):
    """One limit of a profile, e.g. E1 heat urban K4: 1800 s, a cap."""

    __tablename__ = "service_limits"
    __table_args__ = (
        UniqueConstraint("profile_id", "service_class", "domain", "zone", "clock"),
        CheckConstraint("kind IN ('average','cap')", name="kind"),
        CheckConstraint("limit_s > 0", name="limit_positive"),
        CheckConstraint("calendar IN ('always','working_days')", name="calendar"),
    )

    id: UUID = PrimaryId()
    profile_id: UUID = Field(foreign_key="service_profiles.id", index=True)
    service_class: str
    domain: str
    zone: str
    clock: str
    """K1 to K8, SAFE for making safe, SLOT for the tolerance of an appointment (DOMAIN 3, 7)."""
    limit_s: int
    kind: str
    calendar: str = Field(default="always", sa_column_kwargs={"server_default": "always"})
    """Which days use the limit up: each, or working days of 24 hours (DOMAIN 7, calendars)."""
    source: str
    """Where the figure comes from."""


class ServicePolicy(SQLModel, table=True):
    """Numbers of the trade that a company may change, in force from a local date (DOMAIN 6, 7)."""

    __tablename__ = "service_policies"

    id: UUID = PrimaryId()
    name: str
    effective_from: date = Field(unique=True)
    source: str
    rules: dict[str, Any] = Field(sa_type=Json)
    """As in the shipped file: urging, supervision, approvals, rebooking, holds, messages."""
