"""The phone over HTTP: pull the work, push what was done."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.routing import APIRoute

from app.core.db import Database
from app.core.i18n import preferred
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.core.times import Moment
from app.identity.access import allow, allow_briefly
from app.mobile import inbox
from app.mobile import sync as pull
from app.mobile.schemas import BatchAnswer, CommandBatch
from app.mobile.sync_schemas import SyncOut
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(prefix="/mobile", tags=["mobile"])
pulling = APIRouter(route_class=TransactionalRoute)
doing = APIRouter(route_class=APIRoute)

DeviceTime = Annotated[
    Moment | None,
    Header(description="The phone's clock now, ISO 8601 with offset; measures its skew."),
]


@pulling.get("/sync", response_model=SyncOut)
async def sync_phone(
    principal: Annotated[Principal, allow(P.PHONE)],
    session: Session,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`cursor` of the sync before.")
    ] = None,
    device_time: DeviceTime = None,
) -> dict[str, Any]:
    """The jobs of the caller's crews: all without a cursor, else what changed since."""
    return await pull.sync(session, principal, cursor, device_time)


@doing.post("/commands", response_model=BatchAnswer, responses=problem_responses(409))
async def post_commands(
    request: Request,
    body: CommandBatch,
    principal: Annotated[Principal, allow_briefly(P.PHONE)],
    device_time: DeviceTime = None,
) -> BatchAnswer:
    """Up to 100 commands, each its own transaction and answered by itself; safe to send again.

    The command's own id takes the place of an Idempotency-Key.
    """
    database: Database = request.app.state.database
    if device_time is not None:
        async with database.transaction() as session:
            await pull.heard(session, principal, device_time)
    language = preferred(request.headers.get("accept-language"))
    return await inbox.receive(database, principal, language, body.commands)


router.include_router(pulling)
router.include_router(doing)
