"""Resumable upload of evidence by tus 1.0: OPTIONS, POST, HEAD, PATCH, DELETE."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from starlette.requests import ClientDisconnect

from app.core.db import Database
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.evidence import creation, uploads
from app.evidence.checksums import Checksum
from app.evidence.errors import UploadBusy, UploadMediaType, UploadOffsetConflict, UploadStalled
from app.evidence.tus import CHUNK_TYPE, TusRoute, capabilities, parse_metadata, progress
from app.identity.access import allow_briefly
from app.web.wire import problem_responses

STALL_S = 10.0
"""Without a byte for so long the chunk ends and the lease is free again."""
BLOCK_BYTES = 256 * 1024

router = APIRouter(prefix="/evidence/uploads", tags=["evidence"], route_class=TusRoute)

Version = Annotated[Literal["1.0.0"], Header(alias="Tus-Resumable")]
ChecksumHeader = Annotated[
    str | None, Header(max_length=200, description="`sha256` or `sha1`, and the chunk's in base64.")
]
_CHUNK_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {CHUNK_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}
Uploader = Annotated[Principal, allow_briefly(P.PHONE)]


def _answer(status: int, description: str, *headers: str) -> dict[int | str, dict[str, Any]]:
    names = ("Tus-Resumable", *headers)
    documented = {name: {"schema": {"type": "string"}} for name in names}
    return {status: {"description": description, "headers": documented}}


@router.options(
    "",
    status_code=204,
    response_class=Response,
    responses=_answer(
        204,
        "What is supported",
        *("Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
    ),
)
async def describe_uploads() -> Response:
    """Version, extensions and the largest file; needs no sign-in."""
    return Response(status_code=204, headers=capabilities())


@router.post(
    "",
    status_code=201,
    response_class=Response,
    responses=_answer(
        201, "The upload exists at Location", "Location", "Upload-Offset", "Upload-Expires"
    )
    | problem_responses(404, 408, 409, 410, 412, 415, 429, 460),
    openapi_extra=_CHUNK_BODY | {"requestBody": {**_CHUNK_BODY["requestBody"], "required": False}},
)
async def create_upload(
    request: Request,
    principal: Uploader,
    _version: Version,
    upload_length: Annotated[int, Header(ge=1, le=2**40)],
    upload_metadata: Annotated[str, Header(max_length=4000)] = "",
    upload_checksum: ChecksumHeader = None,
) -> Response:
    """Open the upload of one file, or find it again by its `file_id`; its first bytes may follow.

    `Upload-Metadata` carries, each in base64: file_id; order_id, kind, sha256 and filetype, which
    a declared file can do without; and optionally captured_at, captured_lon, captured_lat with
    their datum, source (camera, gallery) and replaces (the id of a rejected file of the manifest).
    A body is the chunk at 0; where bytes are here already it is left aside, and Upload-Offset
    says where to go on.
    """
    metadata = parse_metadata(upload_metadata)
    checksum = Checksum.parse(upload_checksum) if upload_checksum else None
    brings = _brings_chunk(request)
    async with _database(request).transaction() as session:
        file = await creation.create(session, principal, metadata, upload_length, upload_metadata)
    reached = uploads.Reached(file.received_bytes, file.expires_at)
    if brings and reached.offset == 0:
        chunk = _chunk(request, 0, checksum)
        with suppress(UploadBusy, UploadOffsetConflict):  # another request was quicker
            reached = await uploads.receive(_database(request), principal, file.id, chunk)
    headers = {"Location": f"{request.url.path}/{file.id}", **progress(*reached)}
    return Response(status_code=201, headers=headers)


@router.head(
    "/{file_id}",
    response_class=Response,
    responses=_answer(
        200,
        "Where the upload stands",
        *("Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Expires"),
    )
    | problem_responses(404, 410, 412),
)
async def find_upload_offset(
    request: Request, file_id: UUID, principal: Uploader, _version: Version
) -> Response:
    """How many bytes are safe; equal to `Upload-Length` once the file is verified.

    410 with `Upload-Rejected` names the rejection of a file that was opened and not taken.
    """
    async with _database(request).transaction() as session:
        file = await uploads.standing(session, principal, file_id)
    headers = {
        **progress(file.received_bytes, file.expires_at),
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
    responses=_answer(204, "The chunk is safe", "Upload-Offset", "Upload-Expires")
    | problem_responses(404, 408, 409, 410, 412, 415, 423, 460),
    openapi_extra=_CHUNK_BODY,
)
async def append_to_upload(
    request: Request,
    file_id: UUID,
    principal: Uploader,
    _version: Version,
    upload_offset: Annotated[int, Header(ge=0, le=2**40)],
    upload_checksum: ChecksumHeader = None,
) -> Response:
    """Append bytes at `Upload-Offset`; the last ones are answered after the file was opened.

    423 while another request writes; 460 when the chunk has not the sum of `Upload-Checksum`;
    422 when the finished file is not what was declared, or no file of its kind.
    """
    checksum = Checksum.parse(upload_checksum) if upload_checksum else None
    if not _brings_chunk(request):
        raise UploadMediaType(expected=CHUNK_TYPE)
    chunk = _chunk(request, upload_offset, checksum)
    reached = await uploads.receive(_database(request), principal, file_id, chunk)
    return Response(status_code=204, headers=progress(*reached))


@router.delete(
    "/{file_id}",
    status_code=204,
    response_class=Response,
    responses=_answer(204, "The upload is forgotten") | problem_responses(404, 409, 410, 412, 423),
)
async def end_upload(
    request: Request, file_id: UUID, principal: Uploader, _version: Version
) -> Response:
    """Forget an unfinished upload and its bytes; verified evidence stays (409)."""
    await creation.terminate(_database(request), principal, file_id)
    return Response(status_code=204)


def _brings_chunk(request: Request) -> bool:
    """Whether the body is a chunk; raises UploadMediaType for a body that is something else."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == CHUNK_TYPE:
        return True
    if request.headers.get("content-length", "0") != "0":
        raise UploadMediaType(expected=CHUNK_TYPE)
    return False


def _chunk(request: Request, offset: int, checksum: Checksum | None) -> uploads.Chunk:
    announced = request.headers.get("content-length", "")
    number = int(announced) if announced.isascii() and announced.isdigit() else 0
    return uploads.Chunk(offset, number, _blocks(request), checksum)


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
