"""Delivery truth: what providers took, what reached phones, what was heard in time, by whom.

`DEFINITIONS` is told with the figures, so that nobody takes one for another.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.i18n import Text
from app.core.permissions import Permission
from app.core.scope import Principal
from app.notifications.policy import LAST_STEP_S

DEFINITIONS = {
    "accepted": Text("服务商接收的尝试数", "Attempts that the provider took."),
    "arrived": Text(
        "被接收且应用程序自己报告已收到的推送；旧版应用不报告，计为未到达",
        "Of the accepted: pushes of which the app itself said that they had reached it. Apps that"
        " do not say so count as not reached.",
    ),
    "heard": Text(
        "被接收、并在本级时限内且下一级尝试之前得到确认的尝试；推送本身须已到达，"
        "短信与语音则须其间没有推送到达",
        "Of the accepted: acknowledged within the step of the ladder and before the next one was"
        " tried. A push must have arrived itself; a text or a call counts when no push arrived"
        " meanwhile.",
    ),
    "by_itself": Text(
        "同一时间窗内得到确认、但该推送并无到达报告：手机按自己的定时器拉取，或由操作得知",
        "Acknowledged in the same time without that push having arrived: the phone asked by its"
        " own timer, or a command named the order.",
    ),
    "customers": Text(
        "短信网关不告知客户是否读到：sent 是网关已接收",
        "No gateway tells whether a customer read it: `sent` is what the gateway took.",
    ),
}

_TRIED = """
tried AS (
    SELECT a.provider, a.brand, a.app_version, a.result, a.took_ms,
        a.result = 'accepted' AS accepted, a.arrived_at IS NOT NULL AS arrived,
        extract(epoch FROM a.arrived_at - a.at) AS arrived_s,
        n.acknowledged_at >= a.at AND n.acknowledged_at < least(
            a.at + :last_step_s * interval '1 second',
            (SELECT min(x.at) FROM delivery_attempts x JOIN dispatches xd ON xd.id = x.dispatch_id
              WHERE xd.notification_id = d.notification_id AND xd.step > d.step),
            al.created_at + CAST(l.steps -> (d.step + 1) ->> 'after_s' AS integer)
                * interval '1 second') AS in_time,
        EXISTS (SELECT FROM delivery_attempts x
                 WHERE x.notification_id = a.notification_id AND x.id <> a.id
                   AND x.arrived_at >= a.at AND x.arrived_at <= n.acknowledged_at) AS pushed,
        extract(epoch FROM n.acknowledged_at - a.at) AS heard_s
    FROM delivery_attempts a
    LEFT JOIN dispatches d ON d.id = a.dispatch_id
    LEFT JOIN notifications n ON n.id = a.notification_id
    LEFT JOIN alarms al ON al.id = coalesce(d.alarm_id, n.alarm_id)
    LEFT JOIN ladders l ON l.id = al.ladder_id
    LEFT JOIN work_orders o ON o.id = coalesce(n.order_id, al.order_id)
    WHERE (:everything OR o.station_id = ANY(:stations)) AND a.at >= :since AND a.at < :until
),
judged AS (
    SELECT tried.*, accepted AND coalesce(in_time, false)
            AND CASE WHEN provider IN ('fcm', 'jpush') THEN arrived ELSE NOT pushed END AS heard,
        result IN ('accepted', 'waiting') AND coalesce(in_time, false)
            AND (NOT accepted OR (NOT arrived AND provider IN ('fcm', 'jpush'))) AS by_itself
    FROM tried
)
"""

_ATTEMPTS = f"""
WITH {_TRIED}
SELECT provider, brand, app_version, count(*) AS attempts,
       count(*) FILTER (WHERE accepted) AS accepted,
       count(*) FILTER (WHERE accepted AND arrived) AS arrived,
       count(*) FILTER (WHERE heard) AS heard,
       count(*) FILTER (WHERE by_itself) AS by_itself,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY took_ms) AS took_ms_p50,
       percentile_disc(0.99) WITHIN GROUP (ORDER BY took_ms) AS took_ms_p99,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY arrived_s) AS arrived_s_p50,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY arrived_s) AS arrived_s_p90,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY heard_s) FILTER (WHERE heard) AS heard_s_p50,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY heard_s) FILTER (WHERE heard) AS heard_s_p90
  FROM judged GROUP BY provider, brand, app_version
 ORDER BY provider, brand NULLS LAST, app_version NULLS LAST
"""

_RESULTS = f"""
WITH {_TRIED}
SELECT provider, brand, app_version, result, count(*) AS n
  FROM judged GROUP BY 1, 2, 3, 4 ORDER BY 4
"""

_CUSTOMERS = """
SELECT m.kind, count(*) AS messages, coalesce(sum(m.attempts), 0) AS attempts,
       count(*) FILTER (WHERE m.state = 'sent') AS sent,
       count(*) FILTER (WHERE m.state = 'queued') AS queued,
       count(*) FILTER (WHERE m.state = 'failed') AS failed,
       count(*) FILTER (WHERE m.state = 'unwanted') AS unwanted,
       count(*) FILTER (WHERE m.state = 'moot') AS moot,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM m.sent_at - m.created_at))
         AS sent_s_p50,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM m.sent_at - m.created_at))
         AS sent_s_p90
  FROM customer_messages m
  JOIN work_orders o ON o.id = m.order_id
 WHERE (:everything OR o.station_id = ANY(:stations))
   AND m.created_at >= :since AND m.created_at < :until
 GROUP BY m.kind ORDER BY m.kind
"""

_LADDERS = """
SELECT l.name, count(*) AS alarms,
       count(*) FILTER (WHERE a.closed_why = 'heard') AS heard,
       count(*) FILTER (WHERE a.closed_why = 'moot') AS moot,
       count(*) FILTER (WHERE a.closed_why = 'climbed') AS climbed,
       count(*) FILTER (WHERE a.closed_why = 'settled') AS settled,
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
    customers = (await session.execute(text(_CUSTOMERS), values)).mappings()
    return {
        "since": since,
        "until": until,
        "definitions": {name: {"zh": said.zh, "en": said.en} for name, said in DEFINITIONS.items()},
        "rows": await _rows(session, values | {"last_step_s": LAST_STEP_S}),
        "customers": [dict(row) for row in customers],
        "ladders": await _ladders(session, values),
    }


async def _rows(session: AsyncSession, values: dict[str, Any]) -> list[dict[str, Any]]:
    results: dict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    for row in (await session.execute(text(_RESULTS), values)).all():
        results[row.provider, row.brand, row.app_version][row.result] = row.n
    return [
        {
            **dict(row),
            "accepted_share": share(row["accepted"], row["attempts"]),
            "arrived_share": share(row["arrived"], row["accepted"]),
            "heard_share": share(row["heard"], row["accepted"]),
            "results": results[row["provider"], row["brand"], row["app_version"]],
        }
        for row in (await session.execute(text(_ATTEMPTS), values)).mappings()
    ]


async def _ladders(session: AsyncSession, values: dict[str, Any]) -> list[dict[str, Any]]:
    steps: dict[str, dict[str, int]] = defaultdict(dict)
    for climb in (await session.execute(text(_CLIMBS), values)).all():
        steps[climb.name][str(climb.step)] = climb.n
    alarms = (await session.execute(text(_LADDERS), values)).mappings()
    return [{**dict(row), "climbs": steps.get(row["name"], {})} for row in alarms]
