"""Texts and calls through Alibaba Cloud: signed requests of the V3 form (ACS3-HMAC-SHA256).

`SendSms` of Dysmsapi and `SingleCallByTts` of Dyvmsapi, both 2017-05-25. Templates are approved
beforehand, so a message goes by its template's code and values, never as free text.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import httpx

from app.core import clock
from app.core.ids import new_secret
from app.notifications.channels import SMS, VOICE, Address, Message, Outcome, SendResult
from app.notifications.http_calls import (
    DETAIL_LENGTH,
    ProviderDown,
    ask,
    down,
    of_status,
    open_client,
)

VERSION = "2017-05-25"
_CHINA = ZoneInfo("Asia/Shanghai")
"""The calendar of their records, whatever ours is."""
ALGORITHM = "ACS3-HMAC-SHA256"
_CODES: tuple[tuple[str, Outcome], ...] = (
    ("isv.BUSINESS_LIMIT_CONTROL", Outcome.QUOTA),
    ("isv.DAY_LIMIT_CONTROL", Outcome.QUOTA),
    ("isv.MONTH_LIMIT_CONTROL", Outcome.QUOTA),
    ("Throttling", Outcome.QUOTA),
    ("isv.MOBILE_NUMBER_ILLEGAL", Outcome.UNREGISTERED),
    ("isv.AMOUNT_NOT_ENOUGH", Outcome.MISCONFIGURED),
    ("isv.ACCOUNT_", Outcome.MISCONFIGURED),
    ("isv.OUT_OF_SERVICE", Outcome.MISCONFIGURED),
    ("isv.PRODUCT_UN", Outcome.MISCONFIGURED),
    ("isp.RAM_PERMISSION_DENY", Outcome.MISCONFIGURED),
    ("SignatureDoesNotMatch", Outcome.MISCONFIGURED),
    ("InvalidAccessKeyId", Outcome.MISCONFIGURED),
    ("Forbidden", Outcome.MISCONFIGURED),
    ("isp.", Outcome.UNAVAILABLE),
    ("ServiceUnavailable", Outcome.UNAVAILABLE),
    ("InternalError", Outcome.UNAVAILABLE),
)
"""The beginning of a documented code -> its meaning; any other says that our message is wrong."""


def signed_headers(
    url: str,
    action: str,
    version: str,
    query: Mapping[str, str],
    *,
    key_id: str,
    key_secret: str,
    at: datetime,
    nonce: str,
    method: str = "POST",
) -> dict[str, str]:
    """Headers of a request without a body, with its signature; `query` becomes the URL's."""
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": urlsplit(url).netloc,
        "x-acs-action": action,
        "x-acs-content-sha256": empty,
        "x-acs-date": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([method, "/", canonical_query(query), lines, names, empty])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(key_secret.encode(), f"{ALGORITHM}\n{digest}".encode(), hashlib.sha256)
    authorization = (
        f"{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature.hexdigest()}"
    )
    return headers | {"Authorization": authorization}


def canonical_query(query: Mapping[str, str]) -> str:
    """RFC 3986, sorted by name, a space as `%20`."""
    return "&".join(
        f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query)
    )


@dataclass(frozen=True, slots=True)
class AliyunAccount:
    """Whose key signs, and where the service answers."""

    key_id: str
    key_secret: str
    url: str


