"""Routes for dispatching and two-person decisions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.core.permissions import Permission as P
from app.core.permissions import Role
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import Limit, Page, problem_responses
from app.work_orders import approvals, assignments, merging, repository, service
from app.work_orders.acts import Act
from app.work_orders.bodies import (
    AssignIn,
    DecisionIn,
    HoldIn,
    JointCrewIn,
    MergeIn,
    PinIn,
    ReasonIn,
)
from app.work_orders.router import answered
from app.work_orders.schemas import ApprovalOut, WorkOrderOut

router = APIRouter(tags=["dispatch desk"], route_class=TransactionalRoute)

_Dispatcher = Annotated[Principal, allow_once(P.ORDERS_DISPATCH)]
_DESK = (Role.DISPATCHER, Role.STATION_CHIEF)


@router.post("/work-orders/{order_id}/assign", responses=problem_responses(404, 409))
async def assign_work_order(
    order_id: UUID, body: AssignIn, principal: _Dispatcher, session: Session
) -> WorkOrderOut:
    """Send, reassign or transfer by the order's state; the losing crew's phone hears too."""
    order = await service.locked(session, principal, P.ORDERS_DISPATCH, order_id)
    await assignments.assign(
        session,
        order,
        body.crew_id,
        Act.now(principal, *_DESK),
        how="manual",
        reason=body.reason,
        override_offline=body.override_offline,
    )
    return await answered(session, order, principal)


@router.post("/work-orders/{order_id}/withdraw", responses=problem_responses(404, 409))
async def withdraw_work_order(
    order_id: UUID, body: ReasonIn, principal: _Dispatcher, session: Session
) -> WorkOrderOut:
    """Take back an order that nobody accepted yet."""
    order = await service.locked(session, principal, P.ORDERS_DISPATCH, order_id)
    await assignments.withdraw(session, order, Act.now(principal, *_DESK), body.reason)
    return await answered(session, order, principal)


@router.post("/work-orders/{order_id}/merge", responses=problem_responses(404, 409))
async def merge_work_order(
    order_id: UUID, body: MergeIn, principal: _Dispatcher, session: Session
) -> WorkOrderOut:
    """Let another order's repair be this one's too: its crew loses it, and it pays nothing.

    When the other passes review this one waits for its call-back; when that is voided, or solved by
    phone, this one is dispatched again.
    """
    act = Act.now(principal, *_DESK)
    order = await merging.merge(session, principal, order_id, body.into_order_id, act, body.reason)
    return await answered(session, order, principal)


@router.post("/work-orders/{order_id}/split", responses=problem_responses(404, 409))
async def split_work_order(
    order_id: UUID, body: ReasonIn, principal: _Dispatcher, session: Session
) -> WorkOrderOut:
    """Undo a merge: it was other trouble, and is dispatched by itself."""
    order = await service.locked(session, principal, P.ORDERS_DISPATCH, order_id)
    await merging.split(session, order, Act.now(principal, *_DESK), body.reason)
    return await answered(session, order, principal)


@router.post("/work-orders/{order_id}/pin", responses=problem_responses(404, 409))
async def pin_work_order(
    order_id: UUID, body: PinIn, principal: _Dispatcher, session: Session
) -> WorkOrderOut:
    """Tell the planner which crew must do it, or free it again."""
    order = await service.locked(session, principal, P.ORDERS_DISPATCH, order_id)
    act = Act.now(principal, *_DESK)
    await assignments.pin(session, order, body.crew_id, act, body.reason)
    return await answered(session, order, principal)


@router.post("/work-orders/{order_id}/joint-crew", responses=problem_responses(404, 409))
async def form_joint_crew(
    order_id: UUID, body: JointCrewIn, principal: _Dispatcher, session: Session
) -> WorkOrderOut:
    """Join members of several crews for an order that none can do alone, and send it."""
    order = await service.locked(session, principal, P.ORDERS_DISPATCH, order_id)
    await assignments.form_joint_crew(
        session,
        order,
        body.technician_ids,
        body.leader_id,
        Act.now(principal, *_DESK),
        body.reason,
    )
    return await answered(session, order, principal)


@router.post("/work-orders/{order_id}/hold", status_code=202, responses=problem_responses(404, 409))
async def request_hold(
    order_id: UUID, body: HoldIn, principal: _Dispatcher, session: Session
) -> ApprovalOut:
    """Ask for a hold with its proof; somebody else approves it, or after 15 min the company."""
    order = await service.locked(session, principal, P.ORDERS_DISPATCH, order_id)
    approval = await approvals.request_hold(
        session,
        order,
        Act.now(principal, *_DESK),
        reason=body.reason,
        until=body.until,
        note=body.note,
        proof=body.proof.proof() if body.proof else None,
    )
    return ApprovalOut.of(approval, order)


@router.post("/work-orders/{order_id}/resume", responses=problem_responses(404, 409))
async def resume_work_order(
    order_id: UUID, body: ReasonIn, principal: _Dispatcher, session: Session
) -> WorkOrderOut:
    """End a hold early."""
    order = await service.locked(session, principal, P.ORDERS_DISPATCH, order_id)
    await service.resume(session, order, Act.now(principal, *_DESK), body.reason)
    return await answered(session, order, principal)


@router.post(
    "/work-orders/{order_id}/cancel", status_code=202, responses=problem_responses(404, 409)
)
async def request_cancel(
    order_id: UUID,
    body: ReasonIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_EDIT)],
    session: Session,
) -> ApprovalOut:
    """Ask to void an order; a chief or manager approves, the serial number stays used."""
    order = await service.locked(session, principal, P.ORDERS_EDIT, order_id)
    act = Act.now(principal, Role.AGENT, Role.DISPATCHER)
    return ApprovalOut.of(
        await approvals.request_cancel(session, order, act, reason=body.reason), order
    )


@router.get("/approvals")
async def list_pending_approvals(
    principal: Annotated[Principal, allow(P.ORDERS_APPROVE)], session: Session, limit: Limit = 100
) -> Page[ApprovalOut]:
    """Requests in your scope that wait for a second person, oldest first."""
    rows = await repository.pending_approvals(session, principal, limit)
    return Page(items=[ApprovalOut.of(approval, order) for approval, order in rows])


@router.post("/approvals/{approval_id}/decide", responses=problem_responses(404, 409))
async def decide_approval(
    approval_id: UUID,
    body: DecisionIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_APPROVE)],
    session: Session,
) -> ApprovalOut:
    """Approve or refuse another person's request."""
    approval, order = await approvals.decide(
        session, principal, approval_id, body.approved, body.note
    )
    return ApprovalOut.of(approval, order)
