"""Signing in and out, and what is one's own."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity import administration, service, sessions, sign_in
from app.identity.access import allow, allow_briefly, allow_once
from app.identity.schemas import (
    GrantOut,
    LoginIn,
    MeOut,
    PasswordIn,
    RefreshIn,
    SessionOut,
    SessionsOut,
    TokensOut,
)
from app.identity.sessions import DeviceSeen, TokenPair
from app.identity.tokens import ACCESS_LIFETIME
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

# Login, refresh and a new password open short transactions of their own: what they write about
# a refused attempt must stay although the answer is a refusal.
public = APIRouter(prefix="/auth", tags=["auth"], route_class=APIRoute)
own = APIRouter(tags=["auth"], route_class=APIRoute)
router = APIRouter(tags=["auth"], route_class=TransactionalRoute)
Me = Annotated[Principal, allow(P.SELF)]
MeOnce = Annotated[Principal, allow_once(P.SELF)]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _tokens(pair: TokenPair, response: Response) -> TokensOut:
    response.headers["Cache-Control"] = "no-store"
    return TokensOut(
        access_token=pair.access_token,
        expires_in_s=int(ACCESS_LIFETIME.total_seconds()),
        refresh_token=pair.refresh_token,
        refresh_expires_at=pair.refresh_expires_at,
        session_id=pair.session_id,
    )


@public.post("/login", response_model=TokensOut, responses=problem_responses(429))
async def login(request: Request, response: Response, body: LoginIn) -> TokensOut:
    """Sign in with a username and a password; a phone names its device.

    A device has one sign-in, and a new one ends it; within a minute both stay, so that a request
    that arrives twice signs nobody out.
    """
    device = DeviceSeen(**body.device.model_dump()) if body.device else None
    pair = await sign_in.sign_in(
        request.app.state.database, body.username, body.password, _address(request), device
    )
    return _tokens(pair, response)


@public.post("/refresh", response_model=TokensOut)
async def refresh(request: Request, response: Response, body: RefreshIn) -> TokensOut:
    """Exchange a refresh token for a new pair.

    A phone that lost the answer may repeat the request until it has used the new token; any other
    second use of a token ends the sign-in.
    """
    database = request.app.state.database
    pair = await sign_in.refresh(database, body.refresh_token, body.device_id)
    return _tokens(pair, response)


@router.post("/auth/logout", status_code=204)
async def logout(principal: Me, session: Session) -> None:
    """End the sign-in that this request was made with."""
    if principal.session_id is not None:
        await sessions.end_own(session, principal.id, principal.session_id, "signed out")


@router.get("/me", response_model=MeOut)
async def get_me(principal: Me, session: Session) -> MeOut:
    """The signed-in person, the roles and what they permit."""
    user = await service.user(session, principal.id)
    grants = await administration.grants_by_user(session, [user.id])
    return MeOut(
        **user.model_dump(include={"id", "username", "display_name", "phone", "language"}),
        grants=[GrantOut.model_validate(each) for each in grants.get(user.id, [])],
        permissions=[each for each in P if each is P.SELF or principal.may(each)],
        technician_id=principal.technician_id,
        crew_ids=sorted(principal.crew_ids),
        session_id=principal.session_id,
        device_id=principal.device_id,
    )


@own.post("/me/password", status_code=204, responses=problem_responses(429))
async def change_my_password(
    request: Request, principal: Annotated[Principal, allow_briefly(P.SELF)], body: PasswordIn
) -> None:
    """Change one's own password; every other sign-in of one's own ends."""
    await sign_in.change_own_password(
        request.app.state.database,
        principal,
        body.current_password,
        body.new_password,
        _address(request),
    )


@router.get("/me/sessions", response_model=SessionsOut)
async def list_my_sessions(principal: Me, session: Session) -> SessionsOut:
    """One's own live sign-ins, newest first."""
    rows = await sessions.live_sessions(session, principal.id)
    return SessionsOut(
        items=[
            SessionOut(
                id=row.id,
                device_id=row.device_id,
                device_name=device.name if device else None,
                platform=device.platform if device else None,
                created_at=row.created_at,
                refreshed_at=row.rotated_at,
                expires_at=row.expires_at,
                current=row.id == principal.session_id,
            )
            for row, device in rows
        ]
    )


@router.delete("/me/sessions/{session_id}", status_code=204, responses=problem_responses(404, 409))
async def end_my_session(principal: MeOnce, session: Session, session_id: UUID) -> None:
    """End one of one's own sign-ins, such as that of a lost phone."""
    await sessions.end_own(session, principal.id, session_id, "ended by its owner")
