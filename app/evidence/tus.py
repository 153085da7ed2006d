"""The wire of tus 1.0: version, headers and metadata (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.evidence import limits
from app.evidence.checksums import ALGORITHMS
from app.evidence.declaration import UploadMetadata
from app.evidence.errors import TusVersionUnknown, UploadGone, UploadMetadataInvalid

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
_OVERRIDES = {"PATCH", "DELETE", "HEAD"}
CHUNK_TYPE = "application/offset+octet-stream"


def capabilities() -> dict[str, str]:
    """Headers of OPTIONS: exactly what this server does."""
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(limits.current().largest_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def progress(offset: int, expires_at: datetime | None) -> dict[str, str]:
    """Headers that say where an upload stands, and when an unfinished one is forgotten."""
    headers = {"Upload-Offset": str(offset)}
    if expires_at is not None:
        headers["Upload-Expires"] = format_datetime(expires_at.astimezone(UTC), usegmt=True)
    return headers


class TusRoute(APIRoute):
    """Refuses other versions, and says on every answer, refusals too, which one it speaks."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                if request.method != "OPTIONS":
                    _assert_version(request)
                response = await inner(request)
            except Exception as error:
                response = await _refusal(request, error)
                if isinstance(error, UploadGone):  # an answer to HEAD has no body to say it
                    response.headers["Upload-Rejected"] = str(error.members["why"])
            response.headers["Tus-Resumable"] = VERSION
            return response

        return handle


def _assert_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise TusVersionUnknown(supported=VERSION)


async def _refusal(request: Request, error: Exception) -> Response:
    """The answer of the app's own handler for this error; raises it when there is none."""
    handlers = request.app.exception_handlers
    for kind in type(error).__mro__:
        if kind is not Exception and kind in handlers:
            response: Response = await handlers[kind](request, error)
            return response
    raise error


def parse_metadata(header: str) -> UploadMetadata:
    """`key base64,key base64` as typed values; a key may come without a value.

    Raises UploadMetadataInvalid.
    """
    values: dict[str, str] = {}
    for pair in filter(str.strip, header.split(",")):
        key, _, encoded = pair.strip().partition(" ")
        try:
            values[key] = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise UploadMetadataInvalid(errors=[{"at": [key[:40]], "why": str(error)}]) from error
    try:
        return UploadMetadata.model_validate({key: said for key, said in values.items() if said})
    except ValidationError as error:
        raise UploadMetadataInvalid(
            errors=[
                {"at": [str(part) for part in each["loc"]], "why": each["msg"]}
                for each in error.errors()
            ]
        ) from error


class MethodOverride:
    """ASGI middleware: `X-HTTP-Method-Override` on a POST below `prefix`, as tus 1.0 demands.

    Some radio networks' proxies let nothing but GET and POST through.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            meant = Headers(scope=scope).get("x-http-method-override", "").upper()
            if scope["path"].startswith(self.prefix) and meant in _OVERRIDES:
                scope = {**scope, "method": meant}
        await self.app(scope, receive, send)
