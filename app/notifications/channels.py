"""What every push provider looks like from here; FCM is the first, others follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What a provider said of one message to one address."""

    ACCEPTED = "accepted"
    UNREGISTERED = "unregistered"
    """The address is dead for good."""
    QUOTA = "quota"
    """Too many: again after `retry_after_s`."""
    UNAVAILABLE = "unavailable"
    """The provider or the way to it is down: again with back-off."""
    REFUSED = "refused"
    """Our message is wrong: never again."""
    MISCONFIGURED = "misconfigured"
    """Our credentials are wrong: somebody must act."""


RETRYABLE = frozenset({Outcome.QUOTA, Outcome.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of one call; `retry_after_s` only when the provider named a time."""

    outcome: Outcome
    message_id: str | None = None
    detail: str | None = None
    retry_after_s: float | None = None


class Channel(Protocol):
    """Sends data messages to addresses of one provider."""

    @property
    def provider(self) -> str:
        """The name in `push_addresses.provider`."""
        ...

    async def send(self, kind: str, address: str, data: Mapping[str, str]) -> SendResult:
        """Send once, within seconds; every failure is a result, never an exception."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


Channels = Mapping[str, Channel]
"""Provider -> channel; empty when push is off and phones pull."""
