"""Shapes of sign-in, accounts, keys and the audit trail on the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from app.core.permissions import Permission, Role
from app.core.texts import Line, Phone
from app.identity.devices import Owned
from app.web.wire import Body, Out

Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Username = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{1,39}$"),
]
"""Two to forty letters, digits, dots, dashes; kept in lower case."""


class DeviceIn(Body):
    """The installation of the phone app."""

    id: UUID
    """Made by the phone at installation."""
    name: Line
    platform: Literal["android", "ios", "harmony", "web"]
    brand: Line | None = None
    """Who made the phone: what its pushes are worth depends on it."""
    app_version: Line | None = None


class LoginIn(Body):
    """Name and password; a phone adds its device."""

    username: Line
    password: Secret
    device: DeviceIn | None = None


class RefreshIn(Body):
    """The refresh token, from the device that it was given to."""

    refresh_token: Secret
    device_id: UUID | None = None
    """Required where the sign-in was made with a device."""


class TokensOut(Out):
    """Tokens of one sign-in; each refresh replaces both."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the kind of token, not a secret
    expires_in_s: int
    """Seconds that the access token lives."""
    refresh_token: str
    refresh_expires_at: datetime
    session_id: UUID


class GrantIn(Body):
    """A role over a station and all below it."""

    role: Role
    station_id: UUID | None = None
    """Null for the whole company."""


class GrantOut(Out):
    id: UUID
    role: Role
    station_id: UUID | None
    """Null for the whole company."""


class UserIn(Body):
    """A new account; its first password is made by the service."""

    username: Username
    display_name: Line
    phone: Phone | None = None
    language: Literal["zh", "en"] = "zh"
    grants: list[GrantIn] = Field(min_length=1, max_length=20)


class UserOut(Out):
    id: UUID
    username: str
    display_name: str
    phone: str | None
    language: Literal["zh", "en"]
    disabled_at: datetime | None
    created_at: datetime
    version: int
    grants: list[GrantOut]


class UserWithPasswordOut(UserOut):
    """An account with a password that was just made."""

    password: str | None = None
    """Shown once: null in a replay of the answer. The person changes it at `/me/password`."""


class PasswordIn(Body):
    current_password: Secret
    new_password: Secret
    """At least 10 characters, and not the username."""


class MeOut(Out):
    """The signed-in person and what they may do."""

    id: UUID
    username: str
    display_name: str
    phone: str | None
    language: Literal["zh", "en"]
    grants: list[GrantOut]
    permissions: list[Permission]
    technician_id: UUID | None
    crew_ids: list[UUID]
    session_id: UUID | None
    device_id: UUID | None


class SessionOut(Out):
    """One sign-in of one's own."""

    id: UUID
    device_id: UUID | None
    device_name: str | None
    platform: str | None
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    current: bool
    """The sign-in that this request was made with."""


class SessionsOut(Out):
    items: list[SessionOut]


class RevocationIn(Body):
    """Why a phone must not be used any more."""

    reason: Line


class OwnedDeviceOut(Out):
    """One installation of the phone app."""

    id: UUID
    user_id: UUID
    user_name: str
    name: str
    platform: str
    app_version: str | None
    last_seen_at: datetime | None
    skew_ms: int | None
    """Its clock minus the server's, as last measured."""
    revoked_at: datetime | None
    revoked_why: str | None

    @classmethod
    def of(cls, owned: Owned) -> Self:
        row = owned.device.model_dump(include=set(cls.model_fields))
        return cls(**row, user_name=owned.user.display_name)


class ApiKeyIn(Body):
    """A key for a call-centre system."""

    name: Line
    permissions: list[Permission] = Field(min_length=1, max_length=20)
    """Only those of a call centre: customers, orders, catalogue and organisation."""
    station_id: UUID | None = None
    """The key reaches this station and all below it; null for the whole company."""
    valid_days: int = Field(default=365, ge=1, le=730)


class ApiKeyOut(Out):
    id: UUID
    name: str
    prefix: str
    """The first part of the key, by which it is recognised."""
    permissions: list[Permission]
    station_id: UUID | None
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To within some minutes."""


class ApiKeyWithSecretOut(ApiKeyOut):
    """A key that was just made."""

    key: str | None = None
    """Shown once, for the `X-API-Key` header: null in a replay of the answer."""


class AuditRecordOut(Out):
    """One act of reading personal data or of administration."""

    id: int
    at: datetime
    principal_id: UUID
    principal_name: str
    action: str
    subject: str
    subject_id: UUID | None
    detail: dict[str, object]
