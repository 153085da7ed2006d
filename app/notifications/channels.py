"""What every way to a person looks like from here: push providers, text messages, calls.

An address is `{provider, kind, address}`. A channel takes one message for some addresses of its
provider and says what became of each; it never raises, keeps no queue and knows no person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from app.core.i18n import Language


class Outcome(StrEnum):
    """What a provider said of one message to one address."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    """Nothing was sent: the device asks by itself and will find it."""
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
SMS = "sms"
"""Provider name of the text-message gateway, whichever is configured."""
VOICE = "voice"
"""Provider name of the calling gateway, whichever is configured."""
PHONE = "phone"
"""The kind of an address that is a telephone number."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device or a person can be reached."""

    provider: str
    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told, in every shape that a channel may need.

    `key` names this very message for ever: a repetition after a crash carries the same one.
    `kind` is the template's name at gateways, `data` the app's payload or the template's values,
    `text` the whole sentence in `language` for whoever shows or reads plain text.
    """

    key: str
    kind: str
    data: Mapping[str, str]
    text: str = ""
    language: Language = "zh"


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of one call; `retry_after_s` only when the provider named a time."""

    outcome: Outcome
    message_id: str | None = None
    detail: str | None = None
    retry_after_s: float | None = None
    asked: bool = True
    """False when the provider was left alone: nothing left the house, and no try is used up."""


class Channel(Protocol):
    """Sends to addresses of one provider."""

    @property
    def provider(self) -> str:
        """The name in `Address.provider`."""
        ...

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """Send once, within seconds; one result per address, in their order, never an exception."""
        ...

    async def find(self, address: Address, message: Message, /) -> SendResult | None:
        """What became of an earlier send with this key, as the provider remembers it.

        None when it never heard of the key, or keeps no such record; an outage when it could not
        say, which must not be read as a no. Ask before repeating a send
        whose end nobody saw, wherever two messages would be worse than none.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


Channels = Mapping[str, Channel]
"""Provider -> channel; a provider that is not configured is not in it."""
