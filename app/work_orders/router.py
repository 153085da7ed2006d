"""Routes for intake, lists and desk work on repair orders."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.core.permissions import Permission as P
from app.core.permissions import Role
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.core.times import Moment
from app.identity.access import allow, allow_once
from app.organisation import service as organisation
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import CursorParam, Limit, Page, decode_cursor, encode_cursor, problem_responses
from app.work_orders import duties, intake, repository, service
from app.work_orders.acts import Act
from app.work_orders.bodies import AmendIn, AnswerIn, ReasonIn, RebookIn, SubmitIn, WorkOrderIn
from app.work_orders.models import WorkOrder
from app.work_orders.schemas import EventOut, TimelineOut, WorkOrderDetailOut, WorkOrderOut
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition

router = APIRouter(prefix="/work-orders", tags=["work orders"], route_class=TransactionalRoute)

INTAKE_ROLES = (Role.AGENT, Role.DISPATCHER)
DESK_ROLES = (Role.AGENT, Role.DISPATCHER, Role.STATION_CHIEF, Role.REVISITOR)


async def answered(session: Session, order: WorkOrder, reader: Principal) -> WorkOrderOut:
    """The order as it stands after the change."""
    dossier = (await service.dossiers(session, [order]))[0]
    return WorkOrderOut.of(dossier, reader)


@router.post("", status_code=201, responses=problem_responses(404, 409))
async def create_work_order(
    body: WorkOrderIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_CREATE)],
    session: Session,
) -> WorkOrderOut:
    """Take a report; 409 offers the open order for the same trouble with its `urge` link."""
    report = intake.Report(
        channel=body.channel,
        caller_name=body.caller.name,
        caller_phone=body.caller.phone,
        fault_code=body.fault_code,
        description=body.description,
        premises_id=body.premises_id,
        customer_id=body.customer_id,
        address=body.address,
        place=body.place,
        flags=frozenset(body.flags),
        appointment=(body.appointment.starts_at, body.appointment.ends_at)
        if body.appointment
        else None,
        force_new_reason=body.force_new_reason if body.force_new else None,
    )
    act = Act.now(principal, *INTAKE_ROLES)
    order = await intake.take(session, principal, report, act, draft=body.draft)
    return await answered(session, order, principal)


@router.get("", responses=problem_responses(404))
async def list_work_orders(
    principal: Annotated[Principal, allow(P.ORDERS_READ)],
    session: Session,
    station_id: UUID | None = None,
    state: Annotated[list[State] | None, Query()] = None,
    crew_id: UUID | None = None,
    premises_id: UUID | None = None,
    due_before: Moment | None = None,
    waiting_approval: bool | None = None,
    cursor: CursorParam = None,
    limit: Limit = 50,
) -> Page[WorkOrderOut]:
    """Orders in your scope, newest first; a station includes all below it."""
    stations = None
    if station_id is not None:
        stations = await organisation.subtree_in_scope(
            session, principal, P.ORDERS_READ, station_id
        )
    orders = await repository.page(
        session,
        principal,
        station_ids=stations,
        states=[each.value for each in state or ()],
        crew_id=crew_id,
        premises_id=premises_id,
        due_before=due_before,
        waiting_approval=waiting_approval,
        before=_uuid(decode_cursor(cursor, 1)[0]) if cursor else None,
        limit=limit + 1,
    )
    dossiers = await service.dossiers(session, orders[:limit])
    return Page(
        items=[WorkOrderOut.of(dossier, principal) for dossier in dossiers],
        next_cursor=encode_cursor(orders[limit - 1].id) if len(orders) > limit else None,
    )


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise InvalidInput("the cursor is not one of ours") from error


@router.get("/{order_id}", responses=problem_responses(404))
async def get_work_order(
    order_id: UUID, principal: Annotated[Principal, allow(P.ORDERS_READ)], session: Session
) -> WorkOrderDetailOut:
    """One order with its clocks."""
    order = await service.visible(session, principal, order_id)
    dossier = (await service.dossiers(session, [order], with_clocks=True))[0]
    return WorkOrderDetailOut.of(dossier, principal)


@router.get("/{order_id}/timeline", responses=problem_responses(404))
async def get_timeline(
    order_id: UUID, principal: Annotated[Principal, allow(P.ORDERS_READ)], session: Session
) -> TimelineOut:
    """Current step, holder, due time and every event."""
    order = await service.visible(session, principal, order_id)
    shown = await answered(session, order, principal)
    return TimelineOut(
        order_id=order.id,
        serial=order.serial,
        state=State(order.state),
        holder=shown.holder,
        due_at=order.due_at,
        events=[EventOut.of(event) for event in await service.timeline(session, order)],
    )


@router.patch("/{order_id}", responses=problem_responses(404, 409))
async def amend_work_order(
    order_id: UUID,
    body: AmendIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_EDIT)],
    session: Session,
) -> WorkOrderOut:
    """Correct contact or notes; the crew's phone hears of it."""
    order = await service.locked(session, principal, P.ORDERS_EDIT, order_id)
    act = Act.now(principal, *DESK_ROLES)
    await service.amend(session, order, act, version=body.version, **body.changes())
    return await answered(session, order, principal)


@router.post("/{order_id}/submit", responses=problem_responses(404, 409))
async def submit_work_order(
    order_id: UUID,
    principal: Annotated[Principal, allow_once(P.ORDERS_CREATE)],
    session: Session,
    body: SubmitIn | None = None,
) -> WorkOrderOut:
    """Turn a draft into a new order; the clocks start. 409 offers an order that is open here."""
    order = await service.locked(session, principal, P.ORDERS_CREATE, order_id)
    act = Act.now(principal, *INTAKE_ROLES)
    await intake.submit(session, order, act, body.force_new_reason if body else None)
    return await answered(session, order, principal)


@router.post("/{order_id}/solve-by-phone", responses=problem_responses(404, 409))
async def solve_by_phone(
    order_id: UUID,
    body: AnswerIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_EDIT)],
    session: Session,
) -> WorkOrderOut:
    """Close without a visit, with the answer that helped."""
    order = await service.locked(session, principal, P.ORDERS_EDIT, order_id)
    act = Act.now(principal, *INTAKE_ROLES)
    await transition(session, order, Action.SOLVED_BY_PHONE, act, answer=body.answer)
    return await answered(session, order, principal)


@router.post("/{order_id}/urge", responses=problem_responses(404, 409))
async def urge_work_order(
    order_id: UUID,
    body: ReasonIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_URGE)],
    session: Session,
) -> WorkOrderOut:
    """The customer asks again: a reply is owed, and the counter goes up.

    Within a quarter of an hour it is the same urge; every third one raises the supervision.
    """
    order = await service.locked(session, principal, P.ORDERS_URGE, order_id)
    await duties.urge(session, order, Act.now(principal, *DESK_ROLES), body.reason)
    return await answered(session, order, principal)


@router.post("/{order_id}/rebook", responses=problem_responses(404, 409))
async def rebook_work_order(
    order_id: UUID,
    body: RebookIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_EDIT)],
    session: Session,
) -> WorkOrderOut:
    """Move the appointment, twice at most; the clocks follow the customer's wish alone."""
    order = await service.locked(session, principal, P.ORDERS_EDIT, order_id)
    slot = body.appointment
    await service.rebook(
        session,
        order,
        Act.now(principal, *DESK_ROLES),
        starts=slot.starts_at,
        ends=slot.ends_at,
        reason=body.reason,
        asked_by=body.asked_by,
    )
    return await answered(session, order, principal)
