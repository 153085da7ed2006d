"""What Prometheus is told: read from the database at each scrape, so that all processes count.

Counters are counts of rows that are only ever added and never forgotten, by what never changes any
more, so they never fall. What may move from one label to another, or is forgotten when it is old,
is a gauge, of the last 24 hours where it would only grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.feed import Cursor


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric, its labels, and the statement whose rows are (labels..., value)."""

    name: str
    help: str
    kind: str
    """gauge or counter."""
    labels: Sequence[str]
    statement: str


_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_OF_LAST_DAY = "{} > CAST(:now AS timestamptz) - interval '1 day'"
FIGURES = (
    Figure(
        "paigong_feed_lag_seconds",
        "Age of the oldest committed change that readers may not see yet; business seconds.",
        "gauge",
        (),
        "SELECT coalesce(extract(epoch FROM CAST(:now AS timestamptz) - min(at)), 0)"
        f" FROM change_feed WHERE xid >= {_HORIZON}",
    ),
    Figure(
        "paigong_feed_settling_rows",
        "Committed changes above the horizon of running transactions.",
        "gauge",
        (),
        f"SELECT count(*) FROM change_feed WHERE xid >= {_HORIZON}",
    ),
    Figure(
        "paigong_queue_age_seconds",
        "How long the oldest work that could be done has waited, by queue; real seconds.",
        "gauge",
        ("queue",),
        "SELECT j.queue_name, greatest(0, extract(epoch FROM CAST(:real AS timestamptz)"
        "   - min(coalesce(j.scheduled_at, e.at))))"
        "  FROM procrastinate_jobs j"
        "  JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events WHERE job_id = j.id) e"
        "    ON true"
        " WHERE j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= :real)"
        " GROUP BY j.queue_name"
        " UNION ALL SELECT CASE WHEN channel = 'push' THEN 'push' ELSE 'texts' END,"
        "   extract(epoch FROM CAST(:real AS timestamptz) - min(due_at))"
        "  FROM dispatches WHERE state = 'queued' AND due_at <= :real"
        "    OR state = 'sending' AND leased_until < :real GROUP BY 1"
        " UNION ALL SELECT 'customers',"
        "   extract(epoch FROM CAST(:real AS timestamptz) - min(due_at))"
        "  FROM customer_messages WHERE state = 'queued' AND due_at <= :real HAVING count(*) > 0"
        " UNION ALL SELECT 'wishes', extract(epoch FROM CAST(:real AS timestamptz) - min(at))"
        "  FROM plan_wishes HAVING count(*) > 0",
    ),
    Figure(
        "paigong_queue_jobs",
        "Jobs by queue and status.",
        "gauge",
        ("queue", "status"),
        "SELECT queue_name, status::text, count(*) FROM procrastinate_jobs GROUP BY 1, 2",
    ),
    Figure(
        "paigong_ladder_climbs_total",
        "Steps that alarms took, by ladder and step; step 0 is the first push.",
        "counter",
        ("ladder", "step"),
        "SELECT l.name, c.step::text, count(*) FROM ladder_climbs c"
        "  JOIN alarms a ON a.id = c.alarm_id JOIN ladders l ON l.id = a.ladder_id GROUP BY 1, 2",
    ),
    Figure(
        "paigong_alarms_total",
        "Alarms that were begun, by ladder.",
        "counter",
        ("ladder",),
        "SELECT l.name, count(*) FROM alarms a JOIN ladders l ON l.id = a.ladder_id GROUP BY 1",
    ),
    Figure(
        "paigong_alarms_by_end",
        "Alarms by how they stand: open, heard, moot, climbed, settled. A late word moves them.",
        "gauge",
        ("end",),
        "SELECT coalesce(closed_why, 'open'), count(*) FROM alarms GROUP BY 1",
    ),
    Figure(
        "paigong_alarms_red",
        "Jobs on the dispatcher's list that no phone has shown to know.",
        "gauge",
        (),
        "SELECT count(*) FROM alarms WHERE red_at IS NOT NULL AND closed_at IS NULL",
    ),
    Figure(
        "paigong_ladder_overdue_seconds",
        "How long the oldest step of a ladder is overdue; business seconds.",
        "gauge",
        (),
        "SELECT coalesce(extract(epoch FROM CAST(:now AS timestamptz) - min(next_step_at)), 0)"
        " FROM alarms WHERE next_step_at < :now",
    ),
    Figure(
        "paigong_ladder_overdue_steps",
        "Alarms whose next step is overdue.",
        "gauge",
        (),
        "SELECT count(*) FROM alarms WHERE next_step_at < :now",
    ),
    Figure(
        "paigong_delivery_attempts_last_day",
        "Calls to providers about jobs in the last 24 hours, staff's groups included, by result.",
        "gauge",
        ("provider", "result"),
        "SELECT provider, result, count(*) FROM delivery_attempts"
        f" WHERE {_OF_LAST_DAY.format('at')} GROUP BY 1, 2",
    ),
    Figure(
        "paigong_pushes_arrived_last_day",
        "Pushes of the last 24 hours of which the app said that they had reached it.",
        "gauge",
        ("provider",),
        "SELECT provider, count(*) FROM delivery_attempts"
        f" WHERE {_OF_LAST_DAY.format('at')} AND arrived_at IS NOT NULL GROUP BY 1",
    ),
    Figure(
        "paigong_customer_messages_last_day",
        "Messages to customers of the last 24 hours by kind and state.",
        "gauge",
        ("kind", "state"),
        "SELECT kind, state, count(*) FROM customer_messages"
        f" WHERE {_OF_LAST_DAY.format('created_at')} GROUP BY 1, 2",
    ),
    Figure(
        "paigong_messages_waiting",
        "Messages that are not sent yet, by channel, and wishes for plans.",
        "gauge",
        ("channel",),
        "SELECT channel, count(*) FROM dispatches WHERE state IN ('queued', 'sending') GROUP BY 1"
        " UNION ALL SELECT 'customers', count(*) FROM customer_messages WHERE state = 'queued'"
        " HAVING count(*) > 0"
        " UNION ALL SELECT 'wishes', count(*) FROM plan_wishes HAVING count(*) > 0",
    ),
    Figure(
        "paigong_webhook_deliveries",
        "Webhook deliveries by state.",
        "gauge",
        ("state",),
        "SELECT state, count(*) FROM webhook_deliveries GROUP BY 1",
    ),
    Figure(
        "paigong_planning_seconds_total",
        "Time from a plan's start to its end, added up; business seconds.",
        "counter",
        (),
        "SELECT coalesce(sum(extract(epoch FROM finished_at - started_at)), 0) FROM planning_runs",
    ),
    Figure(
        "paigong_planning_runs_total",
        "Plans that ended, by outcome.",
        "counter",
        ("state",),
        "SELECT state, count(*) FROM planning_runs WHERE finished_at IS NOT NULL GROUP BY 1",
    ),
    Figure(
        "paigong_orders",
        "Orders by state.",
        "gauge",
        ("state",),
        "SELECT state, count(*) FROM work_orders GROUP BY 1",
    ),
)

