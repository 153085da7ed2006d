"""A provider that is down, or said to wait, is left alone for a while: it must not hold workers.

With every call running into its time limit, a few sends would fill the queue's workers, and the
phones of other providers would wait behind them.
"""

from collections.abc import Callable, Sequence

from app.core import clock
from app.notifications.channels import Address, Channel, Message, Outcome, SendResult

FAILURES_IN_A_ROW = 3
LEFT_ALONE_S = 10.0
LONGEST_S = 300.0
PROBED_S = 2.0
"""So long whoever comes while one call tries a provider again is told to wait."""


class GuardedChannel:
    """Asks the channel unless it failed in a row lately, or named a time that is not over."""

    def __init__(self, channel: Channel, now: Callable[[], float] = clock.monotonic) -> None:
        self.channel = channel
        self.provider = channel.provider
        self._now = now
        self._failures = 0
        self._doubted = False
        """It was down when it was last heard of."""
        self._probed = False
        """Somebody asks it whether it is back."""
        self._closed_until = 0.0
        self._why = Outcome.UNAVAILABLE

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """The channel's own results, or at once the one it would give, with the time left."""
        left_s = self._closed_until - self._now()
        if left_s > 0 or self._probed:
            why, wait_s = "left alone for a while", left_s if left_s > 0 else PROBED_S
            result = SendResult(self._why, detail=why, retry_after_s=wait_s, asked=False)
            return [result] * len(addresses)
        # After a pause one call goes first: were it to hang, it would hang alone.
        self._probed = self._doubted
        try:
            results = await self.channel.send(addresses, message)
        finally:
            self._probed = False
        self._learn(results)
        return results

    def _learn(self, results: Sequence[SendResult]) -> None:
        named = [
            each.retry_after_s
            for each in results
            if each.outcome is Outcome.QUOTA and each.retry_after_s is not None
        ]
        if named:
            self._close(min(max(named), LONGEST_S), Outcome.QUOTA)
        elif results and all(each.outcome is Outcome.UNAVAILABLE for each in results):
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW or self._doubted:
                self._close(LEFT_ALONE_S, Outcome.UNAVAILABLE)
                self._doubted = True
        else:
            self._failures, self._doubted = 0, False

    def _close(self, seconds: float, why: Outcome) -> None:
        self._failures, self._why = 0, why
        self._closed_until = self._now() + seconds

    async def find(self, address: Address, message: Message, /) -> SendResult | None:
        """What the channel remembers."""
        return await self.channel.find(address, message)

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()
