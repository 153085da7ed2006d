"""What looks unusual in a month, for a person to look at; nothing is cut (DOMAIN 5.8)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.ids import new_id
from app.core.permissions import Permission
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.organisation.models import Technician
from app.payouts import decisions
from app.payouts.card_sections import Limits
from app.payouts.errors import DecidedAlready
from app.payouts.models import PayQuestion

# Whole days of one person: those of the month, and earlier ones of which it pays a late line.
_DAYS = (
    "l.kind = 'EARN' AND (l.technician_id, l.inputs->>'local_date') IN (SELECT d.technician_id,"
    " d.inputs->>'local_date' FROM ledger_entries d WHERE d.kind = 'EARN'"
    " AND (d.period = :month OR d.inputs->>'local_date' LIKE :like))"
)
_POINTS = (
    "SELECT l.technician_id, l.inputs->>'local_date',"
    " jsonb_build_object('points', sum(l.points)::text)"
    f" FROM ledger_entries l WHERE {_DAYS}"
    " GROUP BY 1, 2 HAVING sum(l.points) > :points_a_day"
)
# Work of one person, from arrival to completion; orders worked at once count once each.
_WORK = (
    "WITH work AS (SELECT l.technician_id, l.inputs->>'local_date' AS day, w.serial, w.location,"
    "  came.at AS came, done.at AS done FROM ledger_entries l"
    " JOIN work_orders w ON w.id = l.order_id"
    " JOIN completion_records r ON r.id = (l.inputs->>'completion_id')::uuid"
    " JOIN work_order_events done ON done.order_id = w.id AND done.action = 'completed'"
    "  AND done.payload->>'record_id' = r.id::text"
    " JOIN LATERAL (SELECT e.at FROM work_order_events e WHERE e.order_id = w.id"
    "  AND e.action = 'arrived' AND e.seq < done.seq ORDER BY e.seq DESC LIMIT 1) came ON true"
    f" WHERE {_DAYS})"
)
_HOURS = (
    f"{_WORK} SELECT technician_id, day, jsonb_build_object('hours',"
    " round((extract(epoch FROM sum(done - came)) / 3600)::numeric, 2)::text) FROM work"
    " GROUP BY 1, 2 HAVING extract(epoch FROM sum(done - came)) / 3600 > :hours_a_day"
)
_TRAVEL = (
    f"{_WORK}, follows AS (SELECT *, lag(serial) OVER went AS before,"
    " lag(done) OVER went AS left_at, lag(location) OVER went AS from_ FROM work"
    " WINDOW went AS (PARTITION BY technician_id ORDER BY came, serial))"
    " SELECT technician_id, before || ' - ' || serial, jsonb_build_object('km',"
    " round((ST_Distance(from_, location) / 1000)::numeric, 2)::text, 'seconds',"
    " round(extract(epoch FROM came - left_at))::int) FROM follows WHERE before IS NOT NULL"
    " AND ST_Distance(from_, location) / 1000 > 1 + greatest(extract(epoch FROM came - left_at), 0)"
    " / 3600 * :travel_km_h"
)
_ACCEPTS = (
    "SELECT t.id, to_char(min(e.at AT TIME ZONE :zone), 'YYYY-MM-DD'),"
    " jsonb_build_object('accepts', count(*)) FROM work_order_events e"
    " JOIN technicians t ON t.user_id = e.actor_id"
    " JOIN LATERAL (SELECT s.at FROM work_order_events s WHERE s.order_id = e.order_id"
    "  AND s.seq < e.seq AND s.to_state = 'SENT' ORDER BY s.seq DESC LIMIT 1) sent ON true"
    " WHERE e.action = 'accepted' AND e.at >= :begins AND e.at < :ends"
    " AND extract(epoch FROM e.at - sent.at) < :accept_s"
    " GROUP BY t.id, (e.at AT TIME ZONE :zone)::date"
)
_KINDS = {
    "points_a_day": _POINTS,
    "hours_a_day": _HOURS,
    "fast_accepts": _ACCEPTS,
    "impossible_travel": _TRAVEL,
}


async def find(session: AsyncSession, month: str, limits: Limits) -> int:
    """Write down what is unusual in a month, each once; returns how many stand undecided.

    A day that another month asked about is asked about again only if a late line changed it.
    """
    zone = settings.current().zone
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=zone)
    values: dict[str, Any] = {
        "month": month,
        "like": f"{month}-%",
        "points_a_day": limits.points_a_day,
        "hours_a_day": limits.hours_a_day,
        "accept_s": limits.accept_s,
        "travel_km_h": limits.travel_km_h,
        "zone": zone.key,
        "begins": first,
        "ends": (first + timedelta(days=32)).replace(day=1),
    }
    for kind, query in _KINDS.items():
        used = {name: value for name, value in values.items() if f":{name}" in query}
        found = (await session.execute(text(query), used)).all()
        await _write(session, month, kind, found)
    statement = "SELECT count(*) FROM pay_questions WHERE month = :month AND verdict IS NULL"
    return int((await session.execute(text(statement), {"month": month})).scalar_one())


async def _write(session: AsyncSession, month: str, kind: str, found: Sequence[Any]) -> None:
    query = select(PayQuestion.technician_id, PayQuestion.subject, PayQuestion.facts).where(
        PayQuestion.kind == kind,
        PayQuestion.month != month,
        col(PayQuestion.subject).in_({subject for _, subject, _ in found}),
    )
    asked = [tuple(row) for row in (await session.exec(query)).all()]
    rows = [
        {
            "id": new_id(),
            "month": month,
            "technician_id": who,
            "kind": kind,
            "subject": subject,
            "facts": said,
            "found_at": clock.now(),
        }
        for who, subject, said in found
        if (who, subject, said) not in asked
    ]
    if rows:
        await session.execute(insert(PayQuestion).values(rows).on_conflict_do_nothing())


async def decide(
    session: AsyncSession, principal: Principal, question_id: UUID, verdict: str, reason: str
) -> PayQuestion:
    """Say that it is in order, or that somebody follows it up; it changes no pay by itself.

    Raises NotFound outside the scope, DecidedAlready, and OwnCase for the person concerned.
    """
    question = await session.get(PayQuestion, question_id, with_for_update=True)
    if question is None:
        raise NotFound()
    person = await session.get_one(Technician, question.technician_id)
    decisions.require(principal, Permission.PAYOUTS_DECIDE, person)
    if question.verdict is not None:
        raise DecidedAlready()
    question.verdict, question.reason = verdict, reason
    question.decided_by, question.decided_at = principal.id, clock.now()
    await session.flush()
    return question


async def listed(session: AsyncSession, principal: Principal, month: str) -> Sequence[PayQuestion]:
    """The questions of a month about people of the reader's stations, oldest first."""
    statement = (
        select(PayQuestion)
        .join(Technician, col(Technician.id) == PayQuestion.technician_id)
        .where(
            PayQuestion.month == month,
            scoped(principal, Permission.PAYOUTS_DECIDE, Technician.station_id),
        )
        .order_by(col(PayQuestion.id))
    )
    return (await session.exec(statement)).all()