class _AliyunChannel:
    """What texts and calls have in common."""

    provider = ""

    def __init__(
        self,
        account: AliyunAccount,
        templates: Mapping[str, str],
        client: httpx.AsyncClient | None = None,
    ) -> None:
        """`templates` maps `kind` or `kind.language` to approved codes."""
        self._account, self._templates = account, dict(templates)
        self._client = client or open_client()

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """One request per number."""
        code = self._templates.get(f"{message.kind}.{message.language}")
        code = code or self._templates.get(message.kind)
        if code is None:
            lacking = SendResult(Outcome.REFUSED, detail=f"no template for {message.kind}")
            return [lacking] * len(addresses)
        return list(await asyncio.gather(*(self._send(each, message, code) for each in addresses)))

    async def _send(self, address: Address, message: Message, code: str) -> SendResult:
        try:
            return await self._call(*self._request(address, message, code))
        except ProviderDown as error:
            return down(error)

    def _request(self, address: Address, message: Message, code: str) -> tuple[str, dict[str, str]]:
        """Action and query of one send."""
        raise NotImplementedError

    async def _call(self, action: str, query: dict[str, str]) -> SendResult:
        response, told = await self._ask(action, query)
        code = str(told.get("Code", ""))
        if response.is_success and code == "OK":
            return SendResult(Outcome.ACCEPTED, message_id=told.get("BizId") or told.get("CallId"))
        return _failure(response, told)

    async def _ask(
        self, action: str, query: dict[str, str]
    ) -> tuple[httpx.Response, dict[str, Any]]:
        account = self._account
        headers = signed_headers(
            account.url,
            action,
            VERSION,
            query,
            key_id=account.key_id,
            key_secret=account.key_secret,
            at=clock.real_now(),
            nonce=new_secret(16),
        )
        url = f"{account.url}/?{canonical_query(query)}"
        return await ask(self._client, "POST", url, headers=headers)

    async def find(self, _address: Address, _message: Message, /) -> SendResult | None:
        """Nothing is known of an earlier send."""
        return None

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._client.aclose()


def _failure(response: httpx.Response, told: Mapping[str, Any]) -> SendResult:
    """What an answer without `OK` means."""
    code = str(told.get("Code", ""))
    if not code:
        return of_status(response)
    detail = f"{code}: {told.get('Message', '')}"[:DETAIL_LENGTH]
    meanings = (meaning for beginning, meaning in _CODES if code.startswith(beginning))
    return SendResult(next(meanings, Outcome.REFUSED), detail=detail)


class AliyunSms(_AliyunChannel):
    """SendSms under the company's approved signature."""

    provider = SMS

    def __init__(
        self,
        account: AliyunAccount,
        sign_name: str,
        templates: Mapping[str, str],
        client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(account, templates, client)
        self._sign_name = sign_name

    def _request(self, address: Address, message: Message, code: str) -> tuple[str, dict[str, str]]:
        return "SendSms", {
            "PhoneNumbers": address.address,
            "SignName": self._sign_name,
            "TemplateCode": code,
            "TemplateParam": _json(message.data),
            "OutId": message.key,
        }

    async def find(self, address: Address, message: Message, /) -> SendResult | None:
        """Texts to the number, searched for our key: SendSms knows no duplicates itself.

        Yesterday's too, since a send may have crossed midnight. While the question gets no answer
        the result is an outage, or our wrong keys: unsent is better than sent twice.
        """
        today = clock.real_now().astimezone(_CHINA).date()
        for day in (today, today - timedelta(days=1)):
            try:
                found = await self._found(address, message, day)
            except ProviderDown as error:
                return down(error)
            if found is not None:
                return found
        return None

    async def _found(self, address: Address, message: Message, day: date) -> SendResult | None:
        query = {
            "PhoneNumber": address.address,
            "SendDate": day.strftime("%Y%m%d"),
            "PageSize": "50",
            "CurrentPage": "1",
        }
        response, told = await self._ask("QuerySendDetails", query)
        if not response.is_success or told.get("Code") != "OK":
            why = _failure(response, told)
            ours = why.outcome is Outcome.MISCONFIGURED
            return why if ours else SendResult(Outcome.UNAVAILABLE, detail=why.detail)
        listed = (told.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
        if any(each.get("OutId") == message.key for each in listed):
            return SendResult(Outcome.ACCEPTED, detail="found at the gateway")
        return None


class AliyunVoice(_AliyunChannel):
    """SingleCallByTts: a machine reads the template twice."""

    provider = VOICE

    def __init__(
        self,
        account: AliyunAccount,
        show_number: str,
        templates: Mapping[str, str],
        client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(account, templates, client)
        self._show_number = show_number

    def _request(self, address: Address, message: Message, code: str) -> tuple[str, dict[str, str]]:
        # An OutId of calls has at most 15 bytes.
        digest = hashlib.sha256(message.key.encode()).digest()
        return "SingleCallByTts", {
            "CalledNumber": address.address,
            "CalledShowNumber": self._show_number,
            "TtsCode": code,
            "TtsParam": _json(message.data),
            "PlayTimes": "2",
            "OutId": base64.b32encode(digest).decode()[:15],
        }


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), ensure_ascii=False, separators=(",", ":"))
