"""What a technician's phone shows until it is over, told by sync and by no push alone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.core.i18n import Text
from app.mobile import rules
from app.mobile.models import PhoneNotice

MOST_SHOWN = 50
DECIDED_SHOWN = timedelta(days=3)
"""How long a decision on a conflict stays on the phone."""
TEXTS: dict[str, Text] = {
    "evidence_incomplete": Text(
        "完工资料尚未传齐，请在有信号处打开应用继续上传",
        "Files of a finished job are not in yet: open the app where there is a signal",
    ),
    "conflict": Text(
        "您的一项操作与工单现状不符，已交站长处理",
        "One of your acts does not fit what stands; your station decides on it",
    ),
    "conflict_resolved": Text("您的一项操作已由站长处理", "Your station has decided on your act"),
    "commands_missing": Text(
        "部分操作记录未送达，请打开应用同步", "Some of your acts never came: open the app and sync"
    ),
}

_OPEN = """
SELECT n.id, n.kind, n.order_id, n.at, n.data FROM phone_notices n
 WHERE n.user_id = :user AND n.ended_at IS NULL ORDER BY n.at DESC, n.id LIMIT :most
"""

_OWED = """
SELECT f.owner_id, o.id AS order_id,
       coalesce(array_agg(f.id::text ORDER BY f.id) FILTER (WHERE f.state <> 'rejected'), '{}'),
       coalesce(array_agg(f.id::text ORDER BY f.id) FILTER (WHERE f.state = 'rejected'), '{}')
  FROM work_orders o JOIN evidence_files f ON f.order_id = o.id
 WHERE o.state = 'DONE' AND o.evidence_state = 'incomplete' AND f.in_manifest
   AND f.state IN ('declared', 'receiving', 'rejected')
   AND (SELECT max(r.done_at) FROM completion_records r WHERE r.order_id = o.id) < :before
 GROUP BY f.owner_id, o.id
"""

_PAID_OFF = """
UPDATE phone_notices n SET ended_at = :now
 WHERE n.ended_at IS NULL AND (
   (n.kind = 'evidence_incomplete' AND NOT EXISTS (
     SELECT FROM work_orders o JOIN evidence_files f ON f.order_id = o.id
      WHERE o.id = n.order_id AND o.state = 'DONE'
        AND o.evidence_state = 'incomplete' AND f.owner_id = n.user_id AND f.in_manifest
        AND f.state IN ('declared', 'receiving', 'rejected')))
   OR (n.kind = 'conflict_resolved' AND n.at < :decided))
"""


async def put(
    session: AsyncSession,
    key: str,
    user_id: UUID,
    kind: str,
    order_id: UUID | None,
    data: dict[str, Any],
) -> None:
    """Show it, once per `key`; one that had ended is shown again with the new `data`."""
    now = clock.now()
    row = PhoneNotice(key=key, user_id=user_id, order_id=order_id, kind=kind, data=data, at=now)
    new = insert(PhoneNotice).values(row.model_dump())
    changed = {"data": new.excluded.data, "ended_at": None}
    news = (col(PhoneNotice.data) != new.excluded.data) | col(PhoneNotice.ended_at).is_not(None)
    await session.execute(
        new.on_conflict_do_update(index_elements=["key"], set_=changed, where=news)
    )


async def end(session: AsyncSession, key: str) -> None:
    """It is over."""
    await session.execute(
        update(PhoneNotice)
        .where(col(PhoneNotice.key) == key, col(PhoneNotice.ended_at).is_(None))
        .values(ended_at=clock.now())
    )


async def shown(session: AsyncSession, user_id: UUID) -> list[dict[str, Any]]:
    """What the person's phone shows now, newest first, as `NoticeOut`."""
    rows = await session.execute(text(_OPEN), {"user": user_id, "most": MOST_SHOWN})
    return [_told(row) for row in rows.mappings()]


def _told(row: RowMapping) -> dict[str, Any]:
    said = TEXTS[row["kind"]]
    return dict(row) | {"text": {"zh": said.zh, "en": said.en}}


async def remind(database: Database) -> int:
    """Remind everybody who owes files of finished jobs, or of whose files some were rejected.

    Ends what is paid off. For the worker.
    Returns how many reminders stand after it. Safe to run twice at once.
    """
    now = clock.now()
    async with database.transaction() as session:
        wait = timedelta(seconds=(await rules.in_force(session))["evidence_reminder_s"])
        await session.execute(text(_PAID_OFF), {"now": now, "decided": now - DECIDED_SHOWN})
        owed = (await session.execute(text(_OWED), {"before": now - wait})).all()
        for owner_id, order_id, missing, rejected in owed:
            key = f"evidence:{order_id}:{owner_id}"
            data = {"missing_files": missing}
            if rejected:
                data["rejected_files"] = rejected
            await put(session, key, owner_id, "evidence_incomplete", order_id, data)
    return len(owed)
