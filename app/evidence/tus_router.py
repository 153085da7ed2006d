"""Resumable upload of evidence by tus 1.0: OPTIONS, POST, HEAD, PATCH."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from starlette.requests import ClientDisconnect

from app.core.db import Database
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.evidence import uploads
from app.evidence.errors import UploadMediaType, UploadStalled
from app.evidence.service import Declared
from app.evidence.tus import CHUNK_TYPE, TusRoute, capabilities, parse_metadata
from app.identity.access import allow_briefly
from app.web.wire import problem_responses

STALL_S = 10.0
"""Without a byte for so long the chunk ends and the lease is free again."""
BLOCK_BYTES = 256 * 1024

router = APIRouter(prefix="/evidence/uploads", tags=["evidence"], route_class=TusRoute)

Version = Annotated[Literal["1.0.0"], Header(alias="Tus-Resumable")]
Uploader = Annotated[Principal, allow_briefly(P.PHONE)]


def _answer(status: int, description: str, *headers: str) -> dict[int | str, dict[str, Any]]:
    names = ("Tus-Resumable", *headers)
    documented = {name: {"schema": {"type": "string"}} for name in names}
    return {status: {"description": description, "headers": documented}}


@router.options(
    "",
    status_code=204,
    response_class=Response,
    responses=_answer(204, "What is supported", "Tus-Version", "Tus-Extension", "Tus-Max-Size"),
)
async def describe_uploads() -> Response:
    """Version, extensions and the largest file; needs no sign-in."""
    return Response(status_code=204, headers=capabilities())


@router.post(
    "",
    status_code=201,
    response_class=Response,
    responses=_answer(201, "The upload exists at Location", "Location", "Upload-Offset")
    | problem_responses(404, 409, 410, 412),
)
async def create_upload(
    request: Request,
    principal: Uploader,
    _version: Version,
    upload_length: Annotated[int, Header(ge=1, le=2**40)],
    upload_metadata: Annotated[str, Header(max_length=4000)],
) -> Response:
    """Open the upload of one file, or find it again by its `file_id`.

    `Upload-Metadata` carries order_id, file_id, kind, sha256, filetype and optionally
    captured_at, each in base64. The file may be declared in a completion before or afterwards.
    """
    metadata = parse_metadata(upload_metadata)
    declared = Declared(
        file_id=metadata.file_id,
        kind=metadata.kind,
        media_type=metadata.filetype,
        size_bytes=upload_length,
        sha256=metadata.sha256,
        captured_at=metadata.captured_at,
    )
    async with _database(request).transaction() as session:
        file = await uploads.create(
            session, principal, metadata.order_id, declared, upload_metadata
        )
    headers = {
        "Location": f"{request.url.path}/{file.id}",
        "Upload-Offset": str(file.received_bytes),
    }
    return Response(status_code=201, headers=headers)


@router.head(
    "/{file_id}",
    response_class=Response,
    responses=_answer(
        200, "Where the upload stands", "Upload-Offset", "Upload-Length", "Upload-Metadata"
    )
    | problem_responses(404, 410, 412),
)
async def find_upload_offset(
    request: Request, file_id: UUID, principal: Uploader, _version: Version
) -> Response:
    """How many bytes are safe; equal to `Upload-Length` once the file is verified."""
    async with _database(request).transaction() as session:
        file = await uploads.standing(session, principal, file_id)
    headers = {
        "Upload-Offset": str(file.received_bytes),
        "Upload-Length": str(file.size_bytes),
        "Cache-Control": "no-store",
    }
    if file.upload_metadata is not None:
        headers["Upload-Metadata"] = file.upload_metadata
    return Response(status_code=200, headers=headers)


@router.patch(
    "/{file_id}",
    status_code=204,
    response_class=Response,
    responses=_answer(204, "The chunk is safe", "Upload-Offset")
    | problem_responses(404, 408, 409, 410, 412, 415, 423),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {CHUNK_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def append_to_upload(
    request: Request,
    file_id: UUID,
    principal: Uploader,
    _version: Version,
    upload_offset: Annotated[int, Header(ge=0, le=2**40)],
) -> Response:
    """Append bytes at `Upload-Offset`; the last ones are answered after hash and type are checked.

    423 while another request writes; 422 when the finished file is not what was declared.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != CHUNK_TYPE:
        raise UploadMediaType(expected=CHUNK_TYPE)
    announced = request.headers.get("content-length", "")
    reached = await uploads.receive(
        _database(request),
        principal,
        file_id,
        upload_offset,
        int(announced) if announced.isascii() and announced.isdigit() else 0,
        _blocks(request),
    )
    return Response(status_code=204, headers={"Upload-Offset": str(reached)})


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks for the disk; a torn connection ends it, a silent one raises."""
    pieces = aiter(request.stream())
    waiting = bytearray()
    try:
        while True:
            async with asyncio.timeout(STALL_S):
                piece = await anext(pieces)
            waiting += piece
            if len(waiting) >= BLOCK_BYTES:
                yield bytes(waiting)
                waiting.clear()
    except (StopAsyncIteration, ClientDisconnect):
        pass
    except TimeoutError:
        if waiting:
            yield bytes(waiting)
        raise UploadStalled() from None
    if waiting:
        yield bytes(waiting)
