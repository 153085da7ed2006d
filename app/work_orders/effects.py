"""What a transition does to the order's own rows, before its event is written."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.organisation import service as organisation
from app.work_orders.acts import Act
from app.work_orders.models import Approval, Assignment, WorkOrder
from app.work_orders.rules import RULES
from app.work_orders.states import AWAITING_DISPATCH, ENDED, IN_CREW_HANDS, Action, State

DECIDES = {"hold": Action.HELD, "cancel": Action.CANCELLED}
"""What an approval of each kind would do."""
_KEPT = "the assignment that was just made"
"""The session knows its rows weakly: nobody reads again what this transaction wrote."""
HOLD_KEEPS_CREW = timedelta(hours=2)
"""Under this a hold goes back to the same crew, if it is on shift (DOMAIN transition 20)."""


async def current(session: AsyncSession, order: WorkOrder) -> Assignment | None:
    """The one current assignment."""
    if order.assignment_id is None:
        return None
    return await session.get(Assignment, order.assignment_id)


async def current_crew_id(session: AsyncSession, order: WorkOrder) -> UUID | None:
    assignment = await current(session, order)
    return assignment.crew_id if assignment else None


async def apply(
    session: AsyncSession,
    order: WorkOrder,
    action: Action,
    act: Act,
    payload: dict[str, Any],
    target: State | None,
) -> State:
    """Change assignment, hold and counters; returns the state that the order takes."""
    if action in (Action.SENT, Action.RESENT, Action.TRANSFERRED):
        await _hand_over(session, order, action, act, payload)
    elif action is Action.SUBMITTED:
        order.reported_at = act.at
        if order.appointment_from is not None and order.appointment_from > act.at:
            payload["base"] = order.appointment_from.isoformat()
    elif action is Action.ACCEPTED:
        assignment = await current(session, order)
        assert assignment is not None
        assignment.accepted_at = act.at
    elif action is Action.HELD:
        await _hold(session, order, act, payload)
    elif action is Action.RESUMED:
        target = await _resume(session, order, act, payload)
    elif action is Action.URGED:
        order.urges += 1
    elif action is Action.SUPERVISED:
        order.supervision_level = max(order.supervision_level, payload["level"])
    elif action is Action.SUPERVISION_ANSWERED:
        order.supervision_level = payload["remaining"]
    elif action is Action.MERGED:
        order.merged_into = UUID(payload["into_order_id"])
    elif action is Action.SPLIT:
        order.merged_into = None
    elif action is Action.REBOOKED:
        order.rebookings += 1
        order.appointment_from = datetime.fromisoformat(payload["from"])
        order.appointment_to = datetime.fromisoformat(payload["to"])
    result = target or State(order.state)
    if result in ENDED or result in AWAITING_DISPATCH:
        await end_assignment(session, order, act.at, action.value)
    await _void_request(session, order, action, result, payload)
    return result


async def _void_request(
    session: AsyncSession, order: WorkOrder, action: Action, result: State, payload: dict[str, Any]
) -> None:
    """Close a request that waits for what the new state makes impossible; the event names it."""
    moot = [kind for kind, would in DECIDES.items() if result not in RULES[would].sources]
    if result.value == order.state or not moot:
        return
    waiting = select(Approval).where(
        Approval.order_id == order.id,
        col(Approval.decided_at).is_(None),
        col(Approval.action).in_(moot),
    )
    request = (await session.exec(waiting)).one_or_none()
    if request is None:
        return
    request.decided_at = clock.now()
    request.approved = False
    request.decision_note = f"void: {action.value}"
    payload["voided_approval_id"] = str(request.id)
    await session.flush()


async def release(session: AsyncSession, order: WorkOrder, crew_id: UUID | None) -> None:
    """End the joint crew that held the order before, unless it holds it still."""
    if crew_id is not None and crew_id != await current_crew_id(session, order):
        # By the server's time: a hold is dated back, and the crew may have acted since.
        await organisation.end_joint_crew(session, crew_id, clock.now())


async def end_assignment(session: AsyncSession, order: WorkOrder, at: datetime, why: str) -> None:
    """End the current assignment, if there is one; a closed order keeps who had it as history."""
    assignment = await current(session, order)
    if assignment is not None:
        assignment.ended_at = at
        assignment.ended_why = why
        order.assignment_id = None
        await session.flush()


async def _assign(
    session: AsyncSession,
    order: WorkOrder,
    crew_id: UUID,
    act: Act,
    *,
    how: str,
    reason: str | None,
    accepted: bool = False,
) -> None:
    assignment = Assignment(
        order_id=order.id,
        crew_id=crew_id,
        how=how,
        reason=reason,
        assigned_by=act.actor_id,
        assigned_at=act.at,
        accepted_at=act.at if accepted else None,
    )
    session.add(assignment)
    await session.flush()
    order.assignment_id = assignment.id
    session.info[_KEPT] = assignment


async def _hand_over(
    session: AsyncSession, order: WorkOrder, action: Action, act: Act, payload: dict[str, Any]
) -> None:
    await end_assignment(session, order, act.at, action.value)
    if action is Action.TRANSFERRED:
        order.transfers += 1
    await _assign(
        session,
        order,
        UUID(payload["crew_id"]),
        act,
        how=payload["how"],
        reason=payload.get("reason"),
    )
    order.preferred_crew_id = None
    order.pinned = False


async def _hold(session: AsyncSession, order: WorkOrder, act: Act, payload: dict[str, Any]) -> None:
    crew_id = await current_crew_id(session, order)
    order.held_from = order.state
    order.hold_reason = payload["reason"]
    order.hold_until = datetime.fromisoformat(payload["until"])
    order.preferred_crew_id = crew_id or order.preferred_crew_id
    payload["crew_id"] = str(crew_id) if crew_id else None
    payload["held_from"] = order.held_from
    await end_assignment(session, order, act.at, Action.HELD.value)


async def _resume(
    session: AsyncSession, order: WorkOrder, act: Act, payload: dict[str, Any]
) -> State:
    held_from = State(order.held_from or State.NEW)
    held_at = datetime.fromisoformat(payload["held_at"])
    target = State.NEW
    short = clock.now() - held_at < HOLD_KEEPS_CREW
    if short and held_from in IN_CREW_HANDS and order.preferred_crew_id is not None:
        crew = await organisation.capability(session, order.preferred_crew_id, clock.now())
        if crew.active and crew.on_shift:
            target = held_from
            await _assign(
                session,
                order,
                order.preferred_crew_id,
                act,
                how="auto",
                reason="resumed",
                accepted=held_from is not State.SENT,
            )
    payload["crew_id"] = str(order.preferred_crew_id) if target is not State.NEW else None
    order.held_from = order.hold_reason = order.hold_until = None
    return target
