"""People, their grants, sessions and devices, and the keys of other systems."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, PrimaryId, Texts


class User(SQLModel, table=True):
    """A person who signs in. `disabled_at` ends every session at once."""

    __tablename__ = "users"

    id: UUID = PrimaryId()
    username: str = Field(unique=True)
    password_hash: str
    display_name: str
    phone: str | None = None
    language: str = Field(default="zh", sa_column_kwargs={"server_default": "zh"})
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class RoleGrant(SQLModel, table=True):
    """A role over a station and all below it; the company when `station_id` is null."""

    __tablename__ = "role_grants"
    __table_args__ = (
        UniqueConstraint("user_id", "role", "station_id", postgresql_nulls_not_distinct=True),
    )

    id: UUID = PrimaryId()
    user_id: UUID = Field(foreign_key="users.id", index=True)
    role: str
    station_id: UUID | None = Field(default=None, foreign_key="stations.id")


class Device(SQLModel, table=True):
    """One installation of the phone app; commands are ordered per device."""

    __tablename__ = "devices"

    id: UUID = Field(primary_key=True)
    """Made by the phone at installation."""
    user_id: UUID = Field(foreign_key="users.id", index=True)
    name: str
    platform: str
    brand: str | None = None
    """Who made the phone, in lower case: what its pushes are worth depends on it."""
    app_version: str | None = None
    created_at: datetime = Field(sa_type=Instant)
    last_seen_at: datetime | None = Field(default=None, sa_type=Instant)
    skew_ms: int | None = None
    """Device clock minus ours, estimated at each sync (DOMAIN: two clocks)."""
    last_command_seq: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Of the present person; it starts anew when the device changes hands."""
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    """Lost or stolen: nobody signs in on it until it is found again."""
    revoked_by: UUID | None = Field(default=None, foreign_key="users.id")
    revoked_why: str | None = None


class LoginSession(SQLModel, table=True):
    """A signed-in device or browser; its refresh token rotates, and reuse ends it."""

    __tablename__ = "login_sessions"

    id: UUID = PrimaryId()
    user_id: UUID = Field(foreign_key="users.id", index=True)
    device_id: UUID | None = Field(default=None, foreign_key="devices.id")
    refresh_hash: str = Field(unique=True)
    previous_refresh_hash: str | None = Field(default=None, index=True)
    rotated_at: datetime = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_why: str | None = None


class LoginAttempt(SQLModel, table=True):
    """A failed sign-in, counted against its username and address."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("ix_login_attempts_username_at", "username", "at"),
        Index("ix_login_attempts_address_at", "address", "at"),
    )

    id: UUID = PrimaryId()
    username: str
    address: str
    at: datetime = Field(sa_type=Instant)


class ApiKey(SQLModel, table=True):
    """A call-centre system's key: only its hash is kept; scoped and expiring."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("cardinality(permissions) > 0", name="has_permissions"),)

    id: UUID = PrimaryId()
    name: str
    prefix: str = Field(unique=True)
    key_hash: str
    permissions: list[str] = Field(sa_type=Texts)
    station_id: UUID | None = Field(default=None, foreign_key="stations.id")
    created_by: UUID = Field(foreign_key="users.id")
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
