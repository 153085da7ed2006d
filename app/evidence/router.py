"""Reading evidence: the files of an order, and the bytes of one."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from app.core.db import Database
from app.core.permissions import Permission as P
from app.core.problems import NotFound
from app.core.scope import Principal
from app.evidence import service
from app.evidence.policy import EXTENSIONS, needed
from app.evidence.ranges import asked_range
from app.evidence.schemas import EvidenceOfOrderOut, EvidenceOut, VisitOut
from app.evidence.service import ReadableFile
from app.evidence.storage import storage
from app.identity.access import allow, allow_briefly
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(tags=["evidence"])
_lists = APIRouter(route_class=TransactionalRoute)
_bytes = APIRouter(route_class=APIRoute)

_BINARY: dict[str, Any] = {
    media: {"schema": {"type": "string", "format": "binary"}} for media in EXTENSIONS
}

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": _BINARY},
    206: {"description": "The range that was asked for", "content": _BINARY},
    304: {"description": "Unchanged: the ETag is the file's sha256"},
}

_SMALL: dict[int | str, dict[str, Any]] = {
    200: {"description": "The small picture", "content": {"image/webp": _BINARY["image/webp"]}},
    304: {"description": "Unchanged"},
}


@_lists.get("/work-orders/{order_id}/evidence", responses=problem_responses(404))
async def list_evidence(
    order_id: UUID, principal: Annotated[Principal, allow(P.EVIDENCE_READ)], session: Session
) -> EvidenceOfOrderOut:
    """Every file of the order with its state, and the letters that its fault demands."""
    found = await service.of_order(session, principal, order_id)
    demanded = needed(found.letters, "fixed")
    return EvidenceOfOrderOut(
        order_id=order_id,
        state=await service.state_of(session, order_id),
        required_files=sorted(demanded.files),
        required_readings=sorted(demanded.readings),
        visit=VisitOut.of(found.visit),
        files=[EvidenceOut.of(file) for file in found.files],
    )


@_bytes.get(
    "/evidence/{file_id}",
    response_class=Response,
    responses=_ANSWERS | problem_responses(404, 409, 410, 416),
)
async def read_evidence(
    request: Request,
    file_id: UUID,
    principal: Annotated[Principal, allow_briefly(P.EVIDENCE_READ)],
    if_none_match: Annotated[str | None, Header(max_length=2000)] = None,
) -> Response:
    """The bytes of a verified file; ranges are served, so that videos can be searched."""
    database: Database = request.app.state.database
    async with database.transaction() as session:
        file = await service.readable(session, principal, file_id)
    headers = _headers(file, f'"{file.sha256}"')
    if if_none_match is not None and file.sha256 in if_none_match:
        return Response(status_code=304, headers=headers)
    chosen = asked_range(_wanted_range(request, file), file.size_bytes)
    start, end = chosen or (0, file.size_bytes)
    headers |= {"Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if chosen:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    content = await _content(file, start, end)
    status = 206 if chosen else 200
    return StreamingResponse(content, status, headers=headers, media_type=file.media_type)


@_bytes.get(
    "/evidence/{file_id}/thumbnail",
    response_class=Response,
    responses=_SMALL | problem_responses(404, 409),
)
async def read_thumbnail(
    request: Request,
    file_id: UUID,
    principal: Annotated[Principal, allow_briefly(P.EVIDENCE_READ)],
    if_none_match: Annotated[str | None, Header(max_length=2000)] = None,
) -> Response:
    """A small WebP of a picture, upright and without its metadata; 404 for a recording."""
    database: Database = request.app.state.database
    async with database.transaction() as session:
        file = await service.thumbnail(session, principal, file_id)
    headers = _headers(file, f'"small-{file.sha256}"')
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    content = b"".join([*await _content(file, 0, None)])
    return Response(content, headers=headers, media_type=file.media_type)


def _headers(file: ReadableFile, etag: str) -> dict[str, str]:
    return {
        "ETag": etag,
        "Cache-Control": "private, max-age=86400",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": f'inline; filename="{file.file_name}"',
    }


async def _content(file: ReadableFile, start: int, end: int | None) -> Iterator[bytes]:
    """The bytes in blocks, for a thread; raises NotFound when they are lost."""
    try:
        return await asyncio.to_thread(storage().read, file.key, start, end)
    except FileNotFoundError as error:
        raise NotFound("the bytes of this file are not in the store") from error


def _wanted_range(request: Request, file: ReadableFile) -> str | None:
    """The Range header, unless it is meant for another version of the file."""
    condition = request.headers.get("if-range")
    if condition is not None and condition != f'"{file.sha256}"':
        return None
    return request.headers.get("range")


router.include_router(_lists)
router.include_router(_bytes)
