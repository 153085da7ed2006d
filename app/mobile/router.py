"""The phone over HTTP: pull the work, push what was done, compare what both hold."""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.routing import APIRoute

from app.core import clock, times
from app.core.db import Database
from app.core.i18n import preferred
from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.identity.access import allow, allow_briefly
from app.mobile import clocks, conflicts, inbox, reconcile
from app.mobile import sync as pull
from app.mobile.clocks import DeviceClock
from app.mobile.desk_schemas import ConflictOut
from app.mobile.reconcile_schemas import ManifestIn, ReconciliationOut
from app.mobile.schemas import BatchAnswer, CommandBatch
from app.mobile.sync_schemas import SyncOut
from app.notifications import arrivals
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(prefix="/mobile", tags=["mobile"])
pulling = APIRouter(route_class=TransactionalRoute)
doing = APIRouter(route_class=APIRoute)
Phone = Annotated[Principal, allow(P.PHONE)]
_UPTIME = re.compile(r"^([A-Za-z0-9_-]{1,64});([0-9]{1,15})$")


def shown_clock(
    device_time: Annotated[
        str | None,
        Header(description="The phone's clock now, ISO 8601 with its own offset, however wrong."),
    ] = None,
    device_uptime: Annotated[
        str | None,
        Header(description="`<boot_id>;<ms>`: the steady clock now, which nobody can set."),
    ] = None,
) -> DeviceClock | None:
    """What the headers say of the phone's clocks; no header is a reason to refuse a request."""
    if device_time is None:
        return None
    matched = _UPTIME.match(device_uptime) if device_uptime else None
    at = times.shown(device_time)
    if matched is None or at is None:
        return DeviceClock(at, text=device_time)
    return DeviceClock(at, matched[1], int(matched[2]), text=device_time)


Shown = Annotated[DeviceClock | None, Depends(shown_clock)]


def arrived_pushes(
    pushes_arrived: Annotated[
        str | None,
        Header(
            max_length=2_000,
            description="`push_id` of each push that came since the last sync, by commas.",
        ),
    ] = None,
) -> list[UUID]:
    """What the header names; raises InvalidInput for what is no list of ids."""
    try:
        return [UUID(each.strip()) for each in (pushes_arrived or "").split(",") if each.strip()]
    except ValueError as error:
        raise InvalidInput("Pushes-Arrived is a list of push_id, by commas") from error


Arrived = Annotated[list[UUID], Depends(arrived_pushes)]


def _tagged(etag: str | None) -> str | None:
    """The cursor inside an `If-None-Match`, if it is one of ours."""
    matched = re.fullmatch(r'W/"([^"]{1,200})"', (etag or "").strip())
    return matched[1] if matched else None


@pulling.get(
    "/sync",
    response_model=SyncOut,
    response_model_exclude_unset=True,
    responses={304: {"description": "The phone has everything; its cursor stays good"}},
)
async def sync_phone(
    principal: Phone,
    session: Session,
    response: Response,
    shown: Shown,
    pushes: Arrived,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`cursor` of the sync before.")
    ] = None,
    if_none_match: Annotated[
        str | None, Header(max_length=300, description="The `ETag` of the sync before.")
    ] = None,
) -> Any:
    """The working set of the caller's crews: all without a cursor, else what changed since."""
    await arrivals.note(session, principal, pushes)
    known = _tagged(if_none_match)
    pulled = None
    if known is not None and known == (cursor or known):
        pulled = await _quiet(session, principal, known, shown)
        if pulled is None:
            headers = {"ETag": f'W/"{known}"', "Server-Time": clock.now().isoformat()}
            return Response(status_code=304, headers=headers)
    if pulled is None or cursor is None:
        pulled = await pull.sync(session, principal, cursor, shown)
    response.headers["ETag"] = f'W/"{pulled.cursor}"'
    response.headers["Server-Time"] = clock.now().isoformat()
    return pulled.answer


async def _quiet(
    session: Session, principal: Principal, known: str, shown: DeviceClock | None
) -> pull.Pulled | None:
    """None when nothing has happened since `known`; a tag that is none of ours is ignored."""
    try:
        pulled = await pull.sync(session, principal, known, shown)
    except InvalidInput:
        return await pull.sync(session, principal, None, shown)
    return pulled if pulled.news else None


@doing.post("/commands", response_model=BatchAnswer, responses=problem_responses(409))
async def post_commands(
    request: Request,
    body: CommandBatch,
    principal: Annotated[Principal, allow_briefly(P.PHONE)],
    shown: Shown,
) -> BatchAnswer:
    """Up to 100 commands, each its own transaction and answered by itself; safe to send again.

    The command's own id takes the place of an Idempotency-Key.
    """
    database: Database = request.app.state.database
    if shown is not None:
        async with database.transaction() as session:
            await clocks.heard(session, principal, shown)
    language = preferred(request.headers.get("accept-language"))
    return await inbox.receive(database, principal, language, body.commands, body.lost)


@pulling.post("/reconcile", responses=problem_responses(409))
async def reconcile_phone(
    principal: Phone, session: Session, body: ManifestIn, shown: Shown
) -> ReconciliationOut:
    """What the server has of all that the phone holds, what is missing, and what differs.

    It changes nothing, so it needs no Idempotency-Key.
    """
    await clocks.heard(session, principal, shown)
    return await reconcile.compare(session, principal, body)


@pulling.get("/conflicts")
async def list_my_conflicts(
    principal: Phone,
    session: Session,
    open_only: Annotated[bool, Query(description="Only those not decided yet.")] = False,
) -> list[ConflictOut]:
    """The caller's own acts that the state did not allow, newest first, at most 200."""
    found = await conflicts.listed(
        session, conflicts.own(principal), open_=True if open_only else None
    )
    return [ConflictOut.of(each) for each in found]


router.include_router(pulling)
router.include_router(doing)
