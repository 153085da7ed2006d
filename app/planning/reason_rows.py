"""Queries of the sent reasons: written with the assignment, worked out later, forgotten at last."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.planning.models import PlanningProblem, SentReason
from app.work_orders.models import WorkOrder


class Pending(NamedTuple):
    """An assignment whose reason is to be worked out."""

    assignment_id: UUID
    serial: str
    crew_id: UUID


async def await_reason(
    session: AsyncSession, order: WorkOrder, crew_id: UUID, run_id: UUID
) -> None:
    """Note that the plan of a run sent the order to the crew: why is worked out later.

    The order must carry the new assignment.
    """
    statement = (
        "INSERT INTO sent_reasons (assignment_id, order_id, crew_id, run_id, decided_by, sent_at,"
        " pending) VALUES (:assignment, :order, :crew, :run, 'plan', :at, true)"
        " RETURNING assignment_id"
    )
    values = {"assignment": order.assignment_id, "order": order.id, "crew": crew_id}
    await sql.scalar(session, statement, values | {"run": run_id, "at": clock.now()})


async def keep(
    session: AsyncSession,
    order: WorkOrder,
    crew_id: UUID,
    run_id: UUID | None,
    why: Mapping[str, Any],
    moved_from: UUID | None = None,
) -> None:
    """Keep why the order was just sent to the crew; the order must carry the new assignment."""
    assert order.assignment_id is not None
    session.add(
        SentReason(
            assignment_id=order.assignment_id,
            order_id=order.id,
            crew_id=crew_id,
            run_id=run_id,
            decided_by=why["decided_by"],
            moved_from=moved_from,
            sent_at=clock.now(),
            reason=to_jsonable_python(why),
            pending=False,
        )
    )
    await session.flush()


class Kept(NamedTuple):
    """What is kept of why an order was sent."""

    crew_id: UUID
    run_id: UUID | None
    reason: dict[str, Any] | None
    pending: bool


async def runs_with_pending(session: AsyncSession) -> list[UUID]:
    """Runs whose sent orders still lack their reasons."""
    rows = await session.execute(
        text("SELECT DISTINCT run_id FROM sent_reasons WHERE pending ORDER BY run_id")
    )
    return [row.run_id for row in rows]


async def pending_of(session: AsyncSession, run_id: UUID) -> list[Pending]:
    """The run's sent orders that still lack their reason."""
    rows = await session.execute(
        text(
            "SELECT r.assignment_id, o.serial, r.crew_id FROM sent_reasons r"
            " JOIN work_orders o ON o.id = r.order_id WHERE r.pending AND r.run_id = :run"
        ),
        {"run": run_id},
    )
    return [Pending(*row) for row in rows]


async def body_of(session: AsyncSession, run_id: UUID) -> bytes | None:
    """The run's packed problem, if it is kept."""
    query = select(PlanningProblem.body).where(col(PlanningProblem.run_id) == run_id)
    return (await session.exec(query)).first()


async def settle(session: AsyncSession, found: Mapping[UUID, Mapping[str, Any] | None]) -> None:
    """Write what was worked out, per assignment; None where it cannot be."""
    for assignment_id in sorted(found):
        row = await session.get_one(SentReason, assignment_id)
        why = found[assignment_id]
        row.reason = to_jsonable_python(why) if why else None
        row.pending = False
        session.add(row)


async def of_order(session: AsyncSession, order_id: UUID) -> Kept | None:
    """Why the crew that has the order, or had it last, was sent it; None where it was not by plan,
    or somebody decided otherwise since.

    A hold that ended with the same crew decided nothing.
    """
    statement = text(
        "SELECT r.crew_id, r.run_id, r.reason, r.pending FROM sent_reasons r"
        " JOIN assignments a ON a.id = r.assignment_id"
        " WHERE r.order_id = :order AND NOT EXISTS (SELECT FROM assignments later"
        " WHERE later.order_id = :order AND later.id > a.id"
        " AND NOT (later.how = 'auto' AND later.reason = 'resumed' AND later.crew_id = r.crew_id))"
        " ORDER BY r.sent_at DESC, r.assignment_id DESC LIMIT 1"
    )
    found = (await session.execute(statement, {"order": order_id})).first()
    return Kept(*found) if found else None


async def keep_problem(session: AsyncSession, problem: PlanningProblem, keep: int) -> None:
    """Keep it, and of its station and kind only the last `keep` ones, itself among them.

    One that sent orders still need their reasons from is kept until they have them.
    """
    session.add(problem)
    await session.flush()
    await session.execute(
        text(
            "DELETE FROM planning_problems p WHERE p.run_id IN (SELECT run_id"
            " FROM planning_problems WHERE station_id = :station AND publish = :publish"
            " ORDER BY run_id DESC OFFSET :keep) AND NOT EXISTS (SELECT FROM sent_reasons r"
            " WHERE r.run_id = p.run_id AND r.pending)"
        ),
        {"station": problem.station_id, "publish": problem.publish, "keep": keep},
    )


async def forget_before(session: AsyncSession, before: datetime, most: int) -> int:
    """Delete at most so many reasons of what was sent before; how many went."""
    rows = await session.execute(
        text(
            "DELETE FROM sent_reasons WHERE assignment_id IN (SELECT assignment_id"
            " FROM sent_reasons WHERE sent_at < :before LIMIT :most) RETURNING assignment_id"
        ),
        {"before": before, "most": most},
    )
    return len(rows.all())
