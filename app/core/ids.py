"""Identifiers: time-ordered UUIDs (RFC 9562 version 7), so that indexes grow at one end."""

import os
import secrets
import time
from uuid import UUID


def new_id() -> UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return UUID(int=value)


def new_secret(nbytes: int = 32) -> str:
    """An unguessable URL-safe string for tokens and keys."""
    return secrets.token_urlsafe(nbytes)
