"""Sign-ins of devices and browsers: opened, refreshed by rotating tokens, ended."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit, clock
from app.core.problems import NotFound
from app.identity import repository, service, tokens
from app.identity.errors import DeviceRevoked
from app.identity.models import Device, LoginSession, User

TWINS_WITHIN = timedelta(seconds=60)
"""A line may deliver one sign-in twice: the second does not end what the phone was answered."""


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """The installation that signs in, as it names itself."""

    id: UUID
    name: str
    platform: str
    brand: str | None = None
    app_version: str | None = None


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client keeps: a short access token and the token that renews it."""

    access_token: str
    refresh_token: str
    refresh_expires_at: datetime
    session_id: UUID


async def open_session(
    session: AsyncSession, user_id: UUID, device: DeviceSeen | None = None
) -> TokenPair:
    """A new sign-in; one that the same device still had is ended, whoever's it was.

    The same person's of a moment ago stays until one is refreshed: this may be its twin. A device
    that another person used starts anew: see `_take_over`.
    """
    now = clock.real_now()
    if device is not None:
        await _bind_device(session, user_id, device)
    row = LoginSession(
        user_id=user_id,
        device_id=device.id if device else None,
        refresh_hash="",
        rotated_at=now,
        created_at=now,
        expires_at=now,
    )
    pair = _renewed(row, tokens.refresh_token(row.id), now)
    session.add(row)
    await session.flush()
    return pair


async def _bind_device(session: AsyncSession, user_id: UUID, seen: DeviceSeen) -> None:
    now = clock.real_now()
    device = await session.get(Device, seen.id, with_for_update=True)
    if device is None:
        device = Device(
            id=seen.id, user_id=user_id, name=seen.name, platform=seen.platform, created_at=now
        )
    else:
        if device.revoked_at is not None:
            raise DeviceRevoked()
        before = or_(
            col(LoginSession.user_id) != user_id,
            col(LoginSession.created_at) <= now - TWINS_WITHIN,
        )
        await end_all(session, LoginSession.device_id == seen.id, before, why="signed in again")
        if device.user_id != user_id:
            await _take_over(session, user_id, device)
    device.name, device.platform = seen.name, seen.platform
    device.brand = seen.brand.lower() if seen.brand else None
    device.app_version = seen.app_version
    session.add(device)
    await session.flush()


async def _take_over(session: AsyncSession, user_id: UUID, device: Device) -> None:
    """Give the device of one person to another, and nothing of the former person's with it.

    Its commands are counted for each person apart, its skew is measured anew, and pushes that the
    former person gets no longer arrive on it; the trail says who took it from whom.
    """
    former, device.user_id = device.user_id, user_id
    device.last_command_seq = await repository.commands_counted(session, device.id, user_id)
    device.skew_ms, device.last_seen_at = None, None
    await repository.bury_push_addresses(session, device.id, clock.real_now())
    taker = await service.principal_of_user(session, user_id)
    await audit.record(session, taker, "took_over", "device", device.id, former_user_id=str(former))


def _renewed(row: LoginSession, refresh: str, now: datetime) -> TokenPair:
    row.refresh_hash, row.rotated_at = tokens.digest(refresh), now
    row.expires_at = now + tokens.REFRESH_LIFETIME
    return _pair(row, refresh, now)


def _pair(row: LoginSession, refresh: str, now: datetime) -> TokenPair:
    access = tokens.access_token(row.user_id, row.id, now)
    return TokenPair(access, refresh, row.expires_at, row.id)


async def refresh(session: AsyncSession, token: str, device_id: UUID | None) -> TokenPair | None:
    """A new pair for the token, or None when it is refused.

    A refusal is an answer and no exception, because what it writes must be committed: a token
    that was rotated away, or comes from another device, was copied, and ends the sign-in. The
    token before the current one gets the same refresh token again until that one is used, for a
    phone that lost the answer on its way and stays in a cellar for hours: only the hash of a token
    is kept, but the next one follows from the one before and the secret key.
    """
    session_id = tokens.session_of_refresh_token(token)
    row = await _live(session, session_id) if session_id else None
    if row is None:
        return None
    now = clock.real_now()
    presented = tokens.digest(token)
    if row.device_id != device_id:
        _end(row, "refreshed from another device")
    elif hmac.compare_digest(presented, row.refresh_hash):
        row.previous_refresh_hash = row.refresh_hash
        await _end_twins(session, row)
        return _renewed(row, tokens.refresh_tokens_after(row.id, token)[0], now)
    elif _lost_answer(row, presented) and (again := _same_answer(row, token, now)):
        return again
    else:
        _end(row, "a rotated refresh token was used again")
    return None


async def _end_twins(session: AsyncSession, row: LoginSession) -> None:
    """The phone has shown which of two sign-ins it keeps; nobody has the tokens of the other."""
    if row.device_id is None:
        return
    await end_all(
        session,
        LoginSession.user_id == row.user_id,
        LoginSession.device_id == row.device_id,
        LoginSession.id != row.id,
        why="the device uses another sign-in",
    )


def _same_answer(row: LoginSession, token: str, now: datetime) -> TokenPair | None:
    """The refresh token that this one was exchanged for, with a fresh access token.

    None when the secret key has changed twice.
    """
    for refresh in tokens.refresh_tokens_after(row.id, token):
        if hmac.compare_digest(tokens.digest(refresh), row.refresh_hash):
            return _pair(row, refresh, now)
    return None


def _lost_answer(row: LoginSession, presented: str) -> bool:
    return hmac.compare_digest(presented, row.previous_refresh_hash or "")


async def _live(session: AsyncSession, session_id: UUID) -> LoginSession | None:
    return (
        await session.exec(
            select(LoginSession)
            .join(User, col(User.id) == col(LoginSession.user_id))
            .where(
                LoginSession.id == session_id,
                col(LoginSession.revoked_at).is_(None),
                LoginSession.expires_at > clock.real_now(),
                col(User.disabled_at).is_(None),
            )
            .with_for_update(of=LoginSession)
        )
    ).one_or_none()


def _end(row: LoginSession, why: str) -> None:
    row.revoked_at, row.revoked_why = clock.real_now(), why


async def end_all(session: AsyncSession, *which: object, why: str) -> None:
    """End every live sign-in that the clauses select."""
    await session.exec(
        update(LoginSession)
        .where(*which, col(LoginSession.revoked_at).is_(None))  # type: ignore[arg-type]
        .values(revoked_at=clock.real_now(), revoked_why=why)
    )


async def live_sessions(
    session: AsyncSession, user_id: UUID
) -> Sequence[tuple[LoginSession, Device | None]]:
    """The person's own sign-ins that still count, newest first, each with its device."""
    rows = await session.exec(
        select(LoginSession, Device)
        .outerjoin(Device, col(Device.id) == col(LoginSession.device_id))
        .where(
            LoginSession.user_id == user_id,
            col(LoginSession.revoked_at).is_(None),
            LoginSession.expires_at > clock.real_now(),
        )
        .order_by(col(LoginSession.id).desc())
        .limit(200)
    )
    return [(row, device) for row, device in rows.all()]


async def end_own(session: AsyncSession, user_id: UUID, session_id: UUID, why: str) -> None:
    """End one sign-in of this person; NotFound for anybody else's."""
    row = await session.get(LoginSession, session_id, with_for_update=True)
    if row is None or row.user_id != user_id:
        raise NotFound("no such sign-in", entity="session", id=str(session_id))
    if row.revoked_at is None:
        _end(row, why)
