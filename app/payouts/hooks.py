"""What transitions 15 and 16 mean for pay; `app/wiring.py` registers it.

Passing review earns, provisionally; the call-back's end confirms. An order that the call-back
turned into a rework stays provisional until its cause is attributed (DOMAIN 5.6).
"""

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.models import FaultCode
from app.completions.models import CompletionRecord
from app.completions.policy import shares_of
from app.core import settings
from app.organisation.models import Technician
from app.payouts import ledger, repository
from app.payouts.card import CardRules
from app.payouts.engine import Line, Work, earn
from app.payouts.errors import RateCardMissing
from app.payouts.models import RateCard
from app.work_orders.models import WorkOrder, WorkOrderEvent

PIECE = "piece"
PASSED = "passed"


async def earn_on_passed(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """Append a provisional EARN for everyone who shares the passed record.

    The card is the one in force on the local day of completion, and that day's month is the
    period. Raises RateCardMissing, which leaves the review undone.
    """
    record = await session.get(CompletionRecord, UUID(event.payload["record_id"]))
    fault = await session.get(FaultCode, order.fault_code_id)
    assert record is not None and fault is not None
    day = record.done_at.astimezone(settings.current().zone).date()
    card = await repository.card_on(session, day)
    if card is None:
        raise RateCardMissing(on=day.isoformat())
    work = Work(
        base_points=fault.points,
        outcome=record.outcome,
        shares=shares_of(record.shares),
        leader=await _leader(session, record),
        rework=order.rework_of is not None,
    )
    said: dict[str, str | int] = {
        "fault_code": fault.code,
        "catalogue_version": fault.version,
        "completion_id": str(record.id),
        "attempt": record.attempt,
        "done_at": record.done_at.isoformat(),
        "local_date": day.isoformat(),
    }
    if order.rework_of is not None:
        said["rework_of"] = str(order.rework_of)
    lines = earn(work, CardRules.of(card.name, card.point_minor, card.rules))
    period = f"{day:%Y-%m}"
    await ledger.append(session, [_draft(order, card, period, line, said) for line in lines])


async def _leader(session: AsyncSession, record: CompletionRecord) -> UUID:
    """Who completed: only the crew's leader can (transition 13)."""
    statement = select(Technician.id).where(Technician.user_id == record.completed_by)
    return (await session.exec(statement)).one()


def _draft(
    order: WorkOrder, card: RateCard, period: str, line: Line, said: dict[str, str | int]
) -> ledger.Draft:
    return ledger.Draft(
        technician_id=line.technician_id,
        order_id=order.id,
        kind="EARN",
        rule=PIECE,
        cause=PASSED,
        period=period,
        points=line.points,
        amount_minor=line.amount_minor,
        rate_card_id=card.id,
        inputs=line.inputs | said,
        explanation_zh=line.explanation.zh,
        explanation_en=line.explanation.en,
    )


async def confirm_on_closed(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """The call-back is over, solved or unreached: the order's earnings are confirmed."""
    why = f"call-back: {event.payload.get('result', 'recorded')}"
    await ledger.confirm(session, order.id, why=why, at=event.at, by=event.actor_id)
