"""Answers in fewer bytes: zstd or gzip where that gains, and 304 for what a client has already."""

import asyncio
import gzip
import hashlib
from typing import Any

import zstandard
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_BYTES = 300
"""Below this a body fits one packet anyway."""
LONG_BYTES = 100_000
"""From here on it is done in a thread: the event loop must not wait for it."""
MOST_BYTES = 2_000_000
"""A longer answer goes out as it comes, unbuffered."""
ENCODED = ("application/json", "application/problem+json")
ZSTD_LEVEL = 9
GZIP_LEVEL = 6


def accepted(header: str) -> str | None:
    """The better of zstd and gzip by the header's q-values, zstd when they are alike."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, quality = part.strip().partition(";q=")
        try:
            weights[name.strip()] = float(quality) if quality else 1.0
        except ValueError:
            continue
    offered = {name: weights.get(name, weights.get("*", 0.0)) for name in ("zstd", "gzip")}
    best = max(offered, key=lambda name: offered[name])
    return best if offered[best] > 0 else None


def encoded(body: bytes, how: str) -> bytes:
    """The body in this content coding; the same bytes for the same body."""
    if how == "zstd":
        return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body)
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


class Encoding:
    """ASGI middleware over JSON answers that come whole; streams and files pass untouched.

    Answers that must not be stored (tokens) are not compressed: beside text of an attacker's the
    length would tell of them. Answers under `tagged` prefixes get an ETag of their content.
    """

    def __init__(self, app: ASGIApp, *, tagged: tuple[str, ...] = ()) -> None:
        self.app = app
        self.tagged = tagged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "HEAD":
            await self.app(scope, receive, send)
            return
        answer = _Answer(Headers(scope=scope), send, self._tags(scope))
        await self.app(scope, receive, answer.take)

    def _tags(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return scope["method"] == "GET" and path.startswith(self.tagged)


class _Answer:
    """One answer on its way out: held until it is whole, or let through."""

    def __init__(self, asked: Headers, send: Send, tagged: bool) -> None:
        self.asked, self.send, self.tagged = asked, send, tagged
        self.start: Message | None = None

    async def take(self, message: Message) -> None:
        """What the app sends, message by message."""
        if message["type"] == "http.response.start":
            if _may_hold(message):
                self.start = message
            else:
                await self.send(message)
            return
        if self.start is None:
            await self.send(message)
            return
        start, self.start = self.start, None
        whole = message["type"] == "http.response.body" and not message.get("more_body")
        if whole:
            start, message = await self._made_small(start, message)
        await self.send(start)
        await self.send(message)

    async def _made_small(self, start: Message, message: Message) -> tuple[Message, Message]:
        body: bytes = message.get("body", b"")
        start = {**start, "headers": list(start["headers"])}
        headers = MutableHeaders(raw=start["headers"])
        if self.tagged and start["status"] == 200:
            headers["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
            headers.setdefault("Cache-Control", "private, no-cache")
            if headers["ETag"] in _tags_of(self.asked.get("if-none-match", "")):
                del headers["content-length"], headers["content-type"]
                return {**start, "status": 304}, {**message, "body": b""}
        headers.add_vary_header("Accept-Encoding")
        how = accepted(self.asked.get("accept-encoding", ""))
        if how is not None and LEAST_BYTES <= len(body) <= MOST_BYTES and _not_secret(headers):
            long = len(body) > LONG_BYTES
            small = await asyncio.to_thread(encoded, body, how) if long else encoded(body, how)
            if len(small) < len(body):
                headers["Content-Encoding"], headers["Content-Length"] = how, str(len(small))
                message = {**message, "body": small}
        return start, message


def _may_hold(start: Message) -> bool:
    headers: Any = Headers(raw=start["headers"])
    kind = headers.get("content-type", "").partition(";")[0].strip()
    return kind in ENCODED and "content-encoding" not in headers


def _not_secret(headers: MutableHeaders) -> bool:
    return "no-store" not in headers.get("cache-control", "")


def _tags_of(header: str) -> set[str]:
    return {each.strip() for each in header.split(",")}
