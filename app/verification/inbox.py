"""What stands beside the events: phone commands, messages, the change feed, and stray rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.verification.difference import Difference

ACTIONS_OF = (
    ("accept", "accepted"),
    ("refuse", "refused"),
    ("contact", "contacted"),
    ("depart", "departed"),
    ("arrive", "arrived"),
    ("start", "started"),
    ("restore", "restored"),
    ("make_safe", "made_safe"),
    ("hold", "hold_requested"),
    ("return", "returned"),
    ("rebook", "rebooked"),
    ("record", "noted"),
    ("complete", "completed"),
    ("complete", "noted"),
)
"""What an applied command must have left in the history: a second record joins the first."""

_COUNTS = """(c.outcome = 'applied' OR EXISTS (SELECT FROM phone_conflicts k
    WHERE k.command_id = c.id AND (k.resolution = 'apply' OR k.reason = 'fields_differ')))"""
"""Applied at once, or by a decision; of a contradicting record the rest has joined."""

_COMMANDS_WITHOUT_EVENT = f"""
SELECT o.serial, c.kind, c.id::text FROM phone_commands c
LEFT JOIN work_orders o ON o.id = c.order_id
WHERE {_COUNTS} AND NOT EXISTS (
    SELECT FROM work_order_events e
    JOIN unnest(CAST(:kinds AS text[]), CAST(:actions AS text[])) AS map(kind, action)
      ON map.kind = c.kind AND map.action = e.action
    WHERE e.order_id = c.order_id AND e.device_id = c.device_id
    AND (e.client_at = c.client_at OR c.kind = 'complete'))
ORDER BY c.id
"""
"""A record sent twice under two ids is one completion, so its time may be the first one's."""

_EVENTS_WITHOUT_COMMAND = f"""
SELECT o.serial, e.seq, e.action FROM work_order_events e
JOIN work_orders o ON o.id = e.order_id
WHERE e.device_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM phone_commands c
    JOIN unnest(CAST(:kinds AS text[]), CAST(:actions AS text[])) AS map(kind, action) USING (kind)
    WHERE map.action = e.action AND c.order_id = e.order_id AND c.device_id = e.device_id
    AND c.client_at = e.client_at AND {_COUNTS})
ORDER BY e.id
"""

_CONFLICTS_AND_COMMANDS = """
SELECT c.id::text, c.outcome, 'a conflict in the inbox' FROM phone_commands c
 WHERE c.outcome = 'conflict'
   AND NOT EXISTS (SELECT FROM phone_conflicts k WHERE k.command_id = c.id)
UNION ALL
SELECT k.command_id::text, 'a conflict', c.outcome FROM phone_conflicts k
  JOIN phone_commands c ON c.id = k.command_id
 WHERE c.outcome <> 'conflict' OR (k.order_id, k.user_id, k.device_id)
       IS DISTINCT FROM (c.order_id, c.user_id, c.device_id)
UNION ALL
SELECT min(c.id::text), 'numbers ' || min(c.device_seq) || ' to ' || max(c.device_seq),
       count(DISTINCT c.device_seq) || ' of them' FROM phone_commands c
 GROUP BY c.device_id, c.user_id
HAVING max(c.device_seq) <> count(DISTINCT c.device_seq)
UNION ALL
SELECT n.command_id::text, 'fields in the record', 'the event noted'
  FROM completion_contributions n WHERE NOT EXISTS (
    SELECT FROM work_order_events e WHERE e.order_id = n.order_id AND e.action = 'noted'
    AND e.payload ->> 'contribution_id' = n.id::text)
 ORDER BY 1
"""
"""Each conflict has its command and each command its answer; a device's numbers have no gap."""

_MESSAGES_WITHOUT_EVENT = """
SELECT n.key FROM notifications n WHERE n.order_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM work_order_events e WHERE e.order_id = n.order_id AND (n.key IN (
        e.order_id || ':' || e.seq || ':' || n.user_id,
        CASE e.action
            WHEN 'supervised' THEN 'supervised:' || (e.payload ->> 'duty_id')
            WHEN 'approval_escalated' THEN 'escalated:' || (e.payload ->> 'approval_id')
        END || ':' || n.user_id)
        OR n.kind = 'unheard'
        AND n.key LIKE e.order_id || ':' || e.seq || ':%:unheard:' || n.user_id))
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
    *("phone_conflicts", "completion_contributions"),
)
"""Tables whose rows belong to an order."""


async def check_inbox(session: AsyncSession) -> list[Difference]:
    """Applied commands and device events belong together, one to one as far as can be seen."""
    kinds = {"kinds": [kind for kind, _ in ACTIONS_OF], "actions": [a for _, a in ACTIONS_OF]}
    lost = [
        Difference("inbox", f"{serial} command {command_id}", f"{kind} applied", "its event")
        for serial, kind, command_id in await _read(session, _COMMANDS_WITHOUT_EVENT, kinds)
    ]
    lost += [
        Difference("inbox", f"command {command_id}", stored, expected)
        for command_id, stored, expected in await _read(session, _CONFLICTS_AND_COMMANDS)
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
