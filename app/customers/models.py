"""Who calls, from which premises, and where the building stands."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Point, PrimaryId


class Community(SQLModel, table=True):
    """A residential compound (小区)."""

    __tablename__ = "communities"
    __table_args__ = (UniqueConstraint("name", "district"),)

    id: UUID = PrimaryId()
    name: str
    district: str


class Building(SQLModel, table=True):
    """A building with its place, as stored and as it came; one station is responsible."""

    __tablename__ = "buildings"
    __table_args__ = (
        UniqueConstraint("community_id", "number"),
        CheckConstraint("datum IN ('wgs84','gcj02','bd09')", name="datum"),
        CheckConstraint("zone IN ('urban','rural','remote')", name="zone"),
        Index(
            "ix_buildings_address_trgm",
            "address",
            postgresql_using="gin",
            postgresql_ops={"address": "gin_trgm_ops"},
        ),
    )

    id: UUID = PrimaryId()
    community_id: UUID = Field(foreign_key="communities.id")
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    number: str
    address: str
    """The whole line people search for: district, road, number, community, building."""
    location: Any = Field(sa_type=Point(), nullable=False)
    original_lon: float
    original_lat: float
    datum: str
    zone: str = Field(default="urban", sa_column_kwargs={"server_default": "urban"})


class Premises(SQLModel, table=True):
    """A unit's room in a building (单元, 室), or a whole building when both are empty."""

    __tablename__ = "premises"
    __table_args__ = (UniqueConstraint("building_id", "unit", "room"),)

    id: UUID = PrimaryId()
    building_id: UUID = Field(foreign_key="buildings.id")
    unit: str = Field(default="", sa_column_kwargs={"server_default": ""})
    room: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Customer(SQLModel, table=True):
    """A person or firm with a contract."""

    __tablename__ = "customers"

    id: UUID = PrimaryId()
    customer_no: str = Field(unique=True)
    name: str
    language: str = Field(default="zh", sa_column_kwargs={"server_default": "zh"})
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class CustomerPhone(SQLModel, table=True):
    """A number that a customer calls from; several may share one."""

    __tablename__ = "customer_phones"
    __table_args__ = (UniqueConstraint("customer_id", "phone"),)

    id: UUID = PrimaryId()
    customer_id: UUID = Field(foreign_key="customers.id")
    phone: str = Field(index=True)


class Occupancy(SQLModel, table=True):
    """A customer holds premises."""

    __tablename__ = "occupancies"
    __table_args__ = (UniqueConstraint("customer_id", "premises_id"),)

    id: UUID = PrimaryId()
    customer_id: UUID = Field(foreign_key="customers.id")
    premises_id: UUID = Field(foreign_key="premises.id", index=True)


class AccountFlag(SQLModel, table=True):
    """What the agent must know at once: arrears, suspension, alteration, and who is vulnerable."""

    __tablename__ = "account_flags"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('arrears','suspension','alteration','vulnerable','key_customer')",
            name="kind",
        ),
        Index(
            "uq_account_flags_open",
            "premises_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: UUID = PrimaryId()
    premises_id: UUID = Field(foreign_key="premises.id", index=True)
    kind: str
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    since: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class ArrivalCode(SQLModel, table=True):
    """A QR code on a building or a box: whoever scans it stands before it."""

    __tablename__ = "arrival_codes"
    __table_args__ = (CheckConstraint("kind IN ('building','box')", name="kind"),)

    id: UUID = PrimaryId()
    building_id: UUID = Field(foreign_key="buildings.id", index=True)
    kind: str
    label: str
    """Where it is stuck: entrance 2, meter box in the cellar."""
    token: str = Field(unique=True)
    """128 random bits in base 32; kept readable, since the office prints it again."""
    created_by: UUID = Field(foreign_key="users.id")
    created_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
