"""Who is listening: a queue per open stream, found by the tokens of its audience."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum, auto

from app.core.feed import Cursor
from app.stream.events import FeedRow, change

MOST_WAITING = 2000
"""Events that a slow reader may be behind; then it is dropped, and resumes by its last id."""


class Word(Enum):
    """What a stream is told besides events."""

    RECHECK = auto()
    """The reader's crews may have changed: ask again who it is before going on."""
    MOVED = auto()
    """The reader joined or left a crew: what it heard was of another audience."""
    TOO_SLOW = auto()
    RESTORED = auto()
    """The database was restored: no place of before is good."""


Item = bytes | Word


class Client:
    """One open stream; `audience` of None is the whole company, `person` the reader's own token."""

    def __init__(
        self, audience: frozenset[str] | None, seen: Cursor, person: str | None = None
    ) -> None:
        self.audience = audience
        self.seen = seen
        self.person = person
        self._waiting: list[Item] = []
        self._came = asyncio.Event()
        self._over = False

    def offer(self, place: Cursor, item: bytes) -> None:
        """Queue what comes after the reader's place; a full queue ends the stream."""
        if self._over or (place.xid, place.id) <= (self.seen.xid, self.seen.id):
            return
        if len(self._waiting) >= MOST_WAITING:
            self.end(Word.TOO_SLOW)
            return
        self._waiting.append(item)
        self._came.set()

    def tell(self, word: Word) -> None:
        """Queue a word in its place among the events."""
        if not self._over:
            self._waiting.append(word)
            self._came.set()

    def end(self, word: Word) -> None:
        """Forget what waits and say why the stream ends."""
        self._waiting = [word]
        self._came.set()
        self._over = True

    async def take(self, wait_s: float) -> list[Item]:
        """All that waits; empty when nothing came in time."""
        try:
            async with asyncio.timeout(wait_s):
                await self._came.wait()
        except TimeoutError:
            return []
        items, self._waiting = self._waiting, []
        self._came.clear()
        return items


class Clients:
    """All open streams of a process."""

    def __init__(self) -> None:
        self._everything: set[Client] = set()
        self._by_token: defaultdict[str, set[Client]] = defaultdict(set)
        self.count = 0

    def add(self, client: Client) -> None:
        """Let it hear from now on."""
        self.count += 1
        if client.audience is None:
            self._everything.add(client)
        for token in client.audience or ():
            self._by_token[token].add(client)

    def remove(self, client: Client) -> None:
        """Let it hear no more."""
        self.count -= 1
        self._everything.discard(client)
        for token in client.audience or ():
            self._by_token[token].discard(client)
            if not self._by_token[token]:
                del self._by_token[token]

    def all(self) -> set[Client]:
        """Every open stream."""
        return self._everything.union(*self._by_token.values())

    def spread(self, row: FeedRow) -> None:
        """Offer the change to whoever has it now, and its loss to whoever had it before."""
        have = self._everything | self._of(row.after)
        lost = self._of(row.before) - have
        named = row.before | row.after
        for clients, gone in ((have, False), (lost, True)):
            if clients:
                item = change(row, gone=gone)
                for client in clients:
                    client.offer(row.place, item)
                    if row.entity == "crew":
                        client.tell(Word.MOVED if client.person in named else Word.RECHECK)

    def _of(self, tokens: Iterable[str]) -> set[Client]:
        found: set[Client] = set()
        for token in tokens:
            found |= self._by_token.get(token, set())
        return found
