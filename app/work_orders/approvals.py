"""Two-person decisions: hold (19) and cancel (23)."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.permissions import Permission, Role
from app.core.problems import NotFound
from app.core.scope import Principal
from app.work_orders import effects, holds, service
from app.work_orders.acts import Act
from app.work_orders.errors import ApprovalPending, NoPendingApproval, SelfApproval
from app.work_orders.holds import Proof
from app.work_orders.models import Approval, WorkOrder
from app.work_orders.states import Action
from app.work_orders.transitions import transition


async def request_hold(
    session: AsyncSession,
    order: WorkOrder,
    act: Act,
    *,
    reason: str,
    until: datetime,
    note: str,
    proof: Proof | None,
) -> Approval:
    """Ask for a hold; who the reason names approves it. Raises what `holds.check` raises."""
    await holds.check(session, order, reason, until, proof)
    detail = {"reason": reason, "until": until.isoformat(), "note": note}
    detail |= proof.said() if proof else {}
    return await _request(session, order, act, "hold", Action.HOLD_REQUESTED, note, detail)


async def request_cancel(
    session: AsyncSession, order: WorkOrder, act: Act, *, reason: str
) -> Approval:
    """Ask to void the order; a chief or manager approves. The serial number stays used."""
    return await _request(
        session, order, act, "cancel", Action.CANCEL_REQUESTED, reason, {"reason": reason}
    )


async def request_cancel_by_timer(
    session: AsyncSession, order: WorkOrder, until: datetime
) -> Approval:
    """A hold ran out that leads to cancelling: the clock asks, a chief or manager decides."""
    reason = f"{order.hold_reason}: the longest hold is over"
    detail = {"reason": reason, "hold_until": until.isoformat()}
    act = Act.by_timer()
    return await _request(session, order, act, "cancel", Action.CANCEL_REQUESTED, reason, detail)


async def of_timer(session: AsyncSession, order: WorkOrder, until: datetime) -> Approval | None:
    """What the clock asked when this hold ran out."""
    statement = select(Approval).where(
        Approval.order_id == order.id, col(Approval.requested_by).is_(None)
    )
    said = until.isoformat()
    found = (await session.exec(statement)).all()
    return next((each for each in found if each.detail.get("hold_until") == said), None)


async def _request(
    session: AsyncSession,
    order: WorkOrder,
    act: Act,
    kind: str,
    action: Action,
    reason: str,
    detail: dict[str, Any],
) -> Approval:
    if await pending(session, order.id) is not None:
        raise ApprovalPending()
    approval = Approval(
        order_id=order.id,
        action=kind,
        reason=reason,
        detail=detail,
        requested_by=act.actor_id,
        requested_at=act.at,
    )
    session.add(approval)
    await session.flush()
    await transition(session, order, action, act, approval_id=str(approval.id), **detail)
    return approval


async def pending(session: AsyncSession, order_id: UUID) -> Approval | None:
    """The order's request that waits, if any."""
    statement = select(Approval).where(
        Approval.order_id == order_id,
        Approval.decided_at.is_(None),  # type: ignore[union-attr]
    )
    return (await session.exec(statement)).first()


async def decide(
    session: AsyncSession, principal: Principal, approval_id: UUID, approved: bool, note: str | None
) -> tuple[Approval, WorkOrder]:
    """Approve or refuse a request; the decider is another person with the right post.

    A hold counts from its request (DOMAIN transition 19). Raises NotFound outside the scope.
    """
    approval = await session.get(Approval, approval_id)
    if approval is None:
        raise NotFound()
    order = await service.locked(session, principal, Permission.ORDERS_APPROVE, approval.order_id)
    await session.refresh(approval, with_for_update=True)
    if approval.decided_at is not None:
        raise NoPendingApproval()
    if approval.requested_by == principal.id:
        raise SelfApproval()
    approval.decided_by = principal.id
    approval.decided_at = clock.now()
    approval.approved = approved
    approval.decision_note = note
    await session.flush()
    await _carry_out(session, order, approval, principal)
    return approval, order


async def _carry_out(
    session: AsyncSession, order: WorkOrder, approval: Approval, principal: Principal
) -> None:
    said = {"approval_id": str(approval.id), "note": approval.decision_note}
    if approval.action == "hold":
        act = Act.now(principal, await holds.approver(session, order, approval, principal))
        detail = dict(approval.detail) | {"requested_at": approval.requested_at.isoformat()}
        action = Action.HELD if approval.approved else Action.HOLD_REFUSED
        if approval.approved:
            act = replace(act, at=await _held_since(session, order, approval))
            detail |= await holds.effects_of(session, approval.detail["reason"])
    else:
        act = Act.now(principal, Role.STATION_CHIEF, Role.MANAGER)
        action = Action.CANCELLED if approval.approved else Action.CANCEL_REFUSED
        detail = dict(approval.detail)
    await transition(session, order, action, act, **(detail | said))


async def _held_since(session: AsyncSession, order: WorkOrder, approval: Approval) -> datetime:
    """The request's time, or when the present crew got the order if that was later."""
    assignment = await effects.current(session, order)
    if assignment is None:
        return approval.requested_at
    return max(approval.requested_at, assignment.assigned_at)
