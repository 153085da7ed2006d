"""Queries of the planner: planned visits, runs, and how far a plan is behind."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.planning.models import (
    PlannedVisit,
    PlanningProblem,
    PlanningState,
    UnplannedOrder,
)

_ABANDON = (
    "UPDATE planning_runs SET state = 'failed', finished_at = :at,"
    " error = 'the worker ended before the run did'"
)


def ids(name: str, values: Collection[UUID]) -> Any:
    """A list of ids as a statement takes it."""
    return bindparam(name, list(values), type_=ARRAY(Uuid))


async def replace_plan(
    session: AsyncSession,
    stations: Collection[UUID],
    visits: Iterable[PlannedVisit],
    unplanned: Iterable[UnplannedOrder],
) -> None:
    """Put the new visits and reasons in the place of all that stood for these stations' orders."""
    await session.execute(
        text(
            "DELETE FROM planned_visits v USING work_orders o WHERE o.id = v.order_id"
            " AND o.station_id = ANY(:stations)"
        ).bindparams(ids("stations", stations))
    )
    await session.execute(
        text(
            "DELETE FROM unplanned_orders u USING work_orders o WHERE o.id = u.order_id"
            " AND o.station_id = ANY(:stations)"
        ).bindparams(ids("stations", stations))
    )
    session.add_all([*visits, *unplanned])
    await session.flush()


class Moved(NamedTuple):
    """A planned visit anew; nothing of it where the crew is not `from_crew_id` any more."""

    order_id: UUID
    from_crew_id: UUID
    crew_id: UUID
    position: int
    arrive_at: datetime
    start_at: datetime
    finish_at: datetime
    travel_s: int
    travel_source: str


_MOVE = """
UPDATE planned_visits v SET crew_id = m.crew_id, position = m.position, arrive_at = m.arrive_at,
       start_at = m.start_at, finish_at = m.finish_at, travel_s = m.travel_s,
       travel_source = m.travel_source
  FROM unnest(CAST(:order_id AS uuid[]), CAST(:from_crew_id AS uuid[]), CAST(:crew_id AS uuid[]),
              CAST(:position AS int[]), CAST(:arrive_at AS timestamptz[]),
              CAST(:start_at AS timestamptz[]), CAST(:finish_at AS timestamptz[]),
              CAST(:travel_s AS int[]), CAST(:travel_source AS text[]))
       AS m (order_id, from_crew_id, crew_id, position, arrive_at, start_at, finish_at, travel_s,
             travel_source)
 WHERE v.order_id = m.order_id AND v.crew_id = m.from_crew_id
"""


async def move_visits(session: AsyncSession, visits: Collection[Moved]) -> None:
    """Give these visits their new crew, place in the day and times."""
    columns = zip(*visits, strict=True)
    if visits:
        values = {name: list(column) for name, column in zip(Moved._fields, columns, strict=True)}
        await sql.rows(session, _MOVE, values)


async def lock_plans(session: AsyncSession, stations: Collection[UUID]) -> None:
    """Let one transaction at a time publish for any of these stations, whatever runs overlap."""
    await session.execute(
        text(
            "SELECT pg_advisory_xact_lock(hashtextextended('plan ' || s::text, 12))"
            " FROM (SELECT unnest(:stations) AS s ORDER BY 1) locked"
        ).bindparams(ids("stations", stations))
    )


async def lock_crew(session: AsyncSession, crew_id: UUID) -> None:
    """Let one transaction at a time send orders to the crew by plan."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('crew ' || :crew, 12))"),
        {"crew": str(crew_id)},
    )


async def station_of(session: AsyncSession, crew_id: UUID) -> UUID:
    """The crew's own station."""
    found = await session.execute(
        text("SELECT station_id FROM crews WHERE id = :crew"), {"crew": crew_id}
    )
    station: UUID = found.scalar_one()
    return station


async def planned_after(
    session: AsyncSession, stations: Collection[UUID], at: datetime
) -> set[UUID]:
    """Those of the stations whose plan in force was made from a later snapshot."""
    rows = await session.exec(
        select(PlanningState.station_id).where(
            col(PlanningState.station_id).in_(stations), col(PlanningState.planned_at) > at
        )
    )
    return set(rows.all())


