"""JPush (极光) by its REST API v3: one call that reaches vendors' own channels in China.

A notification wakes through the vendor even when the app is dead; the custom message tells an app
that runs. `kind` of an address is `registration_id`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from app.notifications.channels import Address, Message, Outcome, SendResult
from app.notifications.http_calls import (
    DETAIL_LENGTH,
    ProviderDown,
    ask,
    down,
    of_status,
    open_client,
    retry_after_s,
)

URL = "https://api.jpush.cn"
KEPT_S = 3600
"""An hour later the ladder has long gone on without it."""
_CODES = {
    1000: Outcome.UNAVAILABLE,
    1004: Outcome.MISCONFIGURED,
    1008: Outcome.MISCONFIGURED,
    1011: Outcome.UNREGISTERED,
    1030: Outcome.UNAVAILABLE,
    2002: Outcome.QUOTA,
    2003: Outcome.MISCONFIGURED,
    2004: Outcome.MISCONFIGURED,
}
"""Documented error codes; any other says that our message is wrong."""


class JpushChannel:
    """One application's sender."""

    provider = "jpush"

    def __init__(
        self,
        app_key: str,
        master_secret: str,
        url: str = URL,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._client = client or open_client()
        self._auth = httpx.BasicAuth(app_key, master_secret)

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """A call per device: one for many would not say which of them is gone."""
        return list(await asyncio.gather(*(self._send(each, message) for each in addresses)))

    async def _send(self, address: Address, message: Message) -> SendResult:
        try:
            response, told = await ask(
                self._client,
                "POST",
                f"{self._url}/v3/push",
                json=_body(address, message),
                auth=self._auth,
            )
        except ProviderDown as error:
            return down(error)
        if response.is_success:
            return SendResult(Outcome.ACCEPTED, message_id=str(told.get("msg_id", "")) or None)
        error_told = told.get("error")
        if not isinstance(error_told, dict):
            return of_status(response)
        outcome = _CODES.get(error_told.get("code", 0), Outcome.REFUSED)
        wait_s = retry_after_s(response.headers, "X-Rate-Limit-Reset")
        return SendResult(
            outcome,
            detail=f"{error_told.get('code')}: {error_told.get('message', '')}"[:DETAIL_LENGTH],
            retry_after_s=wait_s if outcome is Outcome.QUOTA else None,
        )

    async def find(self, _address: Address, _message: Message, /) -> SendResult | None:
        """A second wake-up does no harm, so nothing is asked."""
        return None

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._client.aclose()


def _body(address: Address, message: Message) -> dict[str, Any]:
    data = dict(message.data)
    return {
        "platform": "all",
        "audience": {"registration_id": [address.address]},
        "notification": {
            "alert": message.text,
            "android": {"extras": data, "priority": 2},
            "ios": {"extras": data, "content-available": True},
            "hmos": {"extras": data, "category": "WORK"},
        },
        "message": {"msg_content": message.kind, "extras": data},
        "options": {"time_to_live": KEPT_S, "apns_production": True},
    }
