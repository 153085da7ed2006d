"""Failed sign-ins, counted per username and per address over a sliding window of real time."""

from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.identity.errors import TooManyAttempts
from app.identity.models import LoginAttempt

WINDOW = timedelta(minutes=15)
PER_USERNAME = 8
PER_ADDRESS = 60
_KEPT = timedelta(days=1)
_UNDECIDED = ""


async def admit(session: AsyncSession, username: str, address: str) -> UUID:
    """An attempt that may go on, counted for the username at once; raises TooManyAttempts.

    It is written before the password is looked at, so that many guesses sent side by side do not
    all pass the count. The address counts it only when it has failed: a whole station may sign
    in at the same minute behind one address.
    """
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"sign-in:{username}"},
    )
    now = clock.real_now()
    since = now - WINDOW
    by_name = select(LoginAttempt.at).where(LoginAttempt.username == username)
    by_address = select(LoginAttempt.at).where(LoginAttempt.address == address)
    for statement, most in ((by_name, PER_USERNAME), (by_address, PER_ADDRESS)):
        recent = statement.where(LoginAttempt.at > since)
        times = (await session.exec(recent.order_by(col(LoginAttempt.at).desc()).limit(most))).all()
        if len(times) == most:
            raise TooManyAttempts(_wait_s(times[-1], now))
    attempt = LoginAttempt(username=username, address=_UNDECIDED, at=now)
    session.add(attempt)
    await session.flush()
    return attempt.id


def _wait_s(oldest: datetime, now: datetime) -> int:
    return max(1, ceil((oldest + WINDOW - now).total_seconds()))


async def failed(session: AsyncSession, attempt_id: UUID, address: str) -> None:
    """The attempt failed: now it counts for the address as well."""
    await session.exec(
        update(LoginAttempt).where(col(LoginAttempt.id) == attempt_id).values(address=address)
    )


async def succeeded(session: AsyncSession, username: str) -> None:
    """Forget the failures of this username, and everybody's of more than a day ago."""
    old = clock.real_now() - _KEPT
    await session.exec(
        delete(LoginAttempt).where(
            (col(LoginAttempt.username) == username) | (col(LoginAttempt.at) < old)
        )
    )
