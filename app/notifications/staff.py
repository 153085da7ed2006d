"""Words to staff in the group chats and mailboxes they read, through Apprise.

One target is one URL of Apprise: `dingtalk://`, `feishu://`, `wecombot://`, `mailtos://` and so on.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from typing import Any

from app.notifications.channels import Address, Channel, Message, Outcome, SendResult
from app.notifications.guarding import GuardedChannel

STAFF = "staff"
GROUP = "group"
TITLE = "派工 Paigong"

log = logging.getLogger(__name__)


class StaffChannel:
    """One address per configured target, so that a retry asks only those which failed."""

    provider = STAFF

    def __init__(self, urls: Sequence[str], timeout_s: float = 15.0) -> None:
        """Raises ValueError for a URL that Apprise cannot read; the URL itself is not told."""
        from apprise import Apprise

        self._timeout_s = timeout_s
        self._targets: dict[str, Any] = {}
        for number, url in enumerate(urls, start=1):
            target = Apprise()
            if not target.add(url):
                raise ValueError(f"staff alert target {number} is no URL that Apprise knows")
            # The URL holds a token: the address that is kept must not tell it.
            self._targets[hashlib.sha256(url.encode()).hexdigest()[:12]] = target

    @property
    def groups(self) -> list[Address]:
        """Every target, in the order of the settings."""
        return [Address(STAFF, GROUP, each) for each in self._targets]

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """Apprise tells yes or no, nothing more: no is an outage, and tried again."""
        told = await asyncio.gather(
            *(self._tell(self._targets[each.address], message.text) for each in addresses)
        )
        return [
            SendResult(Outcome.ACCEPTED, message_id=each.address)
            if took
            else SendResult(Outcome.UNAVAILABLE, detail="the target did not take it")
            for each, took in zip(addresses, told, strict=True)
        ]

    async def _tell(self, target: Any, text: str) -> bool:
        try:
            async with asyncio.timeout(self._timeout_s):
                return bool(await target.async_notify(body=text, title=TITLE))
        except Exception as error:
            log.warning("a staff alert failed: %s", type(error).__name__)
            return False

    async def find(self, _address: Address, _message: Message, /) -> SendResult | None:
        """Group chats keep no record that could be asked; a second word does no harm."""
        return None

    async def close(self) -> None:
        """Apprise keeps no connection."""


def groups_of(channel: Channel) -> list[Address]:
    """Whom an alert to the staff goes to; a channel of another make knows one group."""
    inner = channel.channel if isinstance(channel, GuardedChannel) else channel
    return inner.groups if isinstance(inner, StaffChannel) else [Address(STAFF, GROUP, GROUP)]