STREAM_LAG = Figure(
    "paigong_stream_lag_seconds",
    "Age of the oldest change that the streams of the answering process lack; business seconds.",
    "gauge",
    (),
    "SELECT coalesce(extract(epoch FROM CAST(:now AS timestamptz) - min(at)), 0)"
    " FROM change_feed WHERE (xid, id) > (:xid, :id)",
)


async def read(
    session: AsyncSession, values: dict[str, object]
) -> list[tuple[Figure, list[tuple[list[str], float]]]]:
    """Every figure with its samples: label values and number."""
    told = []
    for figure in FIGURES:
        names = {name: value for name, value in values.items() if f":{name}" in figure.statement}
        rows = (await session.execute(text(figure.statement), names)).all()
        samples = [([str(each) for each in row[:-1]], float(row[-1])) for row in rows]
        told.append((figure, samples))
    return told


async def stream_lag(
    session: AsyncSession, now: datetime, position: Cursor | None
) -> tuple[Figure, list[tuple[list[str], float]]]:
    """How far the process is behind with what it tells its streams; 0 before its first one."""
    if position is None:
        return STREAM_LAG, [([], 0.0)]
    values = {"now": now, "xid": position.xid, "id": position.id}
    lag_s = (await session.execute(text(STREAM_LAG.statement), values)).scalar_one()
    return STREAM_LAG, [([], float(lag_s))]
