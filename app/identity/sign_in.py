"""Signing in, in short transactions of its own.

The password is checked between transactions, since argon2 takes its time, and a failure is
committed although the request is refused; so these functions take the database, not a session.
"""

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.db import Database
from app.core.scope import Principal
from app.identity import passwords, repository, sessions, throttle
from app.identity.errors import InvalidCredentials, RefreshRefused, WrongPassword
from app.identity.models import LoginSession, User
from app.identity.service import canonical_username
from app.identity.sessions import DeviceSeen, TokenPair


async def sign_in(
    database: Database, username: str, password: str, address: str, device: DeviceSeen | None
) -> TokenPair:
    """A new sign-in; raises InvalidCredentials, or TooManyAttempts before it looks."""
    name = canonical_username(username)
    async with database.transaction() as session:
        attempt = await throttle.admit(session, name, address)
        user = await repository.user_by_name(session, name)
    enabled = user is not None and user.disabled_at is None
    right = await passwords.matches(password, user.password_hash if user else None)
    pair = None
    async with database.transaction() as session:
        if user is not None and enabled and right:
            pair = await _opened(session, user, device)
        if pair is None:
            await throttle.failed(session, attempt, address)
        else:
            await throttle.succeeded(session, name)
    if pair is None:
        raise InvalidCredentials()
    return pair


async def _opened(
    session: AsyncSession, checked: User, device: DeviceSeen | None
) -> TokenPair | None:
    if not await _unchanged(session, checked):
        return None
    return await sessions.open_session(session, checked.id, device)


async def _unchanged(session: AsyncSession, checked: User, *, alone: bool = False) -> bool:
    # While argon2 ran, the account may have been disabled or given another password. The lock
    # makes a disabling that comes now wait, and then end this sign-in too.
    unchanged = select(User.id).where(
        User.id == checked.id, User.version == checked.version, col(User.disabled_at).is_(None)
    )
    locked = unchanged.with_for_update(read=not alone)
    return (await session.exec(locked)).one_or_none() is not None


async def refresh(database: Database, token: str, device_id: UUID | None) -> TokenPair:
    """The next pair of tokens; raises RefreshRefused after what it found was committed."""
    async with database.transaction() as session:
        pair = await sessions.refresh(session, token, device_id)
    if pair is None:
        raise RefreshRefused()
    return pair


async def change_own_password(
    database: Database, principal: Principal, current: str, new: str, address: str
) -> None:
    """A new password in exchange for the current one; every other sign-in ends.

    Raises PasswordTooWeak, WrongPassword, or TooManyAttempts: a borrowed phone must not be a
    place to guess at. A password that was changed meanwhile is not the current one any more.
    """
    async with database.transaction() as session:
        user = await session.get_one(User, principal.id)
        passwords.check_policy(user.username, new)
        attempt = await throttle.admit(session, user.username, address)
    right = await passwords.matches(current, user.password_hash)
    new_hash = await passwords.hashed(new) if right else None
    async with database.transaction() as session:
        if new_hash is not None and await _unchanged(session, user, alone=True):
            await _replace_password(session, principal, user, new_hash)
            return
        await throttle.failed(session, attempt, address)
    raise WrongPassword()


async def _replace_password(
    session: AsyncSession, principal: Principal, checked: User, new_hash: str
) -> None:
    user = await session.get_one(User, checked.id)
    user.password_hash = new_hash
    user.version += 1
    await throttle.succeeded(session, user.username)
    await sessions.end_all(
        session,
        LoginSession.user_id == user.id,
        LoginSession.id != principal.session_id,
        why="the password was changed",
    )
