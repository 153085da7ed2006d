"""Statements on messages on their way; each is of every push, so they pass SQLAlchemy by."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.ids import new_id


class Waiting(NamedTuple):
    """A queued message under its lock, with the notification that it tells; a group's has none."""

    id: UUID
    channel: str
    user_id: UUID | None
    alarm_id: UUID | None
    attempt: int
    due_at: datetime
    joined_id: UUID | None
    notification_id: UUID | None
    kind: str | None
    data: dict[str, Any] | None
    order_id: UUID | None
    acknowledged_at: datetime | None
    told_alarm_id: UUID | None
    """The alarm that the notification itself belongs to."""
    alone: bool = False
    """A new job whose ladder allows no burst: danger is never one of several."""


class Target(NamedTuple):
    """A live push address, with what its attempt should remember of the device."""

    id: UUID
    provider: str
    kind: str
    address: str
    brand: str | None
    app_version: str | None


_ALONE = """
EXISTS (SELECT FROM alarms a JOIN ladders l ON l.id = a.ladder_id AND l.burst_s = 0
         WHERE a.id = d.alarm_id AND a.kind = 'new' AND n.kind = 'new')
"""
_WAITING = f"""
SELECT d.id, d.channel, d.user_id, d.alarm_id, d.attempt, d.due_at, d.joined_id, d.notification_id,
       n.kind, n.data, n.order_id, n.acknowledged_at, n.alarm_id AS told_alarm_id,
       {_ALONE} AS alone
  FROM dispatches d LEFT JOIN notifications n ON n.id = d.notification_id
"""


async def queued(session: AsyncSession, dispatch_id: UUID) -> Waiting | None:
    """The message, unless another worker has it or it waits no more."""
    statement = f"{_WAITING} WHERE d.id = :id AND d.state = 'queued' FOR UPDATE OF d SKIP LOCKED"
    row = await sql.first(session, statement, {"id": dispatch_id})
    return Waiting(*row) if row else None


async def joined(session: AsyncSession, lead: Waiting, most: int) -> list[Waiting]:
    """What joined the message at its first try: a retry tells it again, and no more."""
    statement = (
        f"{_WAITING} WHERE d.joined_id = :lead AND d.state = 'queued'"
        " AND d.notification_id IS NOT NULL ORDER BY d.id LIMIT :most FOR UPDATE OF d SKIP LOCKED"
    )
    rows = await sql.rows(session, statement, {"lead": lead.id, "most": most})
    return [Waiting(*row) for row in rows]


async def joinable(
    session: AsyncSession, lead: Waiting, due_before: datetime, most: int
) -> list[Waiting]:
    """What else is due for the same person and channel, and untried; nothing beside danger."""
    if lead.alone:
        return []
    statement = (
        f"{_WAITING} WHERE d.user_id = :user AND d.channel = :channel AND d.state = 'queued'"
        " AND d.id <> :lead AND d.notification_id IS NOT NULL AND d.attempt = 0"
        f" AND d.joined_id IS NULL AND d.due_at <= :before AND NOT {_ALONE}"
        " ORDER BY d.id LIMIT :most FOR UPDATE OF d SKIP LOCKED"
    )
    values = {
        "user": lead.user_id,
        "channel": lead.channel,
        "lead": lead.id,
        "before": due_before,
        "most": most,
    }
    return [Waiting(*row) for row in await sql.rows(session, statement, values)]


async def is_open(session: AsyncSession, dispatch_id: UUID) -> bool:
    """Whether it is still being tried."""
    statement = "SELECT id FROM dispatches WHERE id = :id AND state IN ('queued', 'sending')"
    return await sql.first(session, statement, {"id": dispatch_id}) is not None


async def put_off(session: AsyncSession, dispatch_id: UUID, until: datetime) -> None:
    await sql.rows(
        session,
        "UPDATE dispatches SET due_at = :until WHERE id = :id",
        {"id": dispatch_id, "until": until},
    )


async def let_go(session: AsyncSession, dispatch_id: UUID) -> None:
    """What had joined it goes by itself."""
    await sql.rows(
        session,
        "UPDATE dispatches SET joined_id = NULL WHERE joined_id = :id AND state = 'queued'",
        {"id": dispatch_id},
    )


async def end(session: AsyncSession, ids: Collection[UUID], state: str) -> None:
    await sql.rows(
        session,
        "UPDATE dispatches SET state = :state WHERE id = ANY(:ids)",
        {"ids": list(ids), "state": state},
    )


_LEASE = """
UPDATE dispatches SET state = 'sending', leased_until = :until,
       attempt = attempt + CASE WHEN id = :lead THEN 1 ELSE 0 END,
       joined_id = CASE WHEN id <> :lead THEN CAST(:lead AS uuid) END
 WHERE id = ANY(:ids)
"""


async def lease(
    session: AsyncSession, lead: UUID, joined: Collection[UUID], until: datetime
) -> None:
    """Take the message and what joins it in hand, until then."""
    await sql.rows(session, _LEASE, {"lead": lead, "ids": [lead, *joined], "until": until})


