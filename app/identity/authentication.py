"""Who is asking: a bearer token of a live sign-in, or the key of another system."""

from fastapi import Request
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.scope import Principal
from app.identity import api_keys, repository, tokens
from app.identity.errors import Unauthenticated
from app.identity.service import principal_of

KEY_HEADER = "X-API-Key"


async def authenticate(request: Request, session: AsyncSession) -> Principal:
    """The caller, also left in `request.state.principal`; raises Unauthenticated.

    One query tells that the sign-in was not revoked and the person not disabled, so both take
    effect with the next request.
    """
    key = request.headers.get(KEY_HEADER)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        principal = await _of_token(session, token.strip())
    elif key:
        principal = await api_keys.principal_of_key(session, key)
    else:
        raise Unauthenticated("send Authorization: Bearer <access token>, or X-API-Key")
    request.state.principal = principal
    return principal


async def _of_token(session: AsyncSession, token: str) -> Principal:
    claims = tokens.read_access_token(token)
    standing = await repository.standing_of_session(
        session, claims.user_id, claims.session_id, clock.real_now()
    )
    if standing is None:
        raise Unauthenticated("the sign-in has ended")
    return principal_of(standing, claims.session_id)
