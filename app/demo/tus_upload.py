"""A phone's side of tus 1.0: create, send in chunks, and go on where a torn line stopped."""

import asyncio
import base64
from collections.abc import AsyncIterator

from app.demo.album import Shot
from app.demo.client import Caller, Refused, Unreachable

_PATH = "/evidence/uploads"
_VERSION = {"Tus-Resumable": "1.0.0"}
_CHUNK = {**_VERSION, "Content-Type": "application/offset+octet-stream"}
_TRIES = 8
_BUSY = {409, 423}


class LineTorn(Exception):
    """The radio link broke in the middle of a chunk."""


async def upload(caller: Caller, order_id: str, shot: Shot, *, torn: bool = False) -> int:
    """Send one file completely; returns how often it had to be resumed.

    `torn` breaks the connection inside the first chunk, as a lift door does.
    """
    await _create(caller, order_id, shot)
    offset, resumed = 0, 0
    half = len(shot.content) // 2
    for attempt in range(_TRIES):
        try:
            if torn and attempt == 0:
                await _tear(caller, shot, half)
            elif offset < half and attempt < 2:
                offset = await _send(caller, shot, offset, half)
            offset = await _send(caller, shot, offset, len(shot.content))
            return resumed
        except (LineTorn, Unreachable):
            resumed += 1
        except Refused as refused:
            if refused.status not in _BUSY:
                raise
            await asyncio.sleep(0.3 * (attempt + 1))
        offset = await _offset(caller, shot)
        if offset == len(shot.content):
            return resumed
    raise TimeoutError(f"the upload of {shot.file_id} did not end")


async def _create(caller: Caller, order_id: str, shot: Shot) -> None:
    told = {
        "order_id": order_id,
        "file_id": str(shot.file_id),
        "kind": shot.kind,
        "sha256": shot.sha256,
        "filetype": shot.media_type,
        "captured_at": shot.captured_at.isoformat(),
    }
    pairs = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())
    headers = {
        **_VERSION,
        "Upload-Length": str(len(shot.content)),
        "Upload-Metadata": ",".join(pairs),
    }
    await caller.send("POST", _PATH, headers=headers)


async def _send(caller: Caller, shot: Shot, offset: int, end: int) -> int:
    if offset >= end:
        return offset
    headers = {**_CHUNK, "Upload-Offset": str(offset)}
    # Only once: after a torn line the server knows better than we do where to go on.
    answer = await caller.send(
        "PATCH",
        f"{_PATH}/{shot.file_id}",
        headers=headers,
        content=shot.content[offset:end],
        tries=1,
    )
    return int(answer.headers["Upload-Offset"])


async def _tear(caller: Caller, shot: Shot, end: int) -> None:
    """Send part of a chunk and drop the connection; raises LineTorn."""

    async def broken() -> AsyncIterator[bytes]:
        yield shot.content[: end // 2]
        await asyncio.sleep(0.05)
        raise LineTorn

    headers = {**_CHUNK, "Upload-Offset": "0"}
    await caller.send("PATCH", f"{_PATH}/{shot.file_id}", headers=headers, content=broken())


async def _offset(caller: Caller, shot: Shot) -> int:
    answer = await caller.send("HEAD", f"{_PATH}/{shot.file_id}", headers=dict(_VERSION))
    return int(answer.headers["Upload-Offset"])
