"""Keys of a call-centre system: shown once, kept as a hash, scoped, expiring."""

import hmac
from datetime import timedelta

from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity import repository, tokens
from app.identity.errors import Unauthenticated
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