async def forget(session: AsyncSession, order_id: UUID) -> None:
    """Drop what was planned, or said of being unplanned, about an order."""
    await sql.rows(
        session,
        "WITH visit AS (DELETE FROM planned_visits WHERE order_id = :order)"
        " DELETE FROM unplanned_orders WHERE order_id = :order",
        {"order": order_id},
    )


async def raise_dirty(session: AsyncSession, station_id: UUID) -> int:
    """Note that the station's plan is behind; returns its `dirty_seq`."""
    statement = (
        "INSERT INTO planning_state (station_id, dirty_seq) VALUES (:station, 1)"
        " ON CONFLICT (station_id) DO UPDATE SET dirty_seq = planning_state.dirty_seq + 1"
        " RETURNING dirty_seq"
    )
    return int(await sql.scalar(session, statement, {"station": station_id}))


async def note_planned(session: AsyncSession, seqs: dict[UUID, int], at: datetime) -> None:
    """Note that these stations are planned up to these `dirty_seq`s."""
    for station_id in sorted(seqs):
        await session.execute(
            text(
                "INSERT INTO planning_state (station_id, planned_seq, planned_at)"
                " VALUES (:station, :seq, :at) ON CONFLICT (station_id) DO UPDATE SET"
                " planned_seq = greatest(planning_state.planned_seq, :seq), planned_at = :at"
            ),
            {"station": station_id, "seq": seqs[station_id], "at": at},
        )


async def is_behind(session: AsyncSession, station_id: UUID) -> bool:
    """Whether something changed since the station was last planned."""
    state = await session.get(PlanningState, station_id)
    return state is not None and state.dirty_seq > state.planned_seq


async def last_started(session: AsyncSession, station_id: UUID) -> datetime | None:
    """When a run of this station last began."""
    row = await sql.first(
        session,
        "SELECT started_at FROM planning_runs WHERE station_id = :station"
        " AND started_at IS NOT NULL AND publish ORDER BY requested_at DESC LIMIT 1",
        {"station": station_id},
    )
    return row.started_at if row else None


async def waiting(
    session: AsyncSession, stations: Collection[UUID], until: datetime
) -> dict[UUID, int]:
    """Station -> how many of its orders wait, without those whose slot opens later."""
    statement = text(
        "SELECT station_id, count(*) FROM work_orders WHERE station_id = ANY(:stations) AND state"
        " IN ('NEW', 'RETURNED') AND coalesce(appointment_from <= :until, true) GROUP BY 1"
    ).bindparams(ids("stations", stations), until=until)
    return {row[0]: row[1] for row in await session.execute(statement)}


async def danger_waits(session: AsyncSession, station_id: UUID) -> bool:
    """Whether danger waits at this station that no plan has tried and left yet."""
    statement = (
        "SELECT EXISTS (SELECT FROM work_orders o WHERE o.station_id = :station"
        " AND o.state IN ('NEW', 'RETURNED') AND o.service_class = 'E1'"
        " AND NOT EXISTS (SELECT FROM unplanned_orders u WHERE u.order_id = o.id))"
    )
    return bool(await sql.scalar(session, statement, {"station": station_id}))


async def stations_behind(session: AsyncSession, stale_before: datetime) -> list[UUID]:
    """Stations that changed since their plan, or whose orders wait on an old one."""
    statement = text(
        "SELECT station_id FROM planning_state WHERE dirty_seq > planned_seq"
        " UNION SELECT o.station_id FROM work_orders o LEFT JOIN planning_state p"
        " ON p.station_id = o.station_id WHERE o.state IN ('NEW', 'RETURNED')"
        " AND (p.planned_at IS NULL OR p.planned_at < :before)"
    )
    rows = await session.execute(statement, {"before": stale_before})
    return [row.station_id for row in rows]


async def stations_with_due_visits(session: AsyncSession, due_before: datetime) -> list[UUID]:
    statement = text(
        "SELECT DISTINCT o.station_id FROM planned_visits v JOIN work_orders o"
        " ON o.id = v.order_id WHERE o.state IN ('NEW', 'RETURNED')"
        " AND (v.start_at <= :before OR o.service_class = 'E1')"
    )
    rows = await session.execute(statement, {"before": due_before})
    return [row.station_id for row in rows]


