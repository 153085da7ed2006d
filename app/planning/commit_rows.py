"""Queries of the commit step: what is due, what crews have in their hands, what they have lost."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.planning.repository import ids


class Due(NamedTuple):
    """A planned visit that is to be sent now."""

    order_id: UUID
    station_id: UUID
    crew_id: UUID
    run_id: UUID
    start_at: datetime
    position: int
    service_class: str
    pinned: bool
    home_id: UUID
    """The crew's own station."""


class Hands(NamedTuple):
    """Orders in a crew's hands that it has not begun."""

    unaccepted: int = 0
    ahead: int = 0
    """Sent or accepted."""
    waiting_since: datetime | None = None
    """When the oldest of those was sent that the crew has not accepted."""


async def due_visits(
    session: AsyncSession, stations: Collection[UUID], due_before: datetime
) -> list[Due]:
    """Visits to be sent now, in order of their start; danger whenever it starts."""
    statement = text(
        "SELECT v.order_id, o.station_id, v.crew_id, v.run_id, v.start_at,"
        " v.position, o.service_class, o.pinned, c.station_id"
        " FROM planned_visits v JOIN work_orders o ON o.id = v.order_id"
        " JOIN crews c ON c.id = v.crew_id"
        " WHERE o.station_id = ANY(:stations) AND o.state IN ('NEW', 'RETURNED')"
        " AND (v.start_at <= :before OR o.service_class = 'E1') ORDER BY v.start_at, v.order_id"
    ).bindparams(ids("stations", stations), before=due_before)
    return [Due(*row) for row in await session.execute(statement)]


async def planned(session: AsyncSession, order_id: UUID) -> Any:
    """(crew_id, run_id) of the order's visit in the plan in force, or None."""
    statement = "SELECT crew_id, run_id FROM planned_visits WHERE order_id = :order"
    return await sql.first(session, statement, {"order": order_id})


async def hands_of(session: AsyncSession, crews: Collection[UUID]) -> dict[UUID, Hands]:
    """Crew -> what it has before it; crews with nothing sent or accepted are not named."""
    statement = text(
        "SELECT a.crew_id, count(*) FILTER (WHERE o.state = 'SENT'),"
        " count(*),"
        " min(a.assigned_at) FILTER (WHERE o.state = 'SENT')"
        " FROM assignments a JOIN work_orders o ON o.assignment_id = a.id"
        " WHERE a.crew_id = ANY(:crews) AND a.ended_at IS NULL"
        " AND o.state IN ('SENT', 'ACCEPTED') GROUP BY a.crew_id"
    ).bindparams(ids("crews", crews))
    return {row[0]: Hands(*row[1:]) for row in await session.execute(statement)}


async def lost_since(
    session: AsyncSession, visits: Collection[Due], codes: dict[UUID, str]
) -> Counter[str]:
    """Crew code -> planned orders that it lost to others by the plan in force and at sending since.

    `codes` names the crews; a crew that lost none is not named.
    """
    lost: Counter[str] = Counter()
    runs = {visit.run_id for visit in visits}
    by_plan = text(
        "SELECT l.key, max(l.value::int) FROM planning_runs r, jsonb_each_text("
        "coalesce(r.result -> 'churn' -> 'lost', '{}')) l WHERE r.id = ANY(:runs) GROUP BY l.key"
    ).bindparams(ids("runs", runs))
    for code, count in await session.execute(by_plan):
        lost[code] += count
    since = text(
        "SELECT moved_from, count(*) FROM sent_reasons WHERE run_id = ANY(:runs)"
        " AND moved_from = ANY(:crews) GROUP BY moved_from"
    ).bindparams(ids("runs", runs), ids("crews", codes))
    for crew_id, count in await session.execute(since):
        lost[codes[crew_id]] += count
    return lost
