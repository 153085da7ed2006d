"""What a route asks for: a permission, and for writes an idempotency key."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request

from app.core.db import Database
from app.core.permissions import Permission
from app.core.problems import Forbidden
from app.core.scope import Principal
from app.identity.authentication import authenticate
from app.identity.limits import PhoneLimits
from app.web.idempotency import KEY_HEADER
from app.web.transactions import Session, claim

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=KEY_HEADER,
        max_length=100,
        description="Required: a new UUID per submission, the same one when it is sent again.",
    ),
]


class Allow:
    """A dependency that yields the Principal, or refuses; tests read `permission` off it."""

    once = False

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, request: Request, session: Session) -> Principal:
        principal = await authenticate(request, session)
        self._admit(request, principal)
        return principal

    def _admit(self, request: Request, principal: Principal) -> None:
        limits: PhoneLimits = request.app.state.phone_limits
        limits.admit(principal)
        # A person has a self before the first grant and after the last one.
        own = self.permission is Permission.SELF and not principal.is_api_key
        if not own and not principal.may(self.permission):
            raise Forbidden(permission=self.permission.value)


class AllowOnce(Allow):
    """Also claims the Idempotency-Key, so that the same submission counts once."""

    once = True

    async def __call__(
        self, request: Request, session: Session, _key: IdempotencyKey = None
    ) -> Principal:
        principal = await super().__call__(request, session)
        await claim(request, session, principal.id)
        return principal


class AllowBriefly(Allow):
    """Like `Allow`, in a short transaction of its own, for routes that stream or take long."""

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]
        database: Database = request.app.state.database
        async with database.transaction() as session:
            principal = await authenticate(request, session)
        self._admit(request, principal)
        return principal


def allow(permission: Permission) -> Any:
    """For reads, and for writes that carry their own id: `Annotated[Principal, allow(P.X)]`."""
    return Depends(Allow(permission))


def allow_once(permission: Permission) -> Any:
    """For POST, PUT, PATCH and DELETE of business state: also claims the Idempotency-Key."""
    return Depends(AllowOnce(permission))


def allow_briefly(permission: Permission) -> Any:
    """For plain APIRoutes: `Annotated[Principal, allow_briefly(P.X)]`."""
    return Depends(AllowBriefly(permission))
