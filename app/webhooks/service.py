"""Endpoints, what is told to them, and telling it again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings, sql
from app.core.ids import new_id
from app.core.jobs import defer
from app.core.permissions import Permission
from app.core.problems import Forbidden, NotFound
from app.core.scope import Principal, scoped
from app.core.settings import Environment
from app.organisation.models import Station
from app.webhooks import policy, signing
from app.webhooks.errors import WebhookUrlUnfit
from app.webhooks.jobs import send_webhook
from app.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage

REPLAYED_AT_ONCE = 10_000

_INTERESTED = """
SELECT e.id, e.events FROM webhook_endpoints e
 WHERE e.disabled_at IS NULL
   AND (e.station_id IS NULL OR EXISTS (
     SELECT FROM stations own, stations s
      WHERE own.id = e.station_id AND s.id = :station AND starts_with(s.path, own.path)))
 ORDER BY e.id
"""


async def register(
    session: AsyncSession,
    principal: Principal,
    *,
    url: str,
    events: Sequence[str],
    station_id: UUID | None,
    description: str,
) -> WebhookEndpoint:
    """A new endpoint with a secret of its own.

    Raises WebhookUrlUnfit, NotFound for a station out of the caller's scope, and Forbidden for an
    API key: a person answers for where the company's data goes.
    """
    if principal.is_api_key:
        raise Forbidden(permission=Permission.WEBHOOKS_WRITE.value)
    _assert_covered(principal, station_id)
    if station_id is not None and await session.get(Station, station_id) is None:
        raise NotFound("no such station")
    production = settings.current().environment is Environment.PRODUCTION
    if not policy.is_fit(url, production=production):
        raise WebhookUrlUnfit()
    endpoint = WebhookEndpoint(
        url=url,
        secret=signing.new_secret(),
        events=sorted(set(events)),
        station_id=station_id,
        description=description,
        created_by=principal.id,
        created_at=clock.now(),
    )
    session.add(endpoint)
    await session.flush()
    return endpoint


def _assert_covered(principal: Principal, station_id: UUID | None) -> None:
    stations = principal.stations(Permission.WEBHOOKS_WRITE)
    if stations is not None and station_id not in stations:
        raise NotFound("no such station")


async def endpoints(session: AsyncSession, principal: Principal) -> list[WebhookEndpoint]:
    """Those in the caller's scope, the newest first; the company's only for the company."""
    query = (
        select(WebhookEndpoint)
        .where(scoped(principal, Permission.WEBHOOKS_WRITE, WebhookEndpoint.station_id))
        .order_by(col(WebhookEndpoint.id).desc())
    )
    return list((await session.exec(query)).all())


async def endpoint(
    session: AsyncSession, principal: Principal, endpoint_id: UUID
) -> WebhookEndpoint:
    """One; raises NotFound when it is none of the caller's."""
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.id == endpoint_id,
        scoped(principal, Permission.WEBHOOKS_WRITE, WebhookEndpoint.station_id),
    )
    found = (await session.exec(query)).first()
    if found is None:
        raise NotFound("no such webhook endpoint")
    return found


async def disable(
    session: AsyncSession, principal: Principal, endpoint_id: UUID
) -> WebhookEndpoint:
    """Send it nothing more; raises NotFound. Its log stays."""
    found = await endpoint(session, principal, endpoint_id)
    why = f"by {principal.name}"
    if found.disabled_at is None:
        found.disabled_at, found.disabled_why = clock.now(), why
    return found


async def publish(
    session: AsyncSession, *, key: str, event: str, station_id: UUID, data: dict[str, Any]
) -> None:
    """Tell every interested endpoint, once per `key`, with this transaction or not at all."""
    rows = await sql.rows(session, _INTERESTED, {"station": station_id})
    interested = [row.id for row in rows if policy.hears(row.events, event)]
    if not interested:
        return
    now = clock.now()
    message_id = f"msg_{new_id().hex}"
    added = await session.execute(
        insert(WebhookMessage)
        .values(
            id=message_id,
            key=key,
            type=event,
            station_id=station_id,
            payload={"type": event, "timestamp": now.isoformat(), "data": data},
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(col(WebhookMessage.id))
    )
    if added.first() is not None:
        for endpoint_id in interested:
            await _queue(session, endpoint_id, message_id)


async def _queue(session: AsyncSession, endpoint_id: UUID, message_id: str) -> None:
    """Queue the delivery, or queue it anew when it ended before."""
    statement = insert(WebhookDelivery).values(
        id=new_id(),
        endpoint_id=endpoint_id,
        message_id=message_id,
        state="queued",
        due_at=clock.real_now(),
    )
    queued = await session.execute(
        statement.on_conflict_do_update(
            index_elements=["endpoint_id", "message_id"],
            set_={"state": "queued", "attempts": 0, "due_at": clock.real_now()},
            where=col(WebhookDelivery.state).in_(["delivered", "failed"]),
        ).returning(col(WebhookDelivery.id))
    )
    if (delivery_id := queued.scalar_one_or_none()) is not None:
        await defer(session, send_webhook, delivery_id=str(delivery_id))


async def replay(
    session: AsyncSession, principal: Principal, endpoint_id: UUID, since: datetime
) -> int:
    """Tell the endpoint again all that it heard, or should have, since then; how many.

    The ids stay the same, so that a receiver knows what it has already. Raises NotFound.
    """
    found = await endpoint(session, principal, endpoint_id)
    query = (
        select(WebhookDelivery.message_id)
        .join(WebhookMessage, col(WebhookMessage.id) == col(WebhookDelivery.message_id))
        .where(WebhookDelivery.endpoint_id == found.id, WebhookMessage.created_at >= since)
        .order_by(col(WebhookMessage.id))
        .limit(REPLAYED_AT_ONCE)
    )
    message_ids = (await session.exec(query)).all()
    for message_id in message_ids:
        await _queue(session, found.id, message_id)
    return len(message_ids)


async def log(
    session: AsyncSession,
    principal: Principal,
    endpoint_id: UUID,
    state: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The newest deliveries with their tries; raises NotFound."""
    found = await endpoint(session, principal, endpoint_id)
    query = (
        select(WebhookDelivery, WebhookMessage)
        .join(WebhookMessage, col(WebhookMessage.id) == col(WebhookDelivery.message_id))
        .where(WebhookDelivery.endpoint_id == found.id)
        .order_by(col(WebhookMessage.id).desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    rows = (await session.exec(query)).all()
    tries = await session.exec(
        select(WebhookAttempt)
        .where(col(WebhookAttempt.delivery_id).in_([delivery.id for delivery, _ in rows]))
        .order_by(col(WebhookAttempt.id))
    )
    by_delivery: dict[UUID, list[WebhookAttempt]] = {}
    for each in tries.all():
        by_delivery.setdefault(each.delivery_id, []).append(each)
    return [
        {
            **delivery.model_dump(),
            "type": message.type,
            "created_at": message.created_at,
            "tries": by_delivery.get(delivery.id, []),
        }
        for delivery, message in rows
    ]
