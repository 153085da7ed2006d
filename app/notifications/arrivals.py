"""Which pushes reached their phone, by the app's own word: a provider's yes does not say so."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.scope import Principal

# One word per push and device: of several tries it is the one that was taken, or else the last.
_ARRIVED = """
UPDATE delivery_attempts SET arrived_at = :now
 WHERE arrived_at IS NULL AND id IN (
        SELECT DISTINCT ON (a.dispatch_id) a.id FROM delivery_attempts a
          JOIN push_addresses p ON p.id = a.address_id
         WHERE a.dispatch_id = ANY(:pushes) AND p.device_id = :device
         ORDER BY a.dispatch_id, a.result = 'accepted' DESC, a.at DESC)
"""


async def note(session: AsyncSession, principal: Principal, push_ids: Collection[UUID]) -> None:
    """The caller's device got these pushes (`push_id` of their data); others' are not theirs."""
    if push_ids and principal.device_id is not None:
        values = {"now": clock.now(), "pushes": list(push_ids), "device": principal.device_id}
        await session.execute(text(_ARRIVED), values)
