"""Firebase Cloud Messaging through the real SDK; imported by the worker only, and late.

The SDK's own retries are switched off (they ignore Retry-After and hold the worker): retrying is
the queue's business. Names of the SDK that begin with `_` are guarded by a test.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.core import retry_after
from app.core.ids import new_id
from app.notifications.channels import Address, Message, Outcome, SendResult

TIMEOUT_S = 10.0
BATCH = 500
"""What the SDK takes in one call."""
DETAIL_LENGTH = 300


class FcmChannel:
    """One project's sender; bound to the event loop that first sends."""

    provider = "fcm"

    def __init__(
        self, credentials_file: Path, server_url: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        """`server_url` is a stand-in for Google's, which settings refuse in production."""
        import firebase_admin
        from firebase_admin import credentials, messaging

        self._timeout_s = timeout_s
        self._app = firebase_admin.initialize_app(
            credentials.Certificate(str(credentials_file)),
            {"httpTimeout": timeout_s},
            name=f"paigong-{new_id()}",
        )
        self._service = messaging._get_messaging_service(self._app)
        if server_url is not None:
            self._service._fcm_url = (
                f"{server_url}/v1/projects/{self._app.project_id}/messages:send"
            )
        self._service._async_client = _client_without_retries(self._service, timeout_s)

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        """Data messages of high priority; `kind` is fid, or token for older installations.

        All go in one call of the SDK, `BATCH` at a time over one HTTP/2 connection.
        """
        results: list[SendResult] = []
        for start in range(0, len(addresses), BATCH):
            results += await self._send_batch(addresses[start : start + BATCH], message)
        return results

    async def _send_batch(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        from firebase_admin import messaging

        try:
            calls = [_wake_up(each, message) for each in addresses]
            async with asyncio.timeout(self._timeout_s):
                await self._authorise()
                answer = await messaging.send_each_async(calls, app=self._app)
        except Exception as error:
            return [classify(error)] * len(addresses)
        return [
            SendResult(Outcome.ACCEPTED, message_id=response.message_id)
            if response.success
            else classify(response.exception)
            for response in answer.responses
        ]

    async def find(self, _address: Address, _message: Message, /) -> SendResult | None:
        """FCM keeps no record that could be asked; a second wake-up does no harm."""
        return None

    async def _authorise(self) -> None:
        """Renew the OAuth token in a thread; the SDK would do it on the event loop."""
        from google.auth.transport.requests import Request

        credential = self._service._credential
        if not credential.valid:
            await asyncio.to_thread(credential.refresh, Request())

    async def close(self) -> None:
        """Close the HTTP client, then forget the app in a thread: its close starts a loop."""
        import firebase_admin

        await self._service._async_client._async_client.aclose()
        await asyncio.to_thread(firebase_admin.delete_app, self._app)


def _client_without_retries(service: Any, timeout_s: float) -> Any:
    from firebase_admin._http_client import HttpxAsyncClient
    from firebase_admin._retry import HttpxRetry

    return HttpxAsyncClient(
        credential=service._credential,
        retry_config=HttpxRetry(max_retries=0),
        timeout=timeout_s,
    )


def _wake_up(address: Address, told: Message) -> Any:
    from firebase_admin import messaging

    message = messaging.Message(
        data=dict(told.data),
        android=messaging.AndroidConfig(priority="high"),
        apns=messaging.APNSConfig(
            headers={"apns-push-type": "background", "apns-priority": "5"},
            payload=messaging.APNSPayload(aps=messaging.Aps(content_available=True)),
        ),
    )
    # Assigned, since the constructor warns of `token`, which older installations still have.
    setattr(message, "token" if address.kind == "token" else "fid", address.address)
    return message


def classify(error: BaseException) -> SendResult:
    """What an error of the SDK or of its sign-in means for the address and the message."""
    from firebase_admin import exceptions, messaging
    from google.auth import exceptions as sign_in

    outcome = Outcome.UNAVAILABLE
    known: tuple[tuple[tuple[type[BaseException], ...], Outcome], ...] = (
        ((messaging.UnregisteredError, messaging.SenderIdMismatchError), Outcome.UNREGISTERED),
        ((messaging.QuotaExceededError, exceptions.ResourceExhaustedError), Outcome.QUOTA),
        ((messaging.ThirdPartyAuthError, sign_in.RefreshError), Outcome.MISCONFIGURED),
        (
            (exceptions.UnauthenticatedError, exceptions.PermissionDeniedError),
            Outcome.MISCONFIGURED,
        ),
        ((exceptions.InvalidArgumentError, ValueError), Outcome.REFUSED),
    )
    for kinds, meaning in known:
        if isinstance(error, kinds):
            outcome = meaning
            break
    # A sign-in that failed for want of a network is an outage, not a wrong key.
    if isinstance(error, sign_in.RefreshError) and error.retryable:
        outcome = Outcome.UNAVAILABLE
    return SendResult(
        outcome,
        detail=f"{type(error).__name__}: {error}"[:DETAIL_LENGTH],
        retry_after_s=_retry_after_s(error),
    )


def _retry_after_s(error: BaseException) -> float | None:
    """Seconds of the Retry-After header; a date or nonsense counts as not given."""
    response = getattr(error, "http_response", None)
    value = response.headers.get("Retry-After", "") if response is not None else ""
    return retry_after.seconds(value)
