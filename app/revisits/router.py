"""Recording and reading call-backs over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.revisits import service
from app.revisits.schemas import RevisitIn, RevisitOut, RevisitRecordedOut
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(
    prefix="/work-orders/{order_id}/revisits", tags=["revisits"], route_class=TransactionalRoute
)


@router.post("", status_code=201, responses=problem_responses(404, 409))
async def record_revisit(
    order_id: UUID,
    body: RevisitIn,
    principal: Annotated[Principal, allow_once(P.REVISITS_RECORD)],
    session: Session,
) -> RevisitRecordedOut:
    """Record a call-back: solved closes the order, unsolved opens its rework.

    Three attempts without an answer close it as unreached.
    """
    revisit, order = await service.record(session, principal, order_id, body.call())
    return RevisitRecordedOut.recorded(revisit, order)


@router.get("", responses=problem_responses(404))
async def list_revisits(
    order_id: UUID, principal: Annotated[Principal, allow(P.ORDERS_READ)], session: Session
) -> list[RevisitOut]:
    """Every attempt to call back about this order, first to last."""
    order, revisits = await service.of_order(session, principal, order_id)
    return [RevisitOut.of(revisit, order, principal) for revisit in revisits]
