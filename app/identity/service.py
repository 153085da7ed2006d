"""Accounts and grants as other rooms need them; administration by people is next door."""

from typing import cast
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.i18n import Language
from app.core.permissions import Role
from app.core.problems import NotFound
from app.core.scope import Principal
from app.identity import passwords, repository
from app.identity.errors import UsernameTaken
from app.identity.models import RoleGrant, User
from app.identity.repository import Standing


def canonical_username(username: str) -> str:
    """Usernames are kept and compared without case or outer blanks."""
    return username.strip().casefold()


async def create_user(
    session: AsyncSession,
    *,
    username: str,
    password: str,
    display_name: str,
    phone: str | None = None,
    language: str = "zh",
) -> User:
    """A new account without any grant; raises UsernameTaken or PasswordTooWeak."""
    name = canonical_username(username)
    passwords.check_policy(name, password)
    if await repository.user_by_name(session, name) is not None:
        raise UsernameTaken(f"the username {name} is taken")
    user = User(
        username=name,
        password_hash=await passwords.hashed(password),
        display_name=display_name,
        phone=phone,
        language=language,
        created_at=clock.now(),
    )
    session.add(user)
    await session.flush()
    return user


async def grant(
    session: AsyncSession, user_id: UUID, role: Role, station_id: UUID | None
) -> RoleGrant:
    """The role over the station and all below it (None: the company); granting twice is once."""
    existing = await repository.grant_at(session, user_id, role.value, station_id)
    if existing is not None:
        return existing
    row = RoleGrant(user_id=user_id, role=role.value, station_id=station_id)
    session.add(row)
    await session.flush()
    return row


async def create_admin(
    session: AsyncSession, username: str, password: str, display_name: str
) -> User:
    """The first account of a deployment: administrator of the company."""
    user = await create_user(
        session, username=username, password=password, display_name=display_name
    )
    await grant(session, user.id, Role.ADMIN, None)
    return user


async def user(session: AsyncSession, user_id: UUID) -> User:
    """The account; NotFound when there is none."""
    row = await session.get(User, user_id)
    if row is None:
        raise NotFound("no such account", entity="user", id=str(user_id))
    return row


async def principal_of_user(session: AsyncSession, user_id: UUID) -> Principal:
    """The person as services see them, outside any sign-in; NotFound when disabled or unknown."""
    standing = await repository.standing_of_user(session, user_id)
    if standing is None:
        raise NotFound("no such active user", entity="user", id=str(user_id))
    return principal_of(standing)


def principal_of(standing: Standing, session_id: UUID | None = None) -> Principal:
    """The Principal of a person, in the sign-in `session_id` if there is one."""
    return Principal(
        id=standing.user_id,
        name=standing.display_name,
        grants=standing.grants,
        technician_id=standing.technician_id,
        crew_ids=standing.crew_ids,
        device_id=standing.device_id,
        session_id=session_id,
        language=cast(Language, standing.language),
    )
