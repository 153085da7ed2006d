"""Delivery truth: what providers took, what phones then showed to know, and how ladders went."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.scope import Principal

_ATTEMPTS = """
SELECT a.provider, a.brand, a.app_version, count(*) AS attempts,
       count(*) FILTER (WHERE a.result = 'accepted') AS accepted,
       count(*) FILTER (WHERE a.result = 'accepted' AND n.acknowledged_at >= a.at) AS heard,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY a.took_ms) AS took_ms_p50,
       percentile_disc(0.99) WITHIN GROUP (ORDER BY a.took_ms) AS took_ms_p99,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM n.acknowledged_at - a.at))
         FILTER (WHERE a.result = 'accepted' AND n.acknowledged_at >= a.at) AS heard_s_p50,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM n.acknowledged_at - a.at))
         FILTER (WHERE a.result = 'accepted' AND n.acknowledged_at >= a.at) AS heard_s_p90
  FROM delivery_attempts a
  JOIN notifications n ON n.id = a.notification_id
  JOIN work_orders o ON o.id = n.order_id
 WHERE (:everything OR o.station_id = ANY(:stations)) AND a.at >= :since AND a.at < :until
 GROUP BY a.provider, a.brand, a.app_version
 ORDER BY a.provider, a.brand NULLS LAST, a.app_version NULLS LAST
"""

_RESULTS = """
SELECT a.provider, a.brand, a.app_version, a.result, count(*) AS n
  FROM delivery_attempts a
  JOIN notifications m ON m.id = a.notification_id
  JOIN work_orders o ON o.id = m.order_id
 WHERE (:everything OR o.station_id = ANY(:stations)) AND a.at >= :since AND a.at < :until
 GROUP BY 1, 2, 3, 4 ORDER BY 4
"""

_LADDERS = """
SELECT l.name, count(*) AS alarms,
       count(*) FILTER (WHERE a.closed_why = 'heard') AS heard,
       count(*) FILTER (WHERE a.closed_why = 'moot') AS moot,
       count(*) FILTER (WHERE a.closed_at IS NULL) AS open,
       count(*) FILTER (WHERE a.red_at IS NOT NULL) AS red,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.heard_at - a.created_at))
         AS heard_s_p50,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM a.heard_at - a.created_at))
         AS heard_s_p90
  FROM alarms a
  JOIN ladders l ON l.id = a.ladder_id
 WHERE (:everything OR a.station_id = ANY(:stations))
   AND a.created_at >= :since AND a.created_at < :until
 GROUP BY l.name ORDER BY l.name
"""

_CLIMBS = """
SELECT l.name, c.step, count(*) AS n
  FROM ladder_climbs c
  JOIN alarms a ON a.id = c.alarm_id
  JOIN ladders l ON l.id = a.ladder_id
 WHERE (:everything OR a.station_id = ANY(:stations))
   AND a.created_at >= :since AND a.created_at < :until
 GROUP BY 1, 2 ORDER BY 1, 2
"""


def share(part: int, whole: int) -> float | None:
    """A rate to four places; None of nothing."""
    return round(part / whole, 4) if whole else None


async def delivery(
    session: AsyncSession, principal: Principal, since: datetime, until: datetime
) -> dict[str, Any]:
    """Attempts and alarms from `since` to before `until`, of orders in the caller's scope."""
    stations = principal.stations(Permission.NOTIFICATIONS_READ)
    values = {
        "everything": stations is None,
        "stations": list(stations or ()),
        "since": since,
        "until": until,
    }
    results: dict[tuple[str, str | None, str | None], dict[str, int]] = {}
    for row in (await session.execute(text(_RESULTS), values)).all():
        results.setdefault((row[0], row[1], row[2]), {})[row.result] = row.n
    rows = [
        {
            **dict(row),
            "accepted_share": share(row["accepted"], row["attempts"]),
            "heard_share": share(row["heard"], row["accepted"]),
            "results": results[row["provider"], row["brand"], row["app_version"]],
        }
        for row in (await session.execute(text(_ATTEMPTS), values)).mappings()
    ]
    steps: dict[str, dict[str, int]] = {}
    for climb in (await session.execute(text(_CLIMBS), values)).all():
        steps.setdefault(climb.name, {})[str(climb.step)] = climb.n
    alarms = (await session.execute(text(_LADDERS), values)).mappings()
    return {
        "since": since,
        "until": until,
        "rows": rows,
        "ladders": [{**dict(row), "climbs": steps.get(row["name"], {})} for row in alarms],
    }
