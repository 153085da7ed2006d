"""What completions have to say about transitions 13 and 15; `app/wiring.py` registers it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.completions import repository
from app.completions.errors import RecordIncomplete, ReviewerWorkedOnOrder
from app.completions.models import CompletionRecord
from app.completions.policy import check_shares, shares_of
from app.core.problems import Forbidden
from app.evidence import service as evidence
from app.evidence.policy import Needed, needed
from app.organisation import service as organisation
from app.work_orders import effects
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder


async def record_complete(
    session: AsyncSession, order: WorkOrder, act: Act, payload: dict[str, Any]
) -> None:
    """The record named by `payload["record_id"]` has a known cause, exact shares, the readings
    that the fault and the outcome demand, and a closed permit where one is demanded (13)."""
    record = await _record_of(session, order, payload)
    await catalogue.cause(session, record.cause_code)
    crew_id = await effects.current_crew_id(session, order)
    assert crew_id is not None  # the guard `assignee` came first
    crew = await organisation.capability(session, crew_id, act.at)
    check_shares(shares_of(record.shares), crew.members)
    demanded = needed(await evidence.letters_of(session, order), record.outcome)
    measured = {reading["kind"] for reading in record.readings}
    missing = sorted(demanded.readings - measured)
    permit = _permit_problem(record, demanded, act.client_at or act.at)
    if missing or permit:
        raise RecordIncomplete(readings=missing, permit=permit)


async def _record_of(
    session: AsyncSession, order: WorkOrder, payload: dict[str, Any]
) -> CompletionRecord:
    record_id = payload.get("record_id")
    record = await session.get(CompletionRecord, UUID(record_id)) if record_id else None
    if record is None or record.order_id != order.id:
        raise RecordIncomplete("an order is completed by a record")
    return record


def _permit_problem(record: CompletionRecord, demanded: Needed, done_at: datetime) -> str | None:
    """`done_at` by the clock that also told when the permit was closed: the phone's, if any."""
    if "W" not in demanded.files:
        return None
    if record.permit is None:
        return "missing"
    closed_at = datetime.fromisoformat(record.permit["closed_at"])
    return "closed after completion" if closed_at > done_at else None


async def reviewer_is_no_worker(
    session: AsyncSession, order: WorkOrder, act: Act, _payload: dict[str, Any]
) -> None:
    """Who reviews was in no crew that worked on the order (15)."""
    if act.actor_id is None:
        raise Forbidden("a review is a person's decision")
    if await repository.worked_on(session, act.actor_id, order.id):
        raise ReviewerWorkedOnOrder()
