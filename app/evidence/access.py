"""Signing in for routes that stream: the transaction ends before the first byte moves."""

from typing import Any

from fastapi import Depends, Request

from app.core.db import Database
from app.core.permissions import Permission
from app.core.problems import Forbidden
from app.core.scope import Principal
from app.identity.access import Allow
from app.identity.authentication import authenticate


class AllowBriefly(Allow):
    """Like `Allow`, in a short transaction of its own."""

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]
        database: Database = request.app.state.database
        async with database.transaction() as session:
            principal = await authenticate(request, session)
        if not principal.may(self.permission):
            raise Forbidden(permission=self.permission.value)
        return principal


def allow_briefly(permission: Permission) -> Any:
    """For plain APIRoutes: `Annotated[Principal, allow_briefly(P.X)]`."""
    return Depends(AllowBriefly(permission))