async def stations_with_absent_crews(session: AsyncSession, silent_since: datetime) -> list[UUID]:
    """Stations whose waiting orders are planned for a crew that cannot be counted on any more.

    Nobody of it is on line, or nobody was heard of since then while it is at no customer's.
    """
    statement = text(
        "SELECT DISTINCT o.station_id FROM planned_visits v JOIN work_orders o"
        " ON o.id = v.order_id CROSS JOIN LATERAL (SELECT max(p.seen_at) AS seen_at"
        " FROM crew_members m JOIN presence p ON p.technician_id = m.technician_id"
        " WHERE m.crew_id = v.crew_id AND m.until IS NULL AND p.online) heard"
        " WHERE o.state IN ('NEW', 'RETURNED') AND (heard.seen_at IS NULL"
        " OR (heard.seen_at <= :since AND NOT EXISTS (SELECT FROM assignments a"
        " JOIN work_orders w ON w.assignment_id = a.id WHERE a.crew_id = v.crew_id"
        " AND a.ended_at IS NULL AND w.state IN ('ONSITE', 'WORKING'))))"
    )
    rows = await session.execute(statement, {"since": silent_since})
    return [row.station_id for row in rows]


async def stations_with_overruns(session: AsyncSession, at: datetime) -> list[UUID]:
    """Stations whose waiting orders are planned for a crew whose work outlasts its estimate.

    Only where the estimate ran out after the plan in force was made: a plan that knows of it
    counts on the least remaining time, and goes stale by age.
    """
    statement = text(
        "SELECT DISTINCT o.station_id FROM planned_visits v JOIN work_orders o"
        " ON o.id = v.order_id JOIN planning_state p ON p.station_id = o.station_id"
        " JOIN assignments a ON a.crew_id = v.crew_id AND a.ended_at IS NULL"
        " JOIN work_orders w ON w.assignment_id = a.id AND w.state = 'WORKING'"
        " JOIN fault_codes f ON f.id = w.fault_code_id CROSS JOIN LATERAL (SELECT action,"
        " at + f.service_minutes * interval '1 minute' AS ends_at FROM work_order_events"
        " WHERE order_id = w.id AND action IN ('arrived', 'started', 'rejected')"
        " ORDER BY seq DESC LIMIT 1) spell WHERE o.state IN ('NEW', 'RETURNED')"
        " AND spell.action = 'started' AND spell.ends_at > p.planned_at AND spell.ends_at <= :at"
    )
    return [row.station_id for row in await session.execute(statement, {"at": at})]


async def end_abandoned(session: AsyncSession, station_id: UUID, but: UUID, at: datetime) -> None:
    """Fail the station's other running runs: it has one at a time, so their worker is dead.

    A queued run that somebody asked for has a job of its own and still gets its turn.
    """
    statement = text(
        f"{_ABANDON} WHERE station_id = :station AND id <> :but AND publish"
        " AND (state = 'running' OR (state = 'queued' AND trigger <> 'manual'))"
    )
    await session.execute(statement, {"station": station_id, "but": but, "at": at})


async def end_orphans(session: AsyncSession, at: datetime) -> list[UUID]:
    """Fail runs that no job will carry out, since their worker died between two transactions.

    Every run lives inside a job of its station, waiting or at work. Returns their ids.
    """
    statement = text(
        f"{_ABANDON} FROM (SELECT id FROM planning_runs r WHERE r.state IN ('queued', 'running')"
        " AND NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.task_name IN"
        " ('planning.run', 'planning.large', 'planning.what_if') AND j.status IN ('todo', 'doing')"
        " AND j.args ->> 'station_id' = r.station_id::text)"
        " FOR UPDATE) orphans WHERE orphans.id = planning_runs.id RETURNING planning_runs.id"
    )
    return [row.id for row in await session.execute(statement, {"at": at})]


async def problem_that_planned(session: AsyncSession, order_id: UUID) -> bytes | None:
    """The last kept problem of a published run in which the order has a visit."""
    query = (
        select(PlanningProblem.body)
        .where(col(PlanningProblem.publish), col(PlanningProblem.planned).contains([order_id]))
        .order_by(col(PlanningProblem.run_id).desc())
        .limit(1)
    )
    return (await session.exec(query)).first()
