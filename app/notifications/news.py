"""What of orders a person has not shown to know, by their own messages and as one of a crew."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import feed, sql
from app.notifications import policy


class Untold(NamedTuple):
    """A message, an alarm that the person's word ends, or both.

    An alarm without a message is one of a crew that the person joined after it was raised.
    """

    order_id: UUID
    notification_id: UUID | None
    alarm_id: UUID | None


# What a crew has no more is on the phones only of those who were told of it.
_UNTOLD = """
SELECT order_id, id, alarm_id FROM notifications
 WHERE user_id = :user AND acknowledged_at IS NULL AND kind = ANY(:kinds)
 UNION ALL
SELECT a.order_id, NULL, a.id FROM assignments s
  JOIN alarms a ON a.order_id = s.order_id AND a.crew_id = s.crew_id
 WHERE s.crew_id = ANY(:crews) AND s.ended_at IS NULL AND a.kind <> :farewell
   AND (a.closed_at IS NULL OR a.closed_why = 'climbed')
"""


async def untold(session: AsyncSession, user_id: UUID, crew_ids: Collection[UUID]) -> list[Untold]:
    """News to crews that the person has not shown to know, and what their crews owe an answer."""
    values = {
        "user": user_id,
        "kinds": list(policy.TO_CREWS),
        "crews": list(crew_ids),
        "farewell": policy.WITHDRAWN,
    }
    return [Untold(*row) for row in await sql.rows(session, _UNTOLD, values)]


_UNTOLD_OF = """
SELECT order_id, id, CASE WHEN kind <> :to_chief THEN alarm_id END FROM notifications
 WHERE user_id = :user AND order_id = :order AND acknowledged_at IS NULL
 UNION ALL
SELECT a.order_id, NULL, a.id FROM alarms a
 WHERE a.order_id = :order AND a.kind <> :farewell
   AND (a.closed_at IS NULL OR a.closed_why = 'climbed')
   AND EXISTS (SELECT FROM crew_members m JOIN technicians t ON t.id = m.technician_id
                WHERE m.crew_id = a.crew_id AND m.until IS NULL AND t.user_id = :user AND t.active)
"""


async def untold_of(session: AsyncSession, user_id: UUID, order_id: UUID) -> list[Untold]:
    """The same of one order, for everybody; a chief who speaks of it answers for no crew."""
    values = {
        "user": user_id,
        "order": order_id,
        "to_chief": policy.UNHEARD,
        "farewell": policy.WITHDRAWN,
    }
    return [Untold(*row) for row in await sql.rows(session, _UNTOLD_OF, values)]


_CHANGED_SINCE = """
SELECT DISTINCT entity_id FROM change_feed
 WHERE entity = 'work_order' AND entity_id = ANY(:orders) AND (xid, id) > (:xid, :row)
"""


async def told_up_to(
    session: AsyncSession, news: Collection[Untold], place: feed.Cursor
) -> set[Untold]:
    """Which are about orders of which everything so far lies at or before `place`.

    News and the change that they tell of commit together, so one snapshot has both or neither.
    """
    orders = {each.order_id for each in news}
    values = {"orders": list(orders), "xid": place.xid, "row": place.id}
    later = {row.entity_id for row in await sql.rows(session, _CHANGED_SINCE, values)}
    return {each for each in news if each.order_id not in later}
