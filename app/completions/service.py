"""Completing an order at the door, and reviewing what was declared there."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import hooks, repository
from app.completions.errors import RecordSuperseded, ReviewReasonMissing
from app.completions.models import CompletionRecord, Review
from app.completions.policy import default_shares
from app.completions.record import CompletionIn, in_steps
from app.core import clock
from app.core.permissions import Permission, Role
from app.core.problems import NotFound
from app.core.scope import Principal
from app.evidence import service as evidence
from app.organisation import service as organisation
from app.organisation.service import Capability
from app.work_orders import assignments
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.errors import NotYours
from app.work_orders.models import Assignment, WorkOrder
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition

_COMPLETED = {State.DONE, State.REVISIT, State.CLOSED}


async def complete(
    session: AsyncSession, order: WorkOrder, act: Act, record: CompletionIn
) -> CompletionRecord:
    """Declare the manifest, write the record and take transition 13 on a locked order.

    The same record sent again by the same person answers the one that stands. Raises
    IllegalTransition, NotYours, LeaderOnly, RecordIncomplete, SharesInvalid, UnknownCauseCode,
    EvidenceDiffers, EvidenceMissing and what `evidence.declare` raises.
    """
    assert act.principal is not None  # only people complete
    before = await repository.latest(session, order.id)
    holding = await assignments.current(session, order)
    content = await _content(session, record, holding, act)
    if before is not None and State(order.state) in _COMPLETED and _repeats(before, content, act):
        return before
    if holding is None:
        raise NotYours(state=order.state)
    written = CompletionRecord(
        order_id=order.id,
        attempt=before.attempt + 1 if before else 1,
        assignment_id=holding.id,
        completed_by=act.principal.id,
        done_at=act.at,
        **content,
    )
    session.add(written)
    await session.flush()
    await evidence.declare(session, order, act.principal.id, _declared(record))
    await transition(
        session,
        order,
        Action.COMPLETED,
        act,
        record_id=str(written.id),
        attempt=written.attempt,
        outcome=written.outcome,
        cause_code=written.cause_code,
        files=[str(each.file_id) for each in record.manifest],
    )
    return written


def _declared(record: CompletionIn) -> list[evidence.Declared]:
    return [evidence.Declared(**each.model_dump()) for each in record.manifest]


async def _content(
    session: AsyncSession, record: CompletionIn, holding: Assignment | None, act: Act
) -> dict[str, Any]:
    """The record's columns as stored: JSON-ready, with the shares spelled out."""
    content = record.model_dump(mode="json", exclude={"shares"})
    if record.shares is not None:
        content["shares"] = in_steps([(each.technician_id, each.share) for each in record.shares])
    elif holding is not None:
        crew = await _crew(session, holding, act)
        content["shares"] = in_steps(list(default_shares(crew.members).items()))
    return content


async def _crew(session: AsyncSession, holding: Assignment, act: Act) -> Capability:
    return await organisation.capability(session, holding.crew_id, act.at)


def _repeats(before: CompletionRecord, content: dict[str, Any], act: Act) -> bool:
    """Whether the standing record says exactly this; an order that left the crew has no shares."""
    said = before.model_dump(mode="json", include=set(content))
    return said == content and before.completed_by == act.actor_id


async def records(
    session: AsyncSession, principal: Principal, order_id: UUID
) -> list[tuple[CompletionRecord, Review | None]]:
    """Every attempt of an order in scope with its review; raises NotFound."""
    if not await repository.order_in_scope(session, principal, order_id):
        raise NotFound()
    return await repository.of_order(session, order_id)


async def review(
    session: AsyncSession,
    principal: Principal,
    completion_id: UUID,
    decision: str,
    reason: str | None,
    judgement: dict[str, str] | None = None,
) -> Review:
    """Pass (15) or reject (14) the latest record of an order in scope.

    `judgement` is what the reviewer says for pay, kept in the event too.

    Raises NotFound, RecordSuperseded, ReviewReasonMissing, ReviewerWorkedOnOrder,
    EvidenceNotReceived and IllegalTransition.
    """
    record = await session.get(CompletionRecord, completion_id)
    if record is None:
        raise NotFound()
    order = await work_orders.locked(session, principal, Permission.REVIEWS_DECIDE, record.order_id)
    latest = await repository.latest(session, order.id)
    if latest is None or latest.id != record.id:
        raise RecordSuperseded(latest=str(latest.id) if latest else None)
    if decision == "rejected" and not reason:
        raise ReviewReasonMissing()
    act = Act.now(principal, Role.REVIEWER, Role.STATION_CHIEF)
    payload: dict[str, Any] = {
        "record_id": str(record.id),
        "attempt": record.attempt,
        "reason": reason,
    }
    if judgement:
        payload["judgement"] = judgement
    await hooks.reviewer_is_no_worker(session, order, act, payload)
    action = Action.PASSED if decision == "passed" else Action.REJECTED
    await transition(session, order, action, act, **payload)
    written = Review(
        completion_id=record.id,
        order_id=order.id,
        decision=decision,
        reason=reason,
        judgement=judgement or None,
        reviewed_by=principal.id,
        reviewed_at=clock.now(),
    )
    session.add(written)
    await session.flush()
    return written


async def worked_on(session: AsyncSession, user_id: UUID, order_id: UUID) -> bool:
    """Whether somebody took part in the work of an order: such a one decides nothing about it."""
    return await repository.worked_on(session, user_id, order_id)
