"""A bad mobile network: an HTTP proxy that spoils a share of the requests, by a seeded plan.

What it may do to a request: lose it, lose its answer, cut it or its answer in mid-byte, deliver
it twice, hold it up, or deliver it long after its sender gave up, behind later requests.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.hostile.http import Head, body_of, copy_body, read_head

FATES = ("lost", "answer_lost", "cut", "answer_cut", "twice", "delayed", "late")
_DELAY_S = (0.05, 0.8)
_LATE_S = (0.5, 3.0)
_NOTICED_S = (0.0, 0.4)
"""How long a phone waits before it sees that the line is dead."""
_RENEWAL = b"/auth/refresh"
_UPLOADS = b"/evidence/uploads"
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class LineCut(Exception):
    """This connection ends here, for both sides."""


@dataclass(slots=True)
class Traffic:
    """What went over the air; bytes as the phones sent and received them."""

    requests: int = 0
    spoilt: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes from phones, by what they were for: uploads, sync, other."""
    received: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    """What the service answered, by status, heard or not."""
    renewals: Counter[str] = field(default_factory=Counter)
    """Of sign-ins: `asked` by phones, `granted` by the service, `unheard` of these."""


@dataclass(slots=True)
class HostileNetwork:
    """One proxy in front of the service on `port`; `share` of the requests is spoilt."""

    upstream: int
    seed: int
    share: float
    traffic: Traffic = field(default_factory=Traffic)
    _chance: random.Random = field(init=False)
    _server: asyncio.Server | None = None
    _later: set[asyncio.Task[None]] = field(default_factory=set)
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    async def __aenter__(self) -> "HostileNetwork":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        tasks = [*self._later, *self._open]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def delivered(self) -> None:
        """Wait until what is still on its way has arrived."""
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Nobody else holds on to the task of a connection.
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        over = (OSError, LineCut, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*over):
            while head := await read_head(reader):
                self.traffic.requests += 1
                self.traffic.renewals["asked"] += _RENEWAL in head.target
                await self._carry(head, reader, writer)
        writer.transport.abort()

    async def _carry(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One request and its answer, or what becomes of them; raises LineCut."""
        fate = self._fate()
        sent, received = (
            self._counting(self.traffic.sent, head),
            self._counting(self.traffic.received, head),
        )
        sent(len(head.raw))
        if fate in ("cut", "delayed", "answer_lost", "answer_cut", ""):
            await self._pass_on(fate, head, (reader, writer), sent, received)
            return
        body = await body_of(reader, head, sent)
        if fate == "twice":
            both = await asyncio.gather(
                self._deliver(head, body), self._deliver(head, body), return_exceptions=True
            )
            if isinstance(both[1], BaseException):
                raise LineCut
            await _give(writer, both[1], received)
            return
        if fate == "late":
            self._deliver_later(head, body)
        await asyncio.sleep(self._chance.uniform(*_NOTICED_S))
        raise LineCut

    def _fate(self) -> str:
        if self._chance.random() >= self.share:
            return ""
        fate = self._chance.choice(FATES)
        self.traffic.spoilt[fate] += 1
        return fate

    def _counting(self, counter: Counter[str], head: Head) -> Callable[[int], None]:
        told = "uploads" if _UPLOADS in head.target else "sync" if b"/sync" in head.target else ""

        def count(size: int) -> None:
            counter[told or "other"] += size

        return count

    async def _pass_on(
        self,
        fate: str,
        head: Head,
        phone: _Streams,
        sent: Callable[[int], None],
        received: Callable[[int], None],
    ) -> None:
        """Stream through, so that the service sees what arrived before a cut."""
        reader, writer = phone
        if fate == "delayed":
            await asyncio.sleep(self._chance.uniform(*_DELAY_S))
        there, back = await self._connect()
        try:
            if fate == "cut" and not head.length:
                back.write(head.raw[: self._chance.randrange(len(head.raw))])
                raise LineCut
            back.write(head.raw)
            at_most = self._chance.randrange(head.length) if fate == "cut" else None
            await copy_body(reader, back, head, sent, at_most)
            if fate == "cut":
                raise LineCut
            answer = await self._answer_of(there, head)
            if fate in ("answer_lost", "answer_cut"):
                self.traffic.renewals["unheard"] += _RENEWAL in head.target
            if fate == "answer_lost":
                raise LineCut
            if fate == "answer_cut":
                await _give(writer, answer[: self._chance.randrange(len(answer))], received)
                raise LineCut
            await _give(writer, answer, received)
        finally:
            back.transport.abort()

    async def _connect(self) -> _Streams:
        try:
            return await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError as error:
            raise LineCut from error

    async def _answer_of(self, there: asyncio.StreamReader, asked: Head) -> bytes:
        """The whole answer as it came; raises LineCut when the service died over it."""
        head = await read_head(there)
        if head is None:
            raise LineCut
        self.traffic.answers[head.target.decode()] += 1
        if _RENEWAL in asked.target and head.target == b"200":
            self.traffic.renewals["granted"] += 1
        if asked.method == b"HEAD" or head.is_bodiless:
            return head.raw
        return head.raw + await body_of(there, head, lambda _: None)

    async def _deliver(self, head: Head, body: bytes) -> bytes:
        """The whole request on a connection of its own; its answer."""
        there, back = await self._connect()
        try:
            back.write(head.raw + body)
            await back.drain()
            return await self._answer_of(there, head)
        finally:
            back.transport.abort()

    def _deliver_later(self, head: Head, body: bytes) -> None:
        wait_s = self._chance.uniform(*_LATE_S)

        async def deliver() -> None:
            await asyncio.sleep(wait_s)
            with contextlib.suppress(OSError, LineCut, asyncio.IncompleteReadError):
                await self._deliver(head, body)

        task = asyncio.create_task(deliver())
        self._later.add(task)
        task.add_done_callback(self._later.discard)


async def _give(
    writer: asyncio.StreamWriter, answer: bytes, received: Callable[[int], None]
) -> None:
    received(len(answer))
    writer.write(answer)
    await writer.drain()