_SETTLE = """
UPDATE dispatches SET state = :state, leased_until = NULL,
       attempt = attempt - CASE WHEN id = :lead AND :untried THEN 1 ELSE 0 END,
       joined_id = CASE WHEN NOT (:untried AND :attempt = 1) THEN joined_id END,
       due_at = coalesce(CAST(:due_at AS timestamptz), due_at),
       sent_at = coalesce(CAST(:sent_at AS timestamptz), sent_at)
 WHERE state = 'sending'
   AND id IN (SELECT id FROM dispatches WHERE id = ANY(:ids) ORDER BY id FOR UPDATE)
   AND EXISTS (SELECT FROM dispatches WHERE id = :lead AND attempt = :attempt)
RETURNING notification_id
"""


async def settle(
    session: AsyncSession,
    lead: UUID,
    ids: Sequence[UUID],
    state: str,
    *,
    attempt: int,
    untried: bool,
    due_at: datetime | None = None,
    sent_at: datetime | None = None,
) -> list[UUID]:
    """Write how this attempt went, locking in the order of ids; the notifications that it told.

    Nothing where another worker took the message over meanwhile: its word counts. What was never
    tried parts again, so that it joins whatever is due then.
    """
    values = {
        "lead": lead,
        "ids": list(ids),
        "state": state,
        "attempt": attempt,
        "untried": untried,
        "due_at": due_at,
        "sent_at": sent_at,
    }
    rows = await sql.rows(session, _SETTLE, values)
    return [row.notification_id for row in rows if row.notification_id is not None]


_TARGETS = """
SELECT a.id, a.provider, a.kind, a.address, v.brand, v.app_version
  FROM push_addresses a
  JOIN devices v ON v.id = a.device_id
  JOIN users u ON u.id = a.user_id AND u.disabled_at IS NULL
 WHERE a.user_id = :user AND a.dead_at IS NULL
   AND NOT EXISTS (SELECT FROM delivery_attempts t WHERE t.dispatch_id = :dispatch
                      AND t.address_id = a.id AND t.result = 'accepted')
 ORDER BY a.id
"""


async def targets(session: AsyncSession, row: Waiting) -> list[Target]:
    """Addresses of the person that have not accepted this message yet; none once disabled."""
    values = {"user": row.user_id, "dispatch": row.id}
    return [Target(*each) for each in await sql.rows(session, _TARGETS, values)]


_BEGUN = """
INSERT INTO delivery_attempts
       (id, notification_id, dispatch_id, address_id, provider, at, result, brand, app_version)
VALUES (:id, :notification, :dispatch, :address, :provider, :at, 'started', :brand, :app_version)
"""


async def begun(session: AsyncSession, row: Waiting, provider: str, target: Target | None) -> UUID:
    """Note that a call to one address begins; the id of the attempt."""
    attempt_id = new_id()
    values = {
        "id": attempt_id,
        "notification": row.notification_id,
        "dispatch": row.id,
        "address": target.id if target else None,
        "provider": provider,
        "at": clock.now(),
        "brand": target.brand if target else None,
        "app_version": target.app_version if target else None,
    }
    await sql.rows(session, _BEGUN, values)
    return attempt_id


async def untried(session: AsyncSession, attempt_id: UUID) -> None:
    """The provider was left alone: there was no attempt."""
    await sql.rows(session, "DELETE FROM delivery_attempts WHERE id = :id", {"id": attempt_id})


async def lost_before(session: AsyncSession, dispatch_id: UUID) -> bool:
    """Whether a call was begun whose end nobody saw; such attempts are noted as lost.

    One that was lost before counts too: the provider may not have been able to say yet.
    """
    values = {"id": dispatch_id}
    await sql.rows(
        session,
        "UPDATE delivery_attempts SET result = 'lost'"
        " WHERE dispatch_id = :id AND result = 'started'",
        values,
    )
    statement = (
        "SELECT id FROM delivery_attempts WHERE dispatch_id = :id AND result = 'lost' LIMIT 1"
    )
    return await sql.first(session, statement, values) is not None


async def was_accepted(session: AsyncSession, dispatch_id: UUID) -> bool:
    """Whether any address accepted it, now or in an earlier attempt."""
    statement = (
        "SELECT id FROM delivery_attempts WHERE dispatch_id = :id AND result = 'accepted' LIMIT 1"
    )
    return await sql.first(session, statement, {"id": dispatch_id}) is not None


async def groups_that_took(session: AsyncSession, dispatch_id: UUID) -> set[str | None]:
    statement = (
        "SELECT provider_message_id FROM delivery_attempts"
        " WHERE dispatch_id = :id AND result = 'accepted'"
    )
    rows = await sql.rows(session, statement, {"id": dispatch_id})
    return {row.provider_message_id for row in rows}


_ENDED = """
UPDATE delivery_attempts SET ended_at = :at, took_ms = :took_ms, result = :result,
       detail = :detail, provider_message_id = :message
 WHERE id = :id RETURNING address_id, at
"""


class Ended(NamedTuple):
    """An attempt whose end was noted."""

    address_id: UUID | None
    at: datetime


async def ended(
    session: AsyncSession,
    attempt_id: UUID,
    *,
    took_ms: int,
    result: str,
    detail: str | None,
    message_id: str | None,
) -> Ended:
    """Note what the provider said."""
    values = {
        "id": attempt_id,
        "at": clock.now(),
        "took_ms": took_ms,
        "result": result,
        "detail": detail,
        "message": message_id,
    }
    (row,) = await sql.rows(session, _ENDED, values)
    return Ended(*row)
