"""Passwords: argon2 hashes, made off the event loop, and the least that a password must be."""

import asyncio
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.core import settings
from app.core.ids import new_secret
from app.identity.errors import PasswordTooWeak

MIN_LENGTH = 10


@cache
def _hasher(quick: bool) -> PasswordHash:
    return PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64) if quick else Argon2Hasher(),))


def _is_play() -> bool:
    """Tests and the demo make hundreds of sign-ins; the full cost would take most of their time."""
    return settings.current().environment is not settings.Environment.PRODUCTION


def _current() -> PasswordHash:
    return _hasher(_is_play())


@cache
def _nobodys_hash(quick: bool) -> str:
    return _hasher(quick).hash(new_secret())


def check_policy(username: str, password: str) -> None:
    """Raises PasswordTooWeak under 10 characters, or when it is the username."""
    if len(password) < MIN_LENGTH:
        raise PasswordTooWeak(f"at least {MIN_LENGTH} characters")
    if password.casefold() == username.casefold():
        raise PasswordTooWeak("the password must not be the username")


async def hashed(password: str) -> str:
    """The argon2 hash; takes about 50 ms of a thread, so never under a lock that others want."""
    return await asyncio.to_thread(_current().hash, password)


async def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is right; an unknown user (None) takes as long as a known one."""
    return await asyncio.to_thread(_matches, password, password_hash)


def _matches(password: str, password_hash: str | None) -> bool:
    hasher = _current()
    if password_hash is None:
        hasher.verify(password, _nobodys_hash(_is_play()))
        return False
    return hasher.verify(password, password_hash)
