"""A lean HTTP client for load: the machine under test must not spend its time on asking.

Keeps connections open, writes requests as bytes, and reads answers that say their length.
"""

import asyncio
import json
from typing import Any, Final
from uuid import uuid4

_ANSWER_LIMIT: Final = 2**22


class Refused(Exception):
    """The server answered with an error; the message has status and body."""


class LeanClient:
    """Posts JSON to one server, as many requests at once as there are callers."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = (
            f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\n"
        )
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's JSON object; raises Refused."""
        told = json.dumps(body).encode()
        request = (
            f"POST /api/v1{path} HTTP/1.1\r\n{self._head}Idempotency-Key: {uuid4()}\r\n"
            f"Content-Length: {len(told)}\r\n\r\n"
        )
        if not self._idle:
            self._idle.append(
                await asyncio.open_connection("127.0.0.1", self._port, limit=_ANSWER_LIMIT)
            )
        reader, writer = self._idle.pop()
        writer.write(request.encode() + told)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        answer = await reader.readexactly(length)
        self._idle.append((reader, writer))
        if head.split(" ", 2)[1][0] != "2":
            raise Refused(f"{head.partition('\r\n')[0]}: {answer.decode()}")
        read: dict[str, Any] = json.loads(answer)
        return read

    async def aclose(self) -> None:
        """Hang up."""
        for _, writer in self._idle:
            writer.close()
