"""Is the process alive, and can it serve: for load balancers and people, without a login."""

from typing import Literal

from fastapi import APIRouter, Request
from sqlalchemy import text

from app.core.db import Database
from app.web.wire import Out, problem_responses

router = APIRouter(tags=["health"])


class HealthOut(Out):
    """The process answers."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> HealthOut:
    """The process is alive."""
    return HealthOut()


@router.get("/readyz", responses=problem_responses(503))
async def readyz(request: Request) -> HealthOut:
    """The database answers too."""
    database: Database = request.app.state.database
    async with database.transaction() as session:
        await session.execute(text("SELECT 1 FROM feed_epoch"))
    return HealthOut()
