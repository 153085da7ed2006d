"""People with chosen grants beside the world's, made by the room's own services."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.core import clock
from app.core.db import Database
from app.core.ids import new_id
from app.core.permissions import Role
from app.identity import service, sessions
from tests.factories.world import PASSWORD


@dataclass(frozen=True)
class Person:
    """An account that is signed in."""

    id: UUID
    username: str
    session_id: UUID
    access_token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        """The token with a fresh Idempotency-Key."""
        return {"Authorization": f"Bearer {self.access_token}", "Idempotency-Key": str(new_id())}


Hire = Callable[..., Awaitable[Person]]


@pytest.fixture
def hire(app: FastAPI, database: Database) -> Hire:
    """`await hire("ann", (Role.ADMIN, None), ...)`: an account with grants, signed in."""

    async def hired(username: str, *grants: tuple[Role, UUID | None]) -> Person:
        async with database.transaction() as session:
            user = await service.create_user(
                session, username=username, password=PASSWORD, display_name=username.title()
            )
            for role, station_id in grants:
                await service.grant(session, user.id, role, station_id)
            pair = await sessions.open_session(session, user.id)
        return Person(
            user.id, user.username, pair.session_id, pair.access_token, pair.refresh_token
        )

    return hired


@pytest.fixture
async def admin(hire: Hire) -> Person:
    return await hire("chief-admin", (Role.ADMIN, None))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Move real time, which tokens and throttles live by."""
    true_time = clock.real_now

    def move(by: timedelta) -> None:
        monkeypatch.setattr(clock, "real_now", lambda: true_time() + by)

    return move
