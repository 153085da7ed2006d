"""Work that waits in a table: what is due is looked for, done side by side, and tried again.

The rows are the queue, so nothing is queued twice and nothing is lost with a job. Each piece of
work claims its row under a lock of its own: several processes may drain one table.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.core import clock
from app.core.db import is_passing

log = logging.getLogger(__name__)
SOON_S = 0.1
"""Between two looks that found less than could be done."""
RESTS_S = 0.25
"""What was in hand is not looked at again before: it may have changed nothing."""
PASSES_S = 1.0
"""After a lock or a lost connection, which say nothing of the work itself."""
LONGEST_REST_S = 300.0
"""Work that fails again and again is tried so often at least."""
LONGEST_BLINDNESS_S = 10.0
"""While the database is away it is asked so often at least."""
LOOKED_AHEAD = 4
"""Times what is done at once: a long queue is not sorted anew for every piece of work."""
GRACE_S = 10.0
"""How long what is in hand may go on after a stop."""

Look = Callable[[int, Collection[UUID]], Awaitable[Sequence[UUID]]]
"""(most, but for these) -> ids of what is due, the longest due first."""


@dataclass(frozen=True, slots=True)
class _Rest:
    until: float
    """A monotonic second."""
    failed: int = 0
    """Times in a row, by its own fault."""


@dataclass
class Drain:
    """Looks for due work every `every_s` real seconds, and does `at_once` pieces side by side."""

    name: str
    look: Look
    work: Callable[[UUID], Awaitable[None]]
    at_once: int = 8
    every_s: float = SOON_S
    longest_rest_s: float = LONGEST_REST_S
    _in_hand: dict[asyncio.Task[None], UUID] = field(default_factory=dict)
    _ahead: deque[UUID] = field(default_factory=deque)
    """Found, and not begun yet."""
    _rests: dict[UUID, _Rest] = field(default_factory=dict)
    _blind: int = 0
    """Looks that failed in a row."""

    async def run(self) -> None:
        """Work for ever; a cancellation lets what is in hand come to its end, for `GRACE_S`."""
        try:
            while True:
                if await self._begin():
                    await asyncio.wait(self._in_hand, return_when=asyncio.FIRST_COMPLETED)
                else:
                    blind_s = min(2.0**self._blind, LONGEST_BLINDNESS_S) if self._blind else 0.0
                    await asyncio.sleep(max(self.every_s, blind_s))
        finally:
            await self._leave()

    async def _begin(self) -> bool:
        """Begin what is due; whether more may be due than could be begun."""
        if not self._ahead:
            found = await self._looked()
            self._ahead.extend(found)
        while self._ahead and len(self._in_hand) < self.at_once:
            row_id = self._ahead.popleft()
            task = asyncio.create_task(self._try(row_id), name=f"{self.name} {row_id}")
            self._in_hand[task] = row_id
            task.add_done_callback(self._in_hand.pop)
        return len(self._in_hand) >= self.at_once

    async def _looked(self) -> Sequence[UUID]:
        now = clock.monotonic()
        kept = {row: rest for row, rest in self._rests.items() if rest.until + LONGEST_REST_S > now}
        self._rests = kept
        resting = [row for row, rest in kept.items() if rest.until > now]
        try:
            most = LOOKED_AHEAD * self.at_once
            found = await self.look(most, [*self._in_hand.values(), *resting])
        except Exception as error:
            self._blind = min(self._blind + 1, 10)
            told = "ALERT %s could not look for its work, it looks again: %r"
            log.error(told, self.name, error, exc_info=self._blind == 1)
            return []
        self._blind = 0
        return found

    async def _try(self, row_id: UUID) -> None:
        rest, failed = RESTS_S, 0
        try:
            await self.work(row_id)
        except Exception as error:
            before = self._rests.get(row_id)
            failed = before.failed if before else 0
            if is_passing(error):
                rest = PASSES_S
            else:
                failed += 1
                rest = min(self.longest_rest_s, 3.0 ** min(failed, 10))
            log.exception("ALERT %s failed at %s, again in %.0f s", self.name, row_id, rest)
        self._rests[row_id] = _Rest(clock.monotonic() + rest, failed)

    async def _leave(self) -> None:
        """Let what is in hand end; what takes too long is broken off, and found again when due."""
        if not self._in_hand:
            return
        _, late = await asyncio.wait(self._in_hand, timeout=GRACE_S)
        for task in late:
            log.warning("%s was broken off by the stop", task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
