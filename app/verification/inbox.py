"""What stands beside the events: phone commands, messages, the change feed, and stray rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.verification.difference import Difference

ACTION_OF = {
    "accept": "accepted",
    "refuse": "refused",
    "contact": "contacted",
    "depart": "departed",
    "arrive": "arrived",
    "start": "started",
    "restore": "restored",
    "make_safe": "made_safe",
    "hold": "hold_requested",
    "return": "returned",
    "rebook": "rebooked",
    "complete": "completed",
}
"""What an applied command must have left in the history."""

_COMMANDS_WITHOUT_EVENT = """
SELECT o.serial, c.kind, c.id::text FROM phone_commands c
JOIN unnest(CAST(:kinds AS text[]), CAST(:actions AS text[])) AS map(kind, action) USING (kind)
LEFT JOIN work_orders o ON o.id = c.order_id
WHERE c.outcome = 'applied' AND NOT EXISTS (
    SELECT FROM work_order_events e
    WHERE e.order_id = c.order_id AND e.device_id = c.device_id AND e.action = map.action
    AND (e.client_at = c.client_at OR c.kind = 'complete'))
ORDER BY c.id
"""
"""A record sent twice under two ids is one completion, so its time may be the first one's."""

_EVENTS_WITHOUT_COMMAND = """
SELECT o.serial, e.seq, e.action FROM work_order_events e
JOIN work_orders o ON o.id = e.order_id
WHERE e.device_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM phone_commands c
    JOIN unnest(CAST(:kinds AS text[]), CAST(:actions AS text[])) AS map(kind, action) USING (kind)
    WHERE map.action = e.action AND c.order_id = e.order_id AND c.device_id = e.device_id
    AND c.client_at = e.client_at AND c.outcome = 'applied')
ORDER BY e.id
"""

_MESSAGES_WITHOUT_EVENT = """
SELECT n.key FROM notifications n WHERE n.order_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM work_order_events e WHERE e.order_id = n.order_id
    AND n.key = e.order_id || ':' || e.seq || ':' || n.user_id)
ORDER BY n.key
"""

_TWICE_TOLD = "SELECT key FROM notifications GROUP BY key HAVING count(*) > 1 ORDER BY key"

_UNTOLD = """
SELECT o.serial, count(f.id), o.last_seq FROM work_orders o
LEFT JOIN change_feed f ON f.entity = 'work_order' AND f.entity_id = o.id
GROUP BY o.id HAVING count(f.id) < o.last_seq ORDER BY o.serial
"""
"""Every transition tells the feed once at least."""

BELONGING = (
    *("work_order_events", "assignments", "work_order_clocks", "approvals", "completion_records"),
    *("reviews", "revisits", "evidence_files", "ledger_entries"),
)
"""Tables whose rows belong to an order."""


async def check_inbox(session: AsyncSession) -> list[Difference]:
    """Applied commands and device events belong together, one to one as far as can be seen."""
    kinds = {"kinds": list(ACTION_OF), "actions": list(ACTION_OF.values())}
    lost = [
        Difference("inbox", f"{serial} command {command_id}", f"{kind} applied", "its event")
        for serial, kind, command_id in await _read(session, _COMMANDS_WITHOUT_EVENT, kinds)
    ]
    unasked = [
        Difference("inbox", f"{serial} #{seq} {action}", "an act on a device", "its command")
        for serial, seq, action in await _read(session, _EVENTS_WITHOUT_COMMAND, kinds)
    ]
    return lost + unasked


async def check_messages(session: AsyncSession) -> list[Difference]:
    """A message is about an event that happened, once per person; the feed heard of each."""
    groundless = await _read(session, _MESSAGES_WITHOUT_EVENT)
    twice = await _read(session, _TWICE_TOLD)
    return [
        *(Difference("messages", key, "a message", "an event behind it") for (key,) in groundless),
        *(Difference("messages", key, "told twice", "told once") for (key,) in twice),
        *(
            Difference("feed", serial, f"{told} rows", f"at least {last_seq}")
            for serial, told, last_seq in await _read(session, _UNTOLD)
        ),
    ]


async def check_strays(session: AsyncSession) -> list[Difference]:
    """No row belongs to an order that is not there."""
    found = []
    for table in BELONGING:
        statement = (
            f"SELECT order_id::text, count(*) FROM {table} r WHERE NOT EXISTS"
            " (SELECT FROM work_orders o WHERE o.id = r.order_id) GROUP BY order_id ORDER BY 1"
        )
        found += [
            Difference("strays", f"{table} of {order_id}", f"{count} rows", "an order")
            for order_id, count in await _read(session, statement)
        ]
    return found


async def _read(
    session: AsyncSession, statement: str, values: dict[str, Any] | None = None
) -> Sequence[Any]:
    return (await session.execute(text(statement), values or {})).all()
