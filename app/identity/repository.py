"""Rows of identity, and the few of stations and crews that say how far a grant reaches.

Organisation stands above identity, so its tables are read here by SQL text, never by import; so are
the count of commands and the one write to push addresses, when a device changes hands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, text, true
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.core.permissions import Role
from app.core.scope import Grant
from app.identity.models import RoleGrant, User

_STANDING = """
SELECT u.id AS user_id, u.display_name, u.language, t.id AS technician_id,
  ARRAY(SELECT m.crew_id FROM crew_members m JOIN crews c ON c.id = m.crew_id
        WHERE m.technician_id = t.id AND m.until IS NULL AND c.active) AS crew_ids,
  ARRAY(SELECT jsonb_build_object('role', g.role, 'stations',
          CASE WHEN g.station_id IS NOT NULL THEN
            (SELECT jsonb_agg(below.id) FROM stations top
             JOIN stations below ON starts_with(below.path, top.path)
             WHERE top.id = g.station_id) END)
        FROM role_grants g WHERE g.user_id = u.id ORDER BY g.id) AS grants
"""
_PEOPLE = "FROM users u LEFT JOIN technicians t ON t.user_id = u.id AND t.active"
_OF_USER = text(f"{_STANDING} {_PEOPLE} WHERE u.id = :user_id AND u.disabled_at IS NULL")
_OF_SESSION = (
    f"{_STANDING}, s.device_id {_PEOPLE} JOIN login_sessions s ON s.user_id = u.id"
    " WHERE u.id = :user_id AND u.disabled_at IS NULL AND s.id = :session_id"
    " AND s.revoked_at IS NULL AND s.expires_at > :now"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A person with everything that decides what they may see."""

    user_id: UUID
    display_name: str
    language: str
    technician_id: UUID | None
    crew_ids: frozenset[UUID]
    grants: tuple[Grant, ...]
    device_id: UUID | None


def _standing(row: Any) -> Standing:
    return Standing(
        user_id=row.user_id,
        display_name=row.display_name,
        language=row.language,
        technician_id=row.technician_id,
        crew_ids=frozenset(row.crew_ids),
        grants=tuple(
            Grant(
                Role(grant["role"]),
                None
                if grant["stations"] is None
                else frozenset(UUID(each) for each in grant["stations"]),
            )
            for grant in row.grants
        ),
        device_id=getattr(row, "device_id", None),
    )


async def standing_of_user(session: AsyncSession, user_id: UUID) -> Standing | None:
    """The person, or None when unknown or disabled; one query."""
    row = (await session.execute(_OF_USER, {"user_id": user_id})).one_or_none()
    return None if row is None else _standing(row)


async def standing_of_session(
    session: AsyncSession, user_id: UUID, session_id: UUID, now: Any
) -> Standing | None:
    """The person of a live sign-in; None when it ended or the person was disabled; one query."""
    row = await sql.first(
        session, _OF_SESSION, {"user_id": user_id, "session_id": session_id, "now": now}
    )
    return None if row is None else _standing(row)


async def subtree(session: AsyncSession, station_id: UUID) -> frozenset[UUID]:
    """The station and all below it; empty when there is no such station."""
    rows = await session.execute(
        text(
            "SELECT below.id FROM stations top"
            " JOIN stations below ON starts_with(below.path, top.path) WHERE top.id = :id"
        ),
        {"id": station_id},
    )
    return frozenset(row[0] for row in rows)


async def user_by_name(session: AsyncSession, username: str) -> User | None:
    return (await session.exec(select(User).where(User.username == username))).one_or_none()


async def grants_of(session: AsyncSession, user_ids: Sequence[UUID]) -> Sequence[RoleGrant]:
    """The grants of these people, oldest first."""
    return (
        await session.exec(
            select(RoleGrant)
            .where(col(RoleGrant.user_id).in_(user_ids))
            .order_by(col(RoleGrant.id))
        )
    ).all()


async def grant_at(
    session: AsyncSession, user_id: UUID, role: str, station_id: UUID | None
) -> RoleGrant | None:
    return (
        await session.exec(
            select(RoleGrant).where(
                RoleGrant.user_id == user_id,
                RoleGrant.role == role,
                col(RoleGrant.station_id).is_not_distinct_from(station_id),
            )
        )
    ).one_or_none()


def _in_scope(stations: frozenset[UUID] | None) -> ColumnElement[bool]:
    """Accounts with at least one grant at these stations; all of them for the company (None)."""
    if stations is None:
        return true()
    return exists().where(
        col(RoleGrant.user_id) == col(User.id), col(RoleGrant.station_id).in_(stations)
    )


async def user_in_scope(
    session: AsyncSession, user_id: UUID, stations: frozenset[UUID] | None
) -> User | None:
    return (
        await session.exec(select(User).where(User.id == user_id, _in_scope(stations)))
    ).one_or_none()


def ids_in_scope(stations: frozenset[UUID] | None, user_id: UUID | None) -> Any:
    """A subquery of the people in scope, or of one of them."""
    query = select(User.id).where(_in_scope(stations))
    return query if user_id is None else query.where(User.id == user_id)


async def users_in_scope(
    session: AsyncSession,
    stations: frozenset[UUID] | None,
    *,
    search: str | None,
    after: str | None,
    limit: int,
) -> Sequence[User]:
    """Accounts by username after `after`, whose username or name contains `search`."""
    statement = select(User).where(_in_scope(stations))
    if search:
        statement = statement.where(
            or_(
                col(User.username).icontains(search, autoescape=True),
                col(User.display_name).icontains(search, autoescape=True),
            )
        )
    if after is not None:
        statement = statement.where(User.username > after)
    return (await session.exec(statement.order_by(col(User.username)).limit(limit))).all()


async def locked_company_admins(session: AsyncSession) -> set[UUID]:
    """Enabled administrators of the whole company; until this transaction ends nobody else asks.

    Row locks would not do: a grant that is deleted side by side leaves the user's row as it was.
    """
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('company-admins', 0))")
    )
    rows = await session.exec(
        select(User.id)
        .join(RoleGrant, col(RoleGrant.user_id) == col(User.id))
        .where(
            RoleGrant.role == Role.ADMIN.value,
            col(RoleGrant.station_id).is_(None),
            col(User.disabled_at).is_(None),
        )
    )
    return set(rows.all())


async def commands_counted(session: AsyncSession, device_id: UUID, user_id: UUID) -> int:
    """The last number under which a command came from the device in this person's hands."""
    counted = await session.execute(
        text(
            "SELECT coalesce(max(device_seq), 0) FROM phone_commands"
            " WHERE device_id = :device AND user_id = :user"
        ),
        {"device": device_id, "user": user_id},
    )
    return int(counted.scalar_one())


async def bury_push_addresses(session: AsyncSession, device_id: UUID, at: datetime) -> None:
    """Let no push reach the device until its person registers it anew."""
    await session.execute(
        text(
            "UPDATE push_addresses SET dead_at = :at, dead_why = 'replaced'"
            " WHERE device_id = :device AND dead_at IS NULL"
        ),
        {"device": device_id, "at": at},
    )
