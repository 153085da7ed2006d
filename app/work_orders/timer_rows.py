"""Queries of the timers: which orders to look at, and which steps of a limit are reached."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import working_time
from app.catalogue.policies import Policy
from app.core import settings

LONGEST_PAST = timedelta(days=60)
"""Further back no days off are looked for: a limit in working days is long over by then."""

# A step counts once per running span. Of several that are reached at one look only the highest
# speaks: after an hour's silence of the worker nobody needs all three. Days off use up nothing of
# a limit in working days.
_STEPS = """
SELECT DISTINCT ON (c.order_id, c.clock) c.order_id, c.clock, c.span, p.percent
FROM work_order_clocks c
JOIN work_orders o ON o.id = c.order_id AND o.state <> 'DRAFT'
LEFT JOIN service_limits l ON l.profile_id = o.service_profile_id
    AND l.service_class = o.service_class AND l.domain = o.domain AND l.zone = o.zone
    AND l.clock = c.clock AND l.calendar = 'working_days'
CROSS JOIN LATERAL (SELECT c.started_at + c.paused_s * interval '1 second' AS at) base
CROSS JOIN LATERAL (
    SELECT coalesce(sum(least(idle.ends, :now) - greatest(idle.begins, base.at)), interval '0')
        AS idle
    FROM (
        SELECT CAST(day AS timestamp) AT TIME ZONE :zone AS begins,
            (CAST(day AS timestamp) + interval '1 day') AT TIME ZONE :zone AS ends
        FROM unnest(CAST(:days_off AS date[])) AS day
    ) idle
    WHERE l.id IS NOT NULL AND idle.begins < :now AND idle.ends > base.at
) off_days
CROSS JOIN unnest(CAST(:percents AS integer[])) AS p(percent)
WHERE c.stopped_at IS NULL AND c.paused_since IS NULL AND c.limit_s IS NOT NULL
AND c.clock = ANY(:clocks) AND (CAST(:order_id AS uuid) IS NULL OR c.order_id = :order_id)
AND base.at + off_days.idle + c.limit_s * p.percent / 100.0 * interval '1 second' <= :now
AND NOT EXISTS (
    SELECT FROM reply_duties d WHERE d.order_id = c.order_id
    AND CASE WHEN d.key LIKE c.clock || ':' || c.span || ':%'
        THEN CAST(split_part(d.key, ':', 3) AS integer) >= p.percent END
)
ORDER BY c.order_id, c.clock, p.percent DESC
"""

_DUE = f"""
SELECT id FROM (
    SELECT o.id FROM work_orders o WHERE o.state = 'HOLD' AND o.hold_until <= :now
    AND NOT EXISTS (
        SELECT FROM approvals a WHERE a.order_id = o.id AND a.decided_at IS NULL
        AND a.requested_by IS NULL
    )
    UNION
    SELECT o.id FROM work_orders o
    JOIN work_order_clocks c ON c.order_id = o.id
    WHERE o.state = 'SENT' AND c.clock = 'K2' AND c.stopped_at IS NULL AND c.due_at <= :now
    UNION
    SELECT a.order_id FROM approvals a WHERE a.decided_at IS NULL AND a.escalated_at IS NULL
    AND a.requested_at <= :undecided
    UNION
    SELECT d.order_id FROM reply_duties d WHERE d.answered_at IS NULL AND d.climbed_at IS NULL
    AND d.due_at <= :now
    UNION
    SELECT s.order_id FROM ({_STEPS}) s
) due WHERE CAST(:after AS uuid) IS NULL OR id > :after ORDER BY id LIMIT :limit
"""


class StepReached(NamedTuple):
    """A clock's running span has used so many percent of its limit."""

    clock: str
    span: int
    percent: int

    @property
    def key(self) -> str:
        return f"{self.clock}:{self.span}:{self.percent}"


def _steps(rules: Policy, now: datetime, order_id: UUID | None) -> dict[str, Any]:
    zone = settings.current().zone
    today = now.astimezone(zone).date()
    return {
        "zone": settings.current().time_zone,
        "days_off": working_time.days_off(today - LONGEST_PAST, today),
        "percents": sorted({step.percent for step in rules.supervision.steps}),
        "clocks": list(rules.supervision.clocks),
        "order_id": order_id,
        "now": now,
    }


async def due(
    session: AsyncSession, rules: Policy, now: datetime, limit: int, after: UUID | None
) -> list[UUID]:
    """Orders that some timer of theirs waits for, by id, beyond `after`."""
    undecided = now - timedelta(seconds=rules.approvals.escalate_s)
    given = _steps(rules, now, None) | {"undecided": undecided, "limit": limit, "after": after}
    return [row[0] for row in await session.execute(text(_DUE), given)]


async def steps_reached(
    session: AsyncSession, order_id: UUID, rules: Policy, now: datetime
) -> list[StepReached]:
    """The highest new step of each running clock of the order."""
    rows = await session.execute(text(_STEPS), _steps(rules, now, order_id))
    return [StepReached(row.clock, row.span, row.percent) for row in rows]


async def forget_steps(session: AsyncSession, order_id: UUID, clocks: list[str], mark: str) -> None:
    """The clocks begin anew, so that their steps count again; what was told stays on record."""
    await session.execute(
        text(
            "UPDATE reply_duties SET key = :mark || ':' || key"
            " WHERE order_id = :order_id AND cause = 'clock'"
            " AND split_part(key, ':', 1) = ANY(:clocks)"
        ),
        {"order_id": order_id, "clocks": clocks, "mark": mark},
    )
