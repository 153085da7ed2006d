"""Accounts administered by people: nobody reaches beyond the scope that was given to them."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit, clock
from app.core.ids import new_secret
from app.core.permissions import Permission as P
from app.core.permissions import Role
from app.core.problems import NotFound
from app.core.scope import Principal
from app.identity import passwords, repository, service, sessions
from app.identity.errors import BeyondOwnScope, GrantExists, LastAdmin, NoSuchStation
from app.identity.models import LoginSession, RoleGrant, User


async def seen(session: AsyncSession, principal: Principal, permission: P, user_id: UUID) -> User:
    """An account with a grant inside the caller's stations; NotFound otherwise."""
    user = await repository.user_in_scope(session, user_id, principal.stations(permission))
    if user is None:
        raise NotFound("no such account", entity="user", id=str(user_id))
    return user


async def list_users(
    session: AsyncSession,
    principal: Principal,
    *,
    search: str | None,
    after: str | None,
    limit: int,
) -> Sequence[User]:
    """Accounts by username, after `after`, that the caller may see."""
    stations = principal.stations(P.USERS_READ)
    return await repository.users_in_scope(
        session, stations, search=search, after=after, limit=limit
    )


async def grants_by_user(
    session: AsyncSession, user_ids: Sequence[UUID]
) -> dict[UUID, list[RoleGrant]]:
    """Each person's grants, oldest first; people without any are absent."""
    found: dict[UUID, list[RoleGrant]] = {}
    for row in await repository.grants_of(session, user_ids):
        found.setdefault(row.user_id, []).append(row)
    return found


async def _governed(session: AsyncSession, principal: Principal, user_id: UUID) -> User:
    """An account whose every grant the caller covers: only then may it be taken over or ended."""
    user = await seen(session, principal, P.USERS_WRITE, user_id)
    for held in await repository.grants_of(session, [user_id]):
        if not _covers(principal, held.station_id):
            raise BeyondOwnScope("the account holds a grant outside your stations")
    return user


def _covers(principal: Principal, station_id: UUID | None) -> bool:
    if station_id is None:
        return principal.stations(P.USERS_WRITE) is None
    return principal.covers(P.USERS_WRITE, station_id)


async def check_reach(
    session: AsyncSession, principal: Principal, permission: P, station_id: UUID | None
) -> None:
    """Raises BeyondOwnScope for the company, NoSuchStation for a station, that is not theirs."""
    if station_id is None:
        if principal.stations(permission) is not None:
            raise BeyondOwnScope("only a company administrator reaches the whole company")
        return
    known = await repository.subtree(session, station_id)
    if not known or not principal.covers(permission, station_id):
        raise NoSuchStation(station_id=str(station_id))


async def create_user(
    session: AsyncSession,
    principal: Principal,
    *,
    username: str,
    display_name: str,
    phone: str | None,
    language: str,
    grants: Sequence[tuple[Role, UUID | None]],
) -> tuple[User, str]:
    """A new account with its grants and a first password, which is kept nowhere."""
    for _, station_id in grants:
        await check_reach(session, principal, P.USERS_WRITE, station_id)
    first_password = new_secret(12)
    user = await service.create_user(
        session,
        username=username,
        password=first_password,
        display_name=display_name,
        phone=phone,
        language=language,
    )
    for role, station_id in grants:
        await service.grant(session, user.id, role, station_id)
    told = [[role.value, str(station_id) if station_id else None] for role, station_id in grants]
    await audit.record(
        session, principal, "created", "user", user.id, username=user.username, grants=told
    )
    return user, first_password


async def grant_role(
    session: AsyncSession,
    principal: Principal,
    user_id: UUID,
    role: Role,
    station_id: UUID | None,
) -> RoleGrant:
    """Give a role inside the caller's own scope; raises GrantExists when it is held already."""
    user = await seen(session, principal, P.USERS_WRITE, user_id)
    await check_reach(session, principal, P.USERS_WRITE, station_id)
    if await repository.grant_at(session, user.id, role.value, station_id) is not None:
        raise GrantExists()
    row = await service.grant(session, user.id, role, station_id)
    await audit.record(session, principal, "granted", "user", user.id, **_told(row))
    return row


async def revoke_grant(
    session: AsyncSession, principal: Principal, user_id: UUID, grant_id: UUID
) -> None:
    """Take a role back; it counts from the next request of that person."""
    await seen(session, principal, P.USERS_WRITE, user_id)
    row = await session.get(RoleGrant, grant_id, with_for_update=True)
    if row is None or row.user_id != user_id:
        raise NotFound("no such grant", entity="grant", id=str(grant_id))
    if not _covers(principal, row.station_id):
        raise BeyondOwnScope("the grant lies outside your stations")
    if row.role == Role.ADMIN and row.station_id is None:
        await _not_the_last_admin(session, user_id)
    await session.delete(row)
    await audit.record(session, principal, "grant_revoked", "user", user_id, **_told(row))


def _told(row: RoleGrant) -> dict[str, object]:
    return {"role": row.role, "station_id": str(row.station_id) if row.station_id else None}


async def _not_the_last_admin(session: AsyncSession, user_id: UUID) -> None:
    admins = await repository.locked_company_admins(session)
    if admins == {user_id}:
        raise LastAdmin()


async def disable(session: AsyncSession, principal: Principal, user_id: UUID) -> User:
    """No further request of this person is answered; raises LastAdmin for the last one."""
    user = await _governed(session, principal, user_id)
    if user.disabled_at is not None:
        return user
    await _not_the_last_admin(session, user_id)
    user.disabled_at = clock.now()
    user.version += 1
    # Sign-ins end as rows too, so that enabling the account again brings none of them back.
    await sessions.end_all(session, LoginSession.user_id == user_id, why="the account was disabled")
    await audit.record(session, principal, "disabled", "user", user_id)
    return user


async def enable(session: AsyncSession, principal: Principal, user_id: UUID) -> User:
    """The person may sign in again."""
    user = await _governed(session, principal, user_id)
    if user.disabled_at is not None:
        user.disabled_at = None
        user.version += 1
        await audit.record(session, principal, "enabled", "user", user_id)
    return user


async def reset_password(
    session: AsyncSession, principal: Principal, user_id: UUID
) -> tuple[User, str]:
    """A new password, told once and kept nowhere; every sign-in of the person ends."""
    user = await _governed(session, principal, user_id)
    new_password = new_secret(12)
    user.password_hash = await passwords.hashed(new_password)
    user.version += 1
    await sessions.end_all(session, LoginSession.user_id == user_id, why="the password was reset")
    await audit.record(session, principal, "password_reset", "user", user_id)
    return user, new_password
