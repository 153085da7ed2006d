"""Words to staff in the group chats and mailboxes they read, through Apprise.

One target is one URL of Apprise: `dingtalk://`, `feishu://`, `wecombot://`, `mailtos://` and so on.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from app.notifications.channels import Address, Message, Outcome, SendResult

STAFF = "staff"
GROUP = "group"
TITLE = "派工 Paigong"

log = logging.getLogger(__name__)


class StaffChannel:
    """All configured targets at once; accepted when one of them took it."""

    provider = STAFF

    def __init__(self, urls: Sequence[str], timeout_s: float = 15.0) -> None:
        """Raises ValueError for a URL that Apprise cannot read; the URL itself is not told."""
        from apprise import Apprise

        self._timeout_s = timeout_s
        self._targets: list[Any] = []
        for number, url in enumerate(urls, start=1):
            target = Apprise()
            if not target.add(url):
                raise ValueError(f"staff alert target {number} is no URL that Apprise knows")
            self._targets.append(target)

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """Apprise tells yes or no, nothing more: no is an outage, and tried again."""
        told = await asyncio.gather(*(self._tell(target, message.text) for target in self._targets))
        if all(told):
            result = SendResult(Outcome.ACCEPTED)
        elif any(told):
            result = SendResult(Outcome.ACCEPTED, detail=f"{told.count(False)} targets failed")
        else:
            result = SendResult(Outcome.UNAVAILABLE, detail="no target took it")
        return [result] * len(addresses)

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
