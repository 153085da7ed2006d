"""Planning runs over HTTP, and where an order stands in the plan."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.planning import service
from app.planning.schemas import (
    OrderPlanOut,
    PlannedVisitOut,
    PlanningRunIn,
    PlanningRunOut,
    ReasonOut,
    RunSummaryOut,
)
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import CursorParam, Limit, Page, decode_cursor, encode_cursor, problem_responses

router = APIRouter(tags=["planning"], route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.PLANNING_READ)]


@router.post("/planning-runs", status_code=202, responses=problem_responses(404, 409))
async def create_planning_run(
    body: PlanningRunIn,
    principal: Annotated[Principal, allow_once(P.PLANNING_RUN)],
    session: Session,
) -> RunSummaryOut:
    """Plan a station and all below it; follow the run by its id."""
    run = await service.request_run(
        session,
        principal,
        station_id=body.station_id,
        horizon_s=body.horizon_s,
        seconds=body.seconds,
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


@router.get("/work-orders/{order_id}/plan", responses=problem_responses(404))
async def get_order_plan(order_id: UUID, principal: Reader, session: Session) -> OrderPlanOut:
    """The order's planned visit, or the coded reasons why it has none."""
    order, visit, unplanned = await service.plan_of(session, principal, order_id)
    by = visit or unplanned
    return OrderPlanOut(
        order_id=order.id,
        state=order.state,
        visit=PlannedVisitOut.of(visit) if visit else None,
        run_id=by.run_id if by else None,
        reasons=[ReasonOut.model_validate(each) for each in unplanned.reasons] if unplanned else [],
    )
