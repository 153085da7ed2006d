"""Work that waits in a table: what is due is looked for, done side by side, and tried again.

The rows are the queue, so nothing is queued twice and nothing is lost with a job. Each piece of
work claims its row under a lock of its own: several processes may drain one table.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.core import clock

log = logging.getLogger(__name__)
SOON_S = 0.1
"""Between two looks that found less than could be done."""
RESTS_S = 0.25
"""What was in hand is not looked at again before: it may have changed nothing."""
LONGEST_REST_S = 300.0
"""Work that fails again and again is tried so often at least."""
GRACE_S = 10.0
"""How long what is in hand may go on after a stop."""

Look = Callable[[int, Collection[UUID]], Awaitable[Sequence[UUID]]]
"""(most, besides) -> ids of what is due, the longest due first."""


@dataclass
class Drain:
    """Looks for due work every `every_s` real seconds, and does `at_once` pieces side by side."""

    name: str
    look: Look
    do: Callable[[UUID], Awaitable[None]]
    at_once: int = 8
    every_s: float = SOON_S
    _in_hand: dict[asyncio.Task[None], UUID] = field(default_factory=dict)
    _resting: dict[UUID, float] = field(default_factory=dict)
    """Id -> the monotonic second at which its rest ends."""
    _failures: dict[UUID, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Work for ever; a cancellation lets what is in hand come to its end."""
        try:
            while True:
                if await self._begin():
                    await asyncio.wait(self._in_hand, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(self.every_s)
        finally:
            if self._in_hand:
                await asyncio.wait(self._in_hand, timeout=GRACE_S)

    async def _begin(self) -> bool:
        """Begin what is due; whether more may be due than could be begun."""
        now = clock.monotonic()
        self._resting = {each: until for each, until in self._resting.items() if until > now}
        free = self.at_once - len(self._in_hand)
        if free <= 0:
            return True
        try:
            due = await self.look(free, [*self._in_hand.values(), *self._resting])
        except Exception:
            log.exception("ALERT %s could not look for its work, it looks again", self.name)
            due = []
        for each in due:
            task = asyncio.create_task(self._one(each), name=f"{self.name} {each}")
            self._in_hand[task] = each
            task.add_done_callback(self._in_hand.pop)
        return len(due) == free

    async def _one(self, each: UUID) -> None:
        rest_s = RESTS_S
        try:
            await self.do(each)
            self._failures.pop(each, None)
        except Exception:
            failed = self._failures[each] = self._failures.get(each, 0) + 1
            rest_s = min(LONGEST_REST_S, 3.0**failed)
            log.exception("ALERT %s failed at %s, again in %.0f s", self.name, each, rest_s)
        self._resting[each] = clock.monotonic() + rest_s
