"""What completions have to say about transitions 13 and 15; `app/wiring.py` registers it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.completions import arrivals, contributions, repository, splits
from app.completions.errors import RecordIncomplete, ReviewerWorkedOnOrder, SharesNotAgreed
from app.completions.models import CompletionRecord
from app.completions.policy import check_shares, default_shares, shares_of
from app.core.problems import Forbidden
from app.evidence import service as evidence
from app.evidence.policy import Needed, needed
from app.organisation import service as organisation
from app.organisation.models import Technician
from app.work_orders import effects
from app.work_orders.acts import Act
from app.work_orders.guards import fault_of
from app.work_orders.models import Assignment, WorkOrder

WORKED = frozenset({"fixed", "handed_over"})
"""Outcomes after which something was done to the installation."""
PERMIT_LEVEL = 4
"""DOMAIN section 4: permit, leader and guardian."""


async def record_complete(
    session: AsyncSession, order: WorkOrder, act: Act, payload: dict[str, Any]
) -> None:
    """The record named by `payload["record_id"]` has a known cause, exact shares, the readings
    that the fault and the outcome demand, and a closed permit where one is demanded (13).

    Readings of the crew's other members count too. An arrival that nothing proved wants a photo.
    """
    record = await _record_of(session, order, payload)
    await catalogue.cause(session, record.cause_code)
    crew_id = await effects.current_crew_id(session, order)
    assert crew_id is not None  # the guard `assignee` came first
    crew = await organisation.capability(session, crew_id, act.at)
    check_shares(shares_of(record.shares), crew.members)
    demanded = needed(await evidence.letters_of(session, order), record.outcome)
    noted = await contributions.of_assignment(session, record.assignment_id)
    readings = [*record.readings, *(each for row in noted for each in row.readings)]
    missing = sorted(demanded.readings - {reading["kind"] for reading in readings})
    level = (await fault_of(session, order)).safety_level
    permit = _permit_problem(record, demanded, level, act.client_at or act.at)
    files = [*record.manifest, *(each for row in noted for each in row.files)]
    photo = await arrivals.photo_wanted(session, order.id) and all(
        each["kind"] != "A" for each in files
    )
    if missing or permit or photo:
        raise RecordIncomplete(readings=missing, permit=permit, arrival_photo=photo)


async def _record_of(
    session: AsyncSession, order: WorkOrder, payload: dict[str, Any]
) -> CompletionRecord:
    record_id = payload.get("record_id")
    record = await session.get(CompletionRecord, UUID(record_id)) if record_id else None
    if record is None or record.order_id != order.id:
        raise RecordIncomplete("an order is completed by a record")
    return record


def _permit_problem(
    record: CompletionRecord, demanded: Needed, safety_level: int, done_at: datetime
) -> str | None:
    """`done_at` by the clock that also told when the permit was closed: the phone's, if any.

    Level 4 works under a permit whether or not its photo is demanded; where nothing was done
    there is none to close.
    """
    worked = record.outcome in WORKED
    if "W" not in demanded.files and not (safety_level >= PERMIT_LEVEL and worked):
        return None
    if record.permit is None:
        return "missing"
    closed_at = datetime.fromisoformat(record.permit["closed_at"])
    return "closed after completion" if closed_at > done_at else None


async def shares_agreed(
    session: AsyncSession, order: WorkOrder, _act: Act, payload: dict[str, Any]
) -> None:
    """Another split than the usual one has the word of everyone whom it gives a part (DOMAIN 5.4).

    The leader, who completed, has said it in the record. Without it the reviewer waits, or sends
    the record back. Who left the company meanwhile is not waited for: the reviewer judges.
    """
    record = await _record_of(session, order, payload)
    holding = await session.get_one(Assignment, record.assignment_id)
    crew = await organisation.capability(session, holding.crew_id, record.done_at)
    split = shares_of(record.shares)
    part = await splits.leader_share(session, record.done_at)
    leads = any(member.role == "leader" for member in crew.members)
    if leads and split == default_shares(crew.members, part):
        return
    agreed = {
        row.user_id
        for row in await contributions.of_assignment(session, holding.id)
        if row.shares is not None and shares_of(row.shares) == split
    }
    query = select(Technician.id, Technician.user_id).where(
        col(Technician.id).in_(split), col(Technician.active)
    )
    users = dict((await session.exec(query)).all())
    waiting = [
        str(each)
        for each, share in sorted(split.items())
        if share and each in users and users[each] not in agreed | {record.completed_by}
    ]
    if waiting:
        raise SharesNotAgreed(technicians=waiting)


async def reviewer_is_no_worker(
    session: AsyncSession, order: WorkOrder, act: Act, _payload: dict[str, Any]
) -> None:
    """Who reviews was in no crew that worked on the order (15)."""
    if act.actor_id is None:
        raise Forbidden("a review is a person's decision")
    if await repository.worked_on(session, act.actor_id, order.id):
        raise ReviewerWorkedOnOrder()
