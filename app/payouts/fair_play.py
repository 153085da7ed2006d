"""Fair-play figures next to pay, over a month or a season (DOMAIN 5.10, 5.9).

They cut nothing. A season is a span of months; it is closed when all of them are settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import settings
from app.core.permissions import Permission
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.payouts import months
from app.payouts.policy import next_month

MOST_MONTHS = 12
_HUNDREDTH = Decimal("0.01")
Figures = dict[str, Any]

# A person's work on an order lasts from the crew's arrival to the completion that was paid.
_PEOPLE = """
WITH work AS (
    SELECT l.technician_id, l.points, (l.inputs->>'difficulty_factor')::numeric > 1 AS hard,
        extract(epoch FROM done.at - came.at) / 60 AS minutes
    FROM ledger_entries l
    JOIN work_order_events done ON done.order_id = l.order_id AND done.action = 'completed'
        AND done.payload->>'record_id' = l.inputs->>'completion_id'
    JOIN LATERAL (
        SELECT e.at FROM work_order_events e WHERE e.order_id = l.order_id
        AND e.action = 'arrived' AND e.seq < done.seq ORDER BY e.seq DESC LIMIT 1
    ) came ON true
    WHERE l.kind = 'EARN' AND l.period BETWEEN :since AND :until
), pay AS (
    SELECT technician_id, sum(points) AS points, sum(amount_minor) AS amount_minor
    FROM ledger_entries WHERE period BETWEEN :since AND :until GROUP BY 1
), deeds AS (
    SELECT actor_id, count(*) FILTER (WHERE action = 'accepted') AS accepted,
        count(*) FILTER (WHERE action = 'refused') AS refused,
        count(*) FILTER (WHERE action = 'returned') AS released
    FROM work_order_events WHERE action IN ('accepted', 'refused', 'returned')
    AND to_char(at AT TIME ZONE :zone, 'YYYY-MM') BETWEEN :since AND :until GROUP BY 1
)
SELECT t.id AS technician_id, t.employee_no, t.name, t.station_id,
    coalesce(p.points, 0) AS points, coalesce(p.amount_minor, 0) AS amount_minor,
    coalesce(d.accepted, 0) AS accepted, coalesce(d.refused, 0) AS refused,
    coalesce(d.released, 0) AS released, count(w.minutes) AS orders,
    count(w.minutes) FILTER (WHERE w.hard) AS hard_orders,
    coalesce(sum(w.points), 0) AS worked_points, coalesce(sum(w.minutes), 0) AS worked_minutes
FROM technicians t
LEFT JOIN pay p ON p.technician_id = t.id
LEFT JOIN deeds d ON d.actor_id = t.user_id
LEFT JOIN work w ON w.technician_id = t.id
WHERE (CAST(:stations AS uuid[]) IS NULL OR t.station_id = ANY(:stations))
GROUP BY t.id, t.employee_no, t.name, t.station_id, p.points, p.amount_minor, d.accepted, d.refused,
    d.released
HAVING count(w.minutes) > 0 OR p.points IS NOT NULL OR d.accepted IS NOT NULL
ORDER BY t.employee_no
"""
_LOAD = """
SELECT s.id AS station_id, s.code,
    (SELECT count(*) FROM work_orders o WHERE o.station_id = s.id AND o.state <> 'DRAFT'
        AND to_char(o.reported_at AT TIME ZONE :zone, 'YYYY-MM') BETWEEN :since AND :until
    ) AS orders
FROM stations s
WHERE CAST(:stations AS uuid[]) IS NULL OR s.id = ANY(:stations)
ORDER BY s.code
"""


@dataclass(frozen=True, slots=True)
class FairPlay:
    """A span of months: where each stands, and the figures of people and areas."""

    months: dict[str, str]
    people: list[Figures]
    areas: list[Figures]

    @property
    def closed(self) -> bool:
        """Whether nothing of the span is open any more: the season's close."""
        return all(state == months.SETTLED for state in self.months.values())


async def read(session: AsyncSession, principal: Principal, since: str, until: str) -> FairPlay:
    """The figures of local months `2026-11` to `2027-03`, both included, in the reader's scope.

    Raises InvalidInput for a span that runs backwards or is longer than a year.
    """
    wanted = span(since, until)
    found = principal.stations(Permission.PAYOUTS_DECIDE)
    stations = None if found is None else list(found)
    asked = {
        "since": since,
        "until": until,
        "stations": stations,
        "zone": settings.current().time_zone,
    }
    people = [dict(row._mapping) for row in await session.execute(text(_PEOPLE), asked)]
    asked_load = [dict(row._mapping) for row in await session.execute(text(_LOAD), asked)]
    states = {month: (await months.state(session, month))[0] for month in wanted}
    return FairPlay(states, told(people), load(asked_load, people))


def span(since: str, until: str) -> list[str]:
    """Every month from `since` to `until`; raises InvalidInput."""
    found = [since]
    while found[-1] < until and len(found) <= MOST_MONTHS:
        found.append(next_month(found[-1]))
    if since > until or len(found) > MOST_MONTHS:
        raise InvalidInput(f"a span is 1 to {MOST_MONTHS} months, the first of them first")
    return found


def told(people: Sequence[Mapping[str, Any]]) -> list[Figures]:
    """Each person's rates, and how their points a minute compare with their station's.

    `cherry_picking` is own points per minute of work divided by the station's: 1 is like the
    others, well above 1 means work that pays more for its time. None without such work.
    """
    rate = {
        station: _rate([each for each in people if each["station_id"] == station])
        for station in {each["station_id"] for each in people}
    }
    return [_figures(each, rate[each["station_id"]]) for each in people]


def _rate(people: Sequence[Mapping[str, Any]]) -> Decimal | None:
    minutes = sum((Decimal(each["worked_minutes"]) for each in people), Decimal(0))
    points = sum((Decimal(each["worked_points"]) for each in people), Decimal(0))
    return points / minutes if minutes > 0 else None


def _figures(person: Mapping[str, Any], usual: Decimal | None) -> Figures:
    own = _rate([person])
    offered = person["accepted"] + person["refused"]
    names = ("technician_id", "employee_no", "name", "station_id", "points", "amount_minor")
    counts = ("accepted", "refused", "released", "orders", "hard_orders")
    return {name: person[name] for name in (*names, *counts)} | {
        "refused_share": _share(person["refused"], offered),
        "hard_share": _share(person["hard_orders"], person["orders"]),
        "worked_minutes": round(person["worked_minutes"]),
        "cherry_picking": _round(own / usual) if own is not None and usual else None,
    }


def load(areas: Sequence[Mapping[str, Any]], people: Sequence[Mapping[str, Any]]) -> list[Figures]:
    """Orders reported in each area, and how many that is for each of its people."""
    found = []
    for area in areas:
        hands = sum(each["station_id"] == area["station_id"] for each in people)
        each_has = _round(Decimal(area["orders"]) / hands) if hands else None
        found.append({**area, "technicians": hands, "orders_each": each_has})
    return found


def _share(part: int, whole: int) -> Decimal | None:
    return _round(Decimal(part) / whole) if whole else None


def _round(value: Decimal) -> Decimal:
    return value.quantize(_HUNDREDTH, ROUND_HALF_UP)
