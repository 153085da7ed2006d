"""Keys of a call-centre system: shown once, kept as a hash, scoped, expiring."""

import hmac
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit, clock
from app.core.ids import new_secret
from app.core.permissions import Permission as P
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.identity import administration, repository, tokens
from app.identity.errors import NotForKeys, Unauthenticated
from app.identity.models import ApiKey

CALL_CENTRE = frozenset(
    {P.CUSTOMERS_READ, P.CUSTOMERS_WRITE, P.ORDERS_CREATE, P.ORDERS_READ, P.ORDERS_EDIT}
    | {P.ORDERS_URGE, P.CATALOGUE_READ, P.ORGANISATION_READ}
)
_USE_NOTED_EVERY = timedelta(minutes=5)


async def principal_of_key(session: AsyncSession, key: str) -> Principal:
    """The key's own principal; raises Unauthenticated when unknown, expired or revoked."""
    prefix = key.partition(".")[0]
    row = (await session.exec(select(ApiKey).where(ApiKey.prefix == prefix))).one_or_none()
    known = row is not None and hmac.compare_digest(row.key_hash, tokens.digest(key))
    now = clock.real_now()
    if row is None or not known or row.revoked_at is not None or row.expires_at <= now:
        raise Unauthenticated("the API key is unknown, expired or revoked")
    if row.last_used_at is None or now - row.last_used_at > _USE_NOTED_EVERY:
        await _note_use(session, row)
    stations = None if row.station_id is None else await repository.subtree(session, row.station_id)
    return Principal(
        id=row.id,
        name=row.name,
        is_api_key=True,
        # Whatever the row says, a key never gets more than a call centre does.
        key_permissions=CALL_CENTRE & {P(each) for each in row.permissions},
        key_stations=stations,
    )


async def _note_use(session: AsyncSession, row: ApiKey) -> None:
    # Requests with one key run side by side: none waits for another just to note its use.
    await session.execute(
        text(
            "UPDATE api_keys SET last_used_at = :now WHERE id IN"
            " (SELECT id FROM api_keys WHERE id = :id FOR NO KEY UPDATE SKIP LOCKED)"
        ),
        {"now": clock.real_now(), "id": row.id},
    )


async def create_key(
    session: AsyncSession,
    principal: Principal,
    *,
    name: str,
    permissions: Sequence[P],
    station_id: UUID | None,
    lifetime: timedelta,
) -> tuple[ApiKey, str]:
    """A key and its secret; raises NotForKeys, BeyondOwnScope or NoSuchStation."""
    if foreign := set(permissions) - CALL_CENTRE:
        raise NotForKeys(permissions=sorted(foreign), allowed=sorted(CALL_CENTRE))
    await administration.check_reach(session, principal, P.API_KEYS_WRITE, station_id)
    now = clock.real_now()
    prefix = f"pk_{new_secret(9)}"
    key = f"{prefix}.{new_secret()}"
    row = ApiKey(
        name=name,
        prefix=prefix,
        key_hash=tokens.digest(key),
        permissions=sorted(set(permissions)),
        station_id=station_id,
        created_by=principal.id,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    await session.flush()
    await audit.record(
        session, principal, "created", "api_key", row.id, name=name, permissions=row.permissions
    )
    return row, key


async def list_keys(
    session: AsyncSession, principal: Principal, *, after: UUID | None, limit: int
) -> Sequence[ApiKey]:
    """Keys of the caller's stations, newest first; a company's key only for the company."""
    statement = select(ApiKey).where(scoped(principal, P.API_KEYS_WRITE, col(ApiKey.station_id)))
    if after is not None:
        statement = statement.where(ApiKey.id < after)
    return (await session.exec(statement.order_by(col(ApiKey.id).desc()).limit(limit))).all()


async def revoke_key(session: AsyncSession, principal: Principal, key_id: UUID) -> ApiKey:
    """The key is refused from its next request on."""
    row = (
        await session.exec(
            select(ApiKey)
            .where(ApiKey.id == key_id)
            .where(scoped(principal, P.API_KEYS_WRITE, col(ApiKey.station_id)))
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no such key", entity="api_key", id=str(key_id))
    if row.revoked_at is None:
        row.revoked_at = clock.real_now()
        await audit.record(session, principal, "revoked", "api_key", key_id)
    return row
