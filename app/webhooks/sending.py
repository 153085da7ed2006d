"""One try of one delivery: claimed, sent with no transaction open, noted."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, retry_after, settings
from app.core.db import Database
from app.core.jobs import defer
from app.webhooks import policy, signing
from app.webhooks.jobs import send_webhook
from app.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from app.webhooks.outside import OutsideTransport

TIMEOUT_S = 20.0
LEASE = timedelta(seconds=60)
LOST_AFTER = timedelta(seconds=10)
DETAIL_LENGTH = 300
MOST_READ = 4096
"""Bytes of an answer."""
SWEPT_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be sent where."""

    delivery_id: UUID
    url: str
    secret: str
    message_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; no status when nothing did."""

    status: int | None
    detail: str | None
    retry_after_s: float | None
    took_ms: int


async def deliver(
    database: Database, delivery_id: UUID, client: httpx.AsyncClient | None = None
) -> None:
    """Send once if it is due, and queue the next try when it failed."""
    async with database.transaction() as session:
        due = await _claim(session, delivery_id)
    if due is None:
        return
    if client is None:
        way = OutsideTransport(settings.current().webhook_networks)
        async with httpx.AsyncClient(timeout=TIMEOUT_S, transport=way) as own:
            answer = await _send(own, due)
    else:
        answer = await _send(client, due)
    async with database.transaction() as session:
        await _settle(session, due, answer)


async def _claim(session: AsyncSession, delivery_id: UUID) -> Due | None:
    query = select(WebhookDelivery).where(
        WebhookDelivery.id == delivery_id, WebhookDelivery.state == "queued"
    )
    row = (await session.exec(query.with_for_update(skip_locked=True))).first()
    if row is None or row.due_at > clock.real_now() + timedelta(milliseconds=200):
        return None
    endpoint = await session.get_one(WebhookEndpoint, row.endpoint_id)
    if endpoint.disabled_at is not None:
        row.state = "failed"
        return None
    message = await session.get_one(WebhookMessage, row.message_id)
    row.state, row.leased_until = "sending", clock.real_now() + LEASE
    row.attempts += 1
    body = json.dumps(message.payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Due(row.id, endpoint.url, endpoint.secret, message.id, body)


async def _send(client: httpx.AsyncClient, due: Due) -> Answer:
    began = clock.monotonic()
    headers = signing.headers(due.secret, due.message_id, clock.real_now(), due.body)
    headers |= {"accept-encoding": "identity"}
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            client.stream("POST", due.url, content=due.body, headers=headers) as response,
        ):
            detail = None if response.is_success else await _beginning(response)
    except (httpx.HTTPError, TimeoutError, OSError, UnicodeError) as error:
        why = f"{type(error).__name__}: {error}"[:DETAIL_LENGTH]
        return Answer(None, why, None, _since_ms(began))
    wait_s = retry_after.seconds(response.headers.get("retry-after", ""))
    return Answer(response.status_code, detail, wait_s, _since_ms(began))


async def _beginning(response: httpx.Response) -> str:
    """What it says, undecoded and no more than `MOST_READ`: a receiver may answer without end."""
    read = b""
    async for piece in response.aiter_raw(MOST_READ):
        read += piece
        if len(read) >= MOST_READ:
            break
    return read[:MOST_READ].decode("utf-8", "replace")[:DETAIL_LENGTH].replace("\x00", "")


def _since_ms(began: float) -> int:
    return round((clock.monotonic() - began) * 1000)


async def _settle(session: AsyncSession, due: Due, answer: Answer) -> None:
    row = await session.get_one(WebhookDelivery, due.delivery_id, with_for_update=True)
    row.leased_until = None
    session.add(
        WebhookAttempt(
            delivery_id=row.id,
            at=clock.now(),
            took_ms=answer.took_ms,
            status=answer.status,
            detail=answer.detail,
        )
    )
    if answer.status is not None and 200 <= answer.status < 300:
        row.state, row.delivered_at = "delivered", clock.now()
        return
    if answer.status == policy.GONE:
        endpoint = await session.get_one(WebhookEndpoint, row.endpoint_id)
        endpoint.disabled_at, endpoint.disabled_why = clock.now(), "it answered 410 Gone"
    wait_s = policy.next_wait_s(row.attempts, answer.retry_after_s)
    if wait_s is None or answer.status == policy.GONE:
        row.state = "failed"
        return
    row.state, row.due_at = "queued", clock.real_now() + timedelta(seconds=wait_s)
    at = clock.to_business(row.due_at)
    await defer(session, send_webhook, at=at, delivery_id=str(row.id))


_LOST = """
WITH lost AS (
    SELECT id, leased_until FROM webhook_deliveries
     WHERE (state = 'queued' AND due_at < :late AND NOT EXISTS (
              SELECT FROM procrastinate_jobs j
               WHERE j.status IN ('todo', 'doing')
                 AND j.args ->> 'delivery_id' = webhook_deliveries.id::text
                 AND coalesce(j.scheduled_at, :now) <= :now))
        OR (state = 'sending' AND leased_until < :now)
     ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
UPDATE webhook_deliveries d SET state = 'queued', leased_until = NULL, due_at = :now
  FROM lost WHERE d.id = lost.id
RETURNING d.id, lost.leased_until
"""


async def requeue_lost(database: Database) -> int:
    """Queue again what is overdue and has no job, and what a worker took and never settled.

    Returns how many.
    """
    now = clock.real_now()
    values: dict[str, Any] = {"now": now, "late": now - LOST_AFTER, "most": SWEPT_AT_ONCE}
    async with database.transaction() as session:
        rows = (await session.execute(text(_LOST), values)).all()
        for row in rows:
            if row.leased_until is not None:
                session.add(_unseen(row.id, row.leased_until))
            await defer(session, send_webhook, delivery_id=str(row.id))
    return len(rows)


def _unseen(delivery_id: UUID, leased_until: datetime) -> WebhookAttempt:
    """The try of a worker that died: it was counted, and the receiver may have had it."""
    return WebhookAttempt(
        delivery_id=delivery_id,
        at=clock.to_business(leased_until - LEASE),
        took_ms=0,
        detail="the end of this try was not seen",
    )
