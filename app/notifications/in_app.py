"""Devices that are told without a push provider: over the open stream, or when they next ask.

The stream itself is served by the API, which hears of every change by the feed; these channels
say what that means for a device's address, so that nobody waits for a push that cannot come.
"""

from collections.abc import Sequence

from app.notifications.channels import Address, Message, Outcome, SendResult


class _InApp:
    """Nothing leaves the house: the feed told already."""

    provider = ""

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """Each device finds the message by itself."""
        waiting = SendResult(Outcome.WAITING, detail=f"{self.provider}: {message.kind}")
        return [waiting] * len(addresses)

    async def find(self, _address: Address, _message: Message, /) -> SendResult | None:
        """There is nothing to look for."""
        return None

    async def close(self) -> None:
        """Nothing is open."""


class StreamChannel(_InApp):
    """The device said that it keeps the event stream open; the feed's change wakes it there."""

    provider = "stream"


class PullChannel(_InApp):
    """The device said that it only asks from time to time."""

    provider = "pull"
