"""What a route asks for: a permission, and for writes an idempotency key."""

from typing import Any

from fastapi import Depends, Request

from app.core.i18n import preferred
from app.core.permissions import Permission
from app.core.problems import Forbidden
from app.core.scope import Principal
from app.identity.authentication import authenticate
from app.web.transactions import Session, claim


class Allow:
    """A dependency that yields the Principal, or refuses; tests read `permission` off it."""

    def __init__(self, permission: Permission, *, once: bool) -> None:
        self.permission = permission
        self.once = once

    async def __call__(self, request: Request, session: Session) -> Principal:
        principal = await authenticate(request, session)
        if not principal.may(self.permission):
            raise Forbidden(permission=self.permission.value)
        if self.once:
            await claim(request, session, principal.id)
        request.state.language = preferred(request.headers.get("accept-language"))
        return principal


def allow(permission: Permission) -> Any:
    """For reads, and for writes that carry their own id: `Annotated[Principal, allow(P.X)]`."""
    return Depends(Allow(permission, once=False))


def allow_once(permission: Permission) -> Any:
    """For POST, PUT, PATCH and DELETE of business state: also claims the Idempotency-Key."""
    return Depends(Allow(permission, once=True))
