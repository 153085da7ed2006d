"""Reading evidence: the files of an order, and the bytes of one."""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute

from app.core.db import Database
from app.core.permissions import Permission as P
from app.core.problems import NotFound
from app.core.scope import Principal
from app.evidence import service
from app.evidence.errors import RangeNotSatisfiable
from app.evidence.policy import EXTENSIONS, needed
from app.evidence.schemas import EvidenceOfOrderOut, EvidenceOut
from app.evidence.service import ReadableFile
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
        files=[EvidenceOut.of(file) for file in found.files],
    )


@_bytes.get(
    "/evidence/{file_id}",
    response_class=Response,
    responses=_ANSWERS | problem_responses(404, 409, 416),
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
    headers = {
        "ETag": f'"{file.sha256}"',
        "Cache-Control": "private, max-age=86400",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if if_none_match is not None and file.sha256 in if_none_match:
        return Response(status_code=304, headers=headers)
    if not file.path.is_file():
        raise NotFound("the bytes of this file are not on disk")
    _check_range(request.headers.get("range"), file)
    return FileResponse(
        file.path,
        media_type=file.media_type,
        filename=file.file_name,
        content_disposition_type="inline",
        headers=headers,
    )


def _check_range(asked: str | None, file: ReadableFile) -> None:
    """Raises RangeNotSatisfiable unless `asked` is one plain range inside the file."""
    if asked is None:
        return
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", asked.strip())
    first, last = found.groups() if found else ("", "")
    inside = int(first) < file.size_bytes if first else int(last or 0) > 0
    if not inside or (first and last and int(first) > int(last)):
        raise RangeNotSatisfiable(size_bytes=file.size_bytes)


router.include_router(_lists)
router.include_router(_bytes)
