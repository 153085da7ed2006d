"""One HTTP call to a provider, and what transport and status say of it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from app.core import retry_after
from app.notifications.channels import Outcome, SendResult

TIMEOUT_S = 10.0
DETAIL_LENGTH = 300
_OF_STATUS = {
    401: Outcome.MISCONFIGURED,
    403: Outcome.MISCONFIGURED,
    408: Outcome.UNAVAILABLE,
    429: Outcome.QUOTA,
}


class ProviderDown(Exception):
    """No answer that could be read came in time."""


def open_client(**more: Any) -> httpx.AsyncClient:
    """A client that follows no redirects and waits no longer than a worker may."""
    return httpx.AsyncClient(http2=True, timeout=TIMEOUT_S, **more)


async def ask(
    client: httpx.AsyncClient, method: str, url: str, **request: Any
) -> tuple[httpx.Response, dict[str, Any]]:
    """The answer and its JSON object, empty when it has none; raises ProviderDown."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            response = await client.request(method, url, **request)
    except (httpx.HTTPError, TimeoutError, OSError) as error:
        raise ProviderDown(f"{type(error).__name__}: {error}") from error
    try:
        body = response.json()
    except ValueError:
        body = {}
    return response, body if isinstance(body, dict) else {}


def of_status(response: httpx.Response, detail: str = "") -> SendResult:
    """What the status alone says: 5xx an outage, 429 a quota, 401 and 403 our own keys."""
    outcome = _OF_STATUS.get(response.status_code, Outcome.REFUSED)
    if response.status_code >= 500:
        outcome = Outcome.UNAVAILABLE
    return SendResult(
        outcome,
        detail=f"{response.status_code} {detail}"[:DETAIL_LENGTH],
        retry_after_s=retry_after_s(response.headers),
    )


def down(error: ProviderDown) -> SendResult:
    """An outage, told in its own words."""
    return SendResult(Outcome.UNAVAILABLE, detail=str(error)[:DETAIL_LENGTH])


def retry_after_s(headers: Mapping[str, str], name: str = "Retry-After") -> float | None:
    """Seconds of the header; a date or nonsense counts as not given."""
    return retry_after.seconds(headers.get(name, ""))
