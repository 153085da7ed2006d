"""Accounts and grants, administered inside one's own scope."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.core.texts import Line
from app.identity import administration
from app.identity.access import allow, allow_once
from app.identity.models import User
from app.identity.schemas import GrantIn, GrantOut, UserIn, UserOut, UserWithPasswordOut
from app.identity.shown_once import ShownOnceRoute, show_once
from app.web.transactions import Session
from app.web.wire import CursorParam, Limit, Page, decode_cursor, encode_cursor, problem_responses

router = APIRouter(prefix="/users", tags=["users"], route_class=ShownOnceRoute)
Reader = Annotated[Principal, allow(P.USERS_READ)]
Admin = Annotated[Principal, allow_once(P.USERS_WRITE)]


async def _fields(session: Session, users: Sequence[User]) -> list[dict[str, Any]]:
    grants = await administration.grants_by_user(session, [user.id for user in users])
    return [
        user.model_dump(exclude={"password_hash"})
        | {"grants": [GrantOut.model_validate(each) for each in grants.get(user.id, [])]}
        for user in users
    ]


def _username(cursor: str | None) -> str | None:
    if not cursor:
        return None
    after = decode_cursor(cursor, 1)[0]
    if not isinstance(after, str) or not after.isprintable():
        raise InvalidInput("the cursor belongs to another list")
    return after


@router.get("", response_model=Page[UserOut])
async def list_users(
    principal: Reader,
    session: Session,
    q: Annotated[Line | None, Query(description="Part of the username or name.")] = None,
    limit: Limit = 50,
    cursor: CursorParam = None,
) -> Page[UserOut]:
    """Accounts with a grant inside the caller's stations, by username."""
    after = _username(cursor)
    users = await administration.list_users(
        session, principal, search=q, after=after, limit=limit + 1
    )
    items = [UserOut(**each) for each in await _fields(session, users[:limit])]
    more = len(users) > limit
    return Page(items=items, next_cursor=encode_cursor(items[-1].username) if more else None)


@router.post(
    "", response_model=UserWithPasswordOut, status_code=201, responses=problem_responses(409)
)
async def create_user(
    request: Request, principal: Admin, session: Session, body: UserIn
) -> UserWithPasswordOut:
    """A new account; its first password is in this answer and nowhere else."""
    user, password = await administration.create_user(
        session,
        principal,
        username=body.username,
        display_name=body.display_name,
        phone=body.phone,
        language=body.language,
        grants=[(each.role, each.station_id) for each in body.grants],
    )
    show_once(request, password=password)
    return UserWithPasswordOut(**(await _fields(session, [user]))[0])


@router.get("/{user_id}", response_model=UserOut, responses=problem_responses(404))
async def get_user(principal: Reader, session: Session, user_id: UUID) -> UserOut:
    """One account with its grants."""
    user = await administration.seen(session, principal, P.USERS_READ, user_id)
    return UserOut(**(await _fields(session, [user]))[0])


@router.post(
    "/{user_id}/grants",
    response_model=GrantOut,
    status_code=201,
    responses=problem_responses(404, 409),
)
async def grant_role(principal: Admin, session: Session, user_id: UUID, body: GrantIn) -> GrantOut:
    """Give a role over a station and all below it, inside the caller's own scope."""
    row = await administration.grant_role(session, principal, user_id, body.role, body.station_id)
    return GrantOut.model_validate(row)


@router.delete(
    "/{user_id}/grants/{grant_id}", status_code=204, responses=problem_responses(404, 409)
)
async def revoke_grant(principal: Admin, session: Session, user_id: UUID, grant_id: UUID) -> None:
    """Take a role back."""
    await administration.revoke_grant(session, principal, user_id, grant_id)


@router.post("/{user_id}/disable", response_model=UserOut, responses=problem_responses(404, 409))
async def disable_user(principal: Admin, session: Session, user_id: UUID) -> UserOut:
    """End every sign-in of this person at once and refuse new ones."""
    user = await administration.disable(session, principal, user_id)
    return UserOut(**(await _fields(session, [user]))[0])


@router.post("/{user_id}/enable", response_model=UserOut, responses=problem_responses(404, 409))
async def enable_user(principal: Admin, session: Session, user_id: UUID) -> UserOut:
    """Let this person sign in again."""
    user = await administration.enable(session, principal, user_id)
    return UserOut(**(await _fields(session, [user]))[0])


@router.post(
    "/{user_id}/password",
    response_model=UserWithPasswordOut,
    responses=problem_responses(404, 409),
)
async def reset_password(
    request: Request, principal: Admin, session: Session, user_id: UUID
) -> UserWithPasswordOut:
    """Replace a forgotten password; the new one is in this answer and nowhere else."""
    user, password = await administration.reset_password(session, principal, user_id)
    show_once(request, password=password)
    return UserWithPasswordOut(**(await _fields(session, [user]))[0])
