"""Reading a stream of events as a client does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.core.feed import Cursor
from app.core.scope import Principal
from app.stream import reading
from app.stream.hub import Hub


@dataclass(frozen=True)
class Event:
    """One event as a reader understands it."""

    name: str
    id: str | None
    data: str


def events(raw: bytes) -> list[Event]:
    """The events of a piece of stream; comments are dropped."""
    found = []
    for block in raw.decode().split("\n\n"):
        lines = [line.partition(": ") for line in block.split("\n") if line[:1] not in ("", ":")]
        told = {name: value for name, _, value in lines}
        if told:
            found.append(Event(told["event"], told.get("id"), told["data"]))
    return found


class Reader:
    """A client that reads a stream into a list of events."""

    def __init__(
        self, hub: Hub, principal: Principal, cursor: str | None = None, who: Any = None
    ) -> None:
        async def same() -> Principal:
            return principal

        place = Cursor.parse(cursor) if cursor else None
        self.heard: list[Event] = []
        self._stream = reading.read(hub, principal, place, who or same, live=True)

    async def until(self, count: int) -> list[Event]:
        """At least so many events, or all there were when the stream ends."""
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                try:
                    self.heard += events(await anext(self._stream))
                except StopAsyncIteration:
                    break
        return self.heard

    async def until_told(self, wanted: Callable[[Event], bool]) -> None:
        """Raises ValueError when the stream ends before."""
        while not any(map(wanted, self.heard)):
            before = len(self.heard)
            if len(await self.until(before + 1)) == before:
                raise ValueError(f"the stream ended with {self.heard}")

    async def close(self) -> None:
        await self._stream.aclose()  # type: ignore[attr-defined]
