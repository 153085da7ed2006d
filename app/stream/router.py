"""The event stream over HTTP: what changed, the moment it is committed."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from app.core.db import Database
from app.core.feed import Cursor
from app.core.permissions import Permission as P
from app.core.problems import Busy, InvalidInput
from app.core.scope import Principal
from app.identity.access import allow_briefly
from app.identity.authentication import authenticate
from app.stream import reading
from app.stream.hub import HubOnDemand
from app.web.wire import problem_responses

MOST_STREAMS = 2000
"""Of one process."""
LIVE = "text/event-stream"


EVENT = {
    "type": "object",
    "description": "One server-sent event.",
    "properties": {
        "event": {"type": "string", "enum": ["change", "ready", "reset", "bye"]},
        "id": {"type": "string", "description": "Where to resume, as `Last-Event-ID`."},
        "data": {"type": "string", "description": "JSON."},
    },
    "required": ["data"],
}


class EventStream(StreamingResponse):
    """Server-sent events that are bytes already: encoded once, for all who read them."""

    media_type = LIVE


router = APIRouter(tags=["stream"], route_class=APIRoute)


@router.get(
    "/stream",
    response_class=EventStream,
    responses={200: {"content": {LIVE: {"schema": EVENT}}}, **problem_responses(503)},
)
async def stream_changes(
    request: Request,
    principal: Annotated[Principal, allow_briefly(P.ORDERS_READ)],
    last_event_id: Annotated[
        str | None,
        Header(max_length=200, description="Where to resume: `id` of the last event heard."),
    ] = None,
) -> EventStream:
    """Changes of what the caller may see: `change` names an entity, `gone` when it was taken away.

    `ready` follows what was missed. `reset` means read all anew and connect without an id; `bye`
    means connect again with it. Without `Accept: text/event-stream` the answer ends at `ready`.
    """
    held: HubOnDemand = request.app.state.stream
    database: Database = request.app.state.database
    if held.open_streams >= MOST_STREAMS:
        raise Busy("too many streams are open on this server")
    cursor = _cursor(last_event_id)
    hub = await held.of(database)

    async def who() -> Principal:
        async with database.transaction() as session:
            return await authenticate(request, session)

    live = LIVE in request.headers.get("accept", "")
    return EventStream(
        reading.read(hub, principal, cursor, who, live=live),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _cursor(told: str | None) -> Cursor | None:
    if not told:
        return None
    try:
        return Cursor.parse(told)
    except ValueError as error:
        raise InvalidInput("Last-Event-ID is none of ours; connect without it") from error
