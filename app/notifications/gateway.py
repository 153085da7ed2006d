"""Texts and calls through a company's own gateway: a small HTTP protocol, the same for both.

`POST {url}/messages` with `Idempotency-Key`, a bearer token and
`{"channel", "to", "template", "values", "text", "language"}` answers 2xx `{"id"}`; the same key
again answers the same and sends nothing. `GET {url}/messages/{key}` answers 200 `{"id"}`, or 404
for a key it never heard of. A number that cannot exist is 422 `{"code": "no_such_number"}`.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

import httpx

from app.notifications.channels import Address, Message, Outcome, SendResult
from app.notifications.http_calls import ProviderDown, ask, down, of_status, open_client


class GatewayChannel:
    """Speaks the protocol above as `sms` or as `voice`."""

    def __init__(
        self,
        provider: Literal["sms", "voice"],
        url: str,
        token: str,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self.provider = provider
        self._url = url.rstrip("/")
        self._client = client or open_client()
        self._headers = {"Authorization": f"Bearer {token}"}

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """One request per number."""
        return list(await asyncio.gather(*(self._send(each, message) for each in addresses)))

    async def _send(self, address: Address, message: Message) -> SendResult:
        body = {
            "channel": self.provider,
            "to": address.address,
            "template": message.kind,
            "values": dict(message.data),
            "text": message.text,
            "language": message.language,
        }
        headers = self._headers | {"Idempotency-Key": message.key}
        try:
            response, told = await ask(
                self._client, "POST", f"{self._url}/messages", json=body, headers=headers
            )
        except ProviderDown as error:
            return down(error)
        if response.is_success:
            return SendResult(Outcome.ACCEPTED, message_id=str(told.get("id", "")) or None)
        code = str(told.get("code", ""))
        if response.status_code == 422 and code == "no_such_number":
            return SendResult(Outcome.UNREGISTERED, detail=code)
        return of_status(response, code)

    async def find(self, _address: Address, message: Message, /) -> SendResult | None:
        """What the gateway keeps under the key; None also while it cannot be asked.

        It knows duplicates by the key itself, so that repeating a send is safe here anyhow.
        """
        url = f"{self._url}/messages/{quote(message.key, safe='')}"
        try:
            response, told = await ask(self._client, "GET", url, headers=self._headers)
        except ProviderDown:
            return None
        if response.status_code != 200:
            return None
        return SendResult(Outcome.ACCEPTED, message_id=str(told.get("id", "")) or None)

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._client.aclose()
