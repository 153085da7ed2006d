"""A lean HTTP client for load: the machine under test must not spend its time on asking.

Keeps connections open, writes requests as bytes, and reads answers that say their length.
"""

import asyncio
import json
from typing import Any, Final
from uuid import uuid4

BUSY_S: Final = 1.0
_ANSWER_LIMIT: Final = 2**22


class Refused(Exception):
    """The server answered with an error; the message has status and body."""

    def __init__(self, status: str, answer: bytes) -> None:
        super().__init__(f"{status}: {answer.decode()}")
        self.status = int(status)


class LeanClient:
    """Asks one server for JSON, as many requests at once as there are callers.

    A server that is busy is asked again with the same key, as every client should. `own` is the
    loopback address to ask from: what needs no sign-in is counted by address.
    """

    def __init__(self, port: int, token: str = "", own: str = "127.0.0.1") -> None:
        self._port, self._own = port, own
        signed_in = f"Authorization: Bearer {token}\r\n" if token else ""
        self._head = f"Host: 127.0.0.1:{port}\r\n{signed_in}Content-Type: application/json\r\n"
        self.busy = 0
        """Answers that asked for time."""
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's JSON object; raises Refused."""
        told = json.dumps(body).encode()
        request = (
            f"POST /api/v1{path} HTTP/1.1\r\n{self._head}Idempotency-Key: {uuid4()}\r\n"
            f"Content-Length: {len(told)}\r\n\r\n"
        )
        return await self._granted(request.encode() + told)

    async def get(self, path: str) -> dict[str, Any]:
        """The answer's JSON object; raises Refused."""
        return await self._granted(f"GET /api/v1{path} HTTP/1.1\r\n{self._head}\r\n".encode())

    async def _granted(self, request: bytes) -> dict[str, Any]:
        while True:
            head, answer = await self._ask(request)
            status = head.split(" ", 2)[1]
            if status[0] == "2":
                read: dict[str, Any] = json.loads(answer)
                return read
            if status != "503":
                raise Refused(status, answer)
            self.busy += 1
            await asyncio.sleep(BUSY_S)

    async def _ask(self, request: bytes) -> tuple[str, bytes]:
        """Head and body of the answer."""
        if not self._idle:
            self._idle.append(
                await asyncio.open_connection(
                    "127.0.0.1", self._port, limit=_ANSWER_LIMIT, local_addr=(self._own, 0)
                )
            )
        reader, writer = self._idle.pop()
        writer.write(request)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        except (asyncio.IncompleteReadError, ConnectionError):  # hung up on while it lay idle
            writer.close()
            return await self._ask(request)
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        answer = await reader.readexactly(length)
        self._idle.append((reader, writer))
        return head, answer

    async def aclose(self) -> None:
        """Hang up."""
        for _, writer in self._idle:
            writer.close()
