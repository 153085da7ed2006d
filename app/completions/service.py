"""Completing an order at the door, and reviewing what was declared there."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import contributions, hooks, merging, repository, splits
from app.completions.errors import RecordSuperseded, ReviewReasonMissing
from app.completions.merging import Merged
from app.completions.models import CompletionRecord, Review
from app.completions.policy import default_shares
from app.completions.record import CompletionIn, in_steps
from app.core import clock
from app.core.permissions import Permission, Role
from app.core.problems import NotFound
from app.core.scope import Principal
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
    before, holding, content = await _standing(session, order, act, record)
    if before is not None and _repeats(order, before, content, act):
        return before
    return await _write(session, order, act, before, holding, content, {})


async def complete_or_merge(
    session: AsyncSession,
    order: WorkOrder,
    act: Act,
    record: CompletionIn,
    command_id: UUID,
    payload: dict[str, Any],
) -> CompletionRecord | Merged:
    """Complete; or, when a colleague's record of the same visit stands, let this one join it.

    `payload` goes into the event. Raises what `complete` and `contributions.contribute` raise.
    """
    before, holding, content = await _standing(session, order, act, record)
    if before is not None and _repeats(order, before, content, act):
        return before
    same_visit = before is not None and holding is not None and before.assignment_id == holding.id
    if before is not None and same_visit and order.state == State.DONE:
        return await merging.join(session, order, act, before, record, command_id, payload)
    return await _write(session, order, act, before, holding, content, payload)


async def _standing(
    session: AsyncSession, order: WorkOrder, act: Act, record: CompletionIn
) -> tuple[CompletionRecord | None, Assignment | None, dict[str, Any]]:
    """The last record, who holds the order, and what `record` says as it would be stored."""
    holding = await assignments.current(session, order)
    content = await _content(session, record, holding, act)
    return await repository.latest(session, order.id), holding, content


async def _write(
    session: AsyncSession,
    order: WorkOrder,
    act: Act,
    before: CompletionRecord | None,
    holding: Assignment | None,
    content: dict[str, Any],
    payload: dict[str, Any],
) -> CompletionRecord:
    assert act.principal is not None  # only people complete
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
    await contributions.declare_all(session, order, written)
    await transition(
        session,
        order,
        Action.COMPLETED,
        act,
        record_id=str(written.id),
        attempt=written.attempt,
        outcome=written.outcome,
        cause_code=written.cause_code,
        files=[each["file_id"] for each in written.manifest],
        **payload,
    )
    return written


async def _content(
    session: AsyncSession, record: CompletionIn, holding: Assignment | None, act: Act
) -> dict[str, Any]:
    """The record's columns as stored: JSON-ready, with the shares spelled out."""
    content = record.model_dump(mode="json", exclude={"shares"})
    if record.shares is not None:
        content["shares"] = in_steps([(each.technician_id, each.share) for each in record.shares])
    elif holding is not None:
        crew = await _crew(session, holding, act)
        part = await splits.leader_share(session, act.at)
        content["shares"] = in_steps(list(default_shares(crew.members, part).items()))
    return content


async def _crew(session: AsyncSession, holding: Assignment, act: Act) -> Capability:
    return await organisation.capability(session, holding.crew_id, act.at)


def _repeats(order: WorkOrder, before: CompletionRecord, content: dict[str, Any], act: Act) -> bool:
    """Whether the standing record says exactly this; an order that left the crew has no shares."""
    if State(order.state) not in _COMPLETED or before.completed_by != act.actor_id:
        return False
    return before.model_dump(mode="json", include=set(content)) == content


async def records(
    session: AsyncSession, principal: Principal, order_id: UUID
) -> list[tuple[CompletionRecord, Review | None]]:
    """Every attempt of an order in scope with its review; raises NotFound."""
    if not await repository.order_in_scope(session, principal, order_id):
        raise NotFound()
    return await repository.of_order(session, order_id)


async def reopen(
    session: AsyncSession, principal: Principal, order_id: UUID, reason: str
) -> Review:
    """Reject the record that stands, so that another can take its place; raises as `review`."""
    latest = await repository.latest(session, order_id)
    if latest is None:
        raise NotFound()
    return await review(session, principal, latest.id, "rejected", reason)


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
        "outcome": record.outcome,
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
