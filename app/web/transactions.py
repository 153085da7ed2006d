"""One request, one transaction, one commit at the edge, with the stored answer inside it."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.db import Database
from app.web.idempotency import KEY_HEADER, claim_key, store_answer


class TransactionalRoute(APIRoute):
    """Opens the request's transaction, and commits before the answer leaves.

    A commit that fails is therefore an error answer, never a 201. Answers to requests that
    claimed an idempotency key are stored in the same transaction.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            # The body is read before the transaction opens: a slow client must not hold it.
            await request.body()
            database: Database = request.app.state.database
            async with database.transaction() as session:
                request.state.session = session
                response = await inner(request)
                await store_answer(request, session, response)
            return response

        return handle


async def _session_of(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.session
    return session


Session = Annotated[AsyncSession, Depends(_session_of)]
"""The request's session; the route commits it."""


async def claim(request: Request, session: AsyncSession, principal_id: Any) -> None:
    """Claim this request's Idempotency-Key; raises the stored answer when it was used before."""
    digest = hashlib.sha256(
        request.url.path.encode() + b"?" + request.url.query.encode() + b"\n" + await request.body()
    ).hexdigest()
    route = f"{request.method} {request.scope['route'].path}"
    await claim_key(request, session, principal_id, route, request.headers.get(KEY_HEADER), digest)
