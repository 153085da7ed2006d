"""Planning runs over HTTP, and where an order stands in the plan."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from app.core.db import Database
from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.identity.access import allow, allow_briefly, allow_once
from app.planning import questions, service, slots
from app.planning.engine import OpenEngine
from app.planning.question_schemas import (
    DifferenceOut,
    OrderPlanOut,
    PlannedVisitOut,
    SlotOut,
    SlotsIn,
    SlotsOut,
    WhyOut,
)
from app.planning.schemas import (
    PlanningRunIn,
    PlanningRunOut,
    ReasonOut,
    RunSummaryOut,
)
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import CursorParam, Limit, Page, decode_cursor, encode_cursor, problem_responses

router = APIRouter(tags=["planning"], route_class=TransactionalRoute)
priced = APIRouter()
"""Routes that ask roads or price plans: no transaction is open meanwhile."""


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _engine(request: Request) -> OpenEngine:
    opened: OpenEngine = request.app.state.engine.opened
    return opened


Data = Annotated[Database, Depends(_database)]
Roads = Annotated[OpenEngine, Depends(_engine)]
Reader = Annotated[Principal, allow(P.PLANNING_READ)]
BriefReader = Annotated[Principal, allow_briefly(P.PLANNING_READ)]


@router.post("/planning-runs", status_code=202, responses=problem_responses(404, 409))
async def create_planning_run(
    body: PlanningRunIn,
    principal: Annotated[Principal, allow_once(P.PLANNING_RUN)],
    session: Session,
) -> RunSummaryOut:
    """Plan a station and all below it, or ask what a plan would be; follow the run by its id."""
    run = await service.request_run(
        session,
        principal,
        station_id=body.station_id,
        horizon_s=body.horizon_s,
        seconds=body.seconds,
        publish=body.publish,
        changes=body.changes.stored() if body.changes else None,
    )
    return RunSummaryOut.of(run)


@router.get("/planning-runs", responses=problem_responses(404))
async def list_planning_runs(
    principal: Reader,
    session: Session,
    station_id: UUID | None = None,
    cursor: CursorParam = None,
    limit: Limit = 50,
) -> Page[RunSummaryOut]:
    """Runs in your scope, newest first; a station includes all below it."""
    found = await service.runs(
        session,
        principal,
        station_id=station_id,
        before=_uuid(decode_cursor(cursor, 1)[0]) if cursor else None,
        limit=limit + 1,
    )
    more = len(found) > limit
    return Page(
        items=[RunSummaryOut.of(run) for run in found[:limit]],
        next_cursor=encode_cursor(found[limit - 1].id) if more else None,
    )


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise InvalidInput("the cursor is not one of ours") from error


@router.get("/planning-runs/{run_id}", responses=problem_responses(404))
async def get_planning_run(run_id: UUID, principal: Reader, session: Session) -> PlanningRunOut:
    """Progress, routes with arrival times, price per term, and why orders stayed out."""
    run = await service.run_of(session, principal, run_id)
    return PlanningRunOut.of(run)


@priced.get("/planning-runs/{run_id}/compare", responses=problem_responses(404, 409))
async def compare_planning_runs(
    run_id: UUID,
    principal: BriefReader,
    database: Data,
    other: Annotated[UUID, Query(alias="with")],
) -> DifferenceOut:
    """What changes from this run's plan to the other's: what moved, why, and what it saves."""
    found = await questions.difference(database, principal, run_id, other)
    return DifferenceOut.model_validate(found)


@priced.get("/work-orders/{order_id}/plan", responses=problem_responses(404))
async def get_order_plan(order_id: UUID, principal: BriefReader, database: Data) -> OrderPlanOut:
    """The order's planned visit and why this crew, or the coded reasons why it has none."""
    (order, visit, unplanned), why = await questions.order_plan(database, principal, order_id)
    by = visit or unplanned
    return OrderPlanOut(
        order_id=order.id,
        state=order.state,
        visit=PlannedVisitOut.of(visit) if visit else None,
        run_id=by.run_id if by else None,
        reasons=[ReasonOut.model_validate(each) for each in unplanned.reasons] if unplanned else [],
        why=WhyOut.model_validate(why) if why else None,
    )


@priced.post("/work-orders/slots", responses=problem_responses(404, 409))
async def offer_slots(
    body: SlotsIn,
    principal: Annotated[Principal, allow_briefly(P.ORDERS_CREATE)],
    database: Data,
    engine: Roads,
) -> SlotsOut:
    """Appointment slots by what they cost the present plan, while the caller is on the line.

    Nothing is reserved or written: take the order with the chosen slot as its `appointment`.
    """
    question = slots.Question(
        fault_code=body.fault_code,
        premises_id=body.premises_id,
        place=body.place.wgs84() if body.place else None,
        first=body.from_day,
        last=body.to_day,
        windows=[(each.starts_at, each.ends_at) for each in body.candidates],
    )
    offer = await slots.offered(database, engine, principal, question)
    return SlotsOut(
        station_id=offer.station_id,
        priced_at=offer.at,
        graph_version=offer.graph_version,
        slots=[SlotOut.model_validate(each) for each in offer.slots],
    )


router.include_router(priced)
