"""As much of HTTP/1.1 as a proxy must read to know where a message ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

_BLOCK = 16 * 1024
_HEAD_LIMIT = 64 * 1024
Counting = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Head:
    """Start line and headers, as they came, and what they say about the body."""

    raw: bytes
    start: bytes
    length: int
    """Announced bytes of the body; 0 when there is none or it comes in chunks."""
    chunked: bool

    @property
    def method(self) -> bytes:
        return self.start.split(b" ")[0]

    @property
    def target(self) -> bytes:
        return self.start.split(b" ")[1]

    @property
    def is_bodiless(self) -> bool:
        """An answer that never has a body, whatever its headers say."""
        return self.start.split(b" ")[1] in (b"204", b"304")


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next message's head; None when the other side has ended."""
    raw = b""
    while not raw.endswith(b"\r\n\r\n"):
        line = await reader.readline()
        raw += line
        if not line or len(raw) > _HEAD_LIMIT:
            return None
    lines = raw.split(b"\r\n")
    split = (line.partition(b":") for line in lines[1:] if line)
    fields = {name.strip().lower(): value.strip() for name, _, value in split}
    chunked = b"chunked" in fields.get(b"transfer-encoding", b"").lower()
    return Head(raw, lines[0], int(fields.get(b"content-length", b"0")), chunked)


async def pieces(reader: asyncio.StreamReader, head: Head) -> AsyncIterator[bytes]:
    """The body as it comes, chunk headers included."""
    if not head.chunked:
        left = head.length
        while left > 0:
            piece = await reader.read(min(left, _BLOCK))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece
        return
    while True:
        line = await reader.readline()
        size = int(line.split(b";")[0], 16)
        yield line + await reader.readexactly(size + 2)
        if size == 0:
            return


async def body_of(reader: asyncio.StreamReader, head: Head, count: Counting) -> bytes:
    """The whole body."""
    found = bytearray()
    async for piece in pieces(reader, head):
        count(len(piece))
        found += piece
    return bytes(found)


async def copy_body(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    head: Head,
    count: Counting,
    at_most: int | None,
) -> None:
    """Pass the body on; `at_most` bytes of it when given, cut wherever that falls."""
    passed = 0
    async for piece in pieces(reader, head):
        count(len(piece))
        cut = piece if at_most is None else piece[: max(0, at_most - passed)]
        writer.write(cut)
        await writer.drain()
        passed += len(cut)
        if at_most is not None and passed >= at_most:
            return
