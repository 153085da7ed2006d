"""Access tokens (PyJWT, HS256, 10 minutes) and opaque secrets that are kept only as hashes."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from app.core import clock, settings
from app.core.ids import new_secret
from app.identity.errors import Unauthenticated

ACCESS_LIFETIME = timedelta(minutes=10)
REFRESH_LIFETIME = timedelta(days=30)
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Claims:
    """Who an access token speaks for, and in which sign-in."""

    user_id: UUID
    session_id: UUID


def access_token(user_id: UUID, session_id: UUID, issued_at: datetime | None = None) -> str:
    """A signed token for `ACCESS_LIFETIME` of real time from `issued_at`, or from now."""
    issued_at = issued_at or clock.real_now()
    claims = {
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + ACCESS_LIFETIME).timestamp()),
    }
    return jwt.encode(claims, settings.current().secret_key, algorithm=_ALGORITHM)


def read_access_token(token: str) -> Claims:
    """The claims of a token signed with the current or the previous key; raises Unauthenticated."""
    claims = _verified(token)
    if claims["exp"] <= clock.real_now().timestamp():
        raise Unauthenticated("the access token has run out")
    try:
        return Claims(UUID(claims["sub"]), UUID(claims["sid"]))
    except (TypeError, ValueError, AttributeError) as error:
        raise Unauthenticated("the access token is not one of ours") from error


def _verified(token: str) -> dict[str, Any]:
    current = settings.current()
    for key in filter(None, (current.secret_key, current.previous_secret_key)):
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                # Expiry is checked against `clock`, the one place that reads a clock.
                options={
                    "require": ["sub", "sid", "iat", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError:
            continue
        if isinstance(claims["exp"], int):
            return claims
    raise Unauthenticated("the access token is not one of ours")


def refresh_token(session_id: UUID) -> str:
    """An opaque secret that names its sign-in, so that a rotated one is recognised as such."""
    return f"{session_id.hex}.{new_secret()}"


def refresh_tokens_after(session_id: UUID, token: str) -> list[str]:
    """What `token` is exchanged for, by the current secret key and by the previous one.

    The same token always gives the same successor, so that a lost answer can be given again; who
    has a token without the key cannot compute it.
    """
    current = settings.current()
    keys = filter(None, (current.secret_key, current.previous_secret_key))
    said = f"refresh-token-after:{token}".encode()
    return [
        f"{session_id.hex}."
        + base64.urlsafe_b64encode(hmac.digest(key.encode(), said, "sha256")).decode().rstrip("=")
        for key in keys
    ]


def session_of_refresh_token(token: str) -> UUID | None:
    """The sign-in that the token names, or None when it has not the form of one."""
    try:
        return UUID(hex=token.partition(".")[0])
    except ValueError:
        return None


def digest(secret: str) -> str:
    """sha256 in hex: enough for secrets of 256 random bits, which nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()
