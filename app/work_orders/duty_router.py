"""Routes for supervision, and for the replies that urges and supervisions are owed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import Limit, Page, problem_responses
from app.work_orders import duties, repository, service
from app.work_orders.bodies import ReplyIn, SuperviseIn
from app.work_orders.schemas import ReplyDutyOut

router = APIRouter(tags=["urging and supervision"], route_class=TransactionalRoute)


@router.post(
    "/work-orders/{order_id}/supervise", status_code=201, responses=problem_responses(404, 409)
)
async def supervise_work_order(
    order_id: UUID,
    body: SuperviseIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_SUPERVISE)],
    session: Session,
) -> ReplyDutyOut:
    """Put an order under supervision; it ends only with a reply."""
    order = await service.locked(session, principal, P.ORDERS_SUPERVISE, order_id)
    duty = await duties.supervise(session, principal, order, body.level, body.reason)
    return ReplyDutyOut.of(duty, order)


@router.get("/reply-duties")
async def list_reply_duties(
    principal: Annotated[Principal, allow(P.ORDERS_APPROVE)],
    session: Session,
    open_only: bool = True,
    order_id: UUID | None = None,
    level: Annotated[int | None, Query(ge=0, le=3)] = None,
    limit: Limit = 100,
) -> Page[ReplyDutyOut]:
    """Urges and supervisions in your scope, the one that is due first before the rest."""
    rows = await repository.reply_duties(
        session, principal, open_only=open_only, order_id=order_id, level=level, limit=limit
    )
    return Page(items=[ReplyDutyOut.of(duty, order) for duty, order in rows])


@router.post("/reply-duties/{duty_id}/answer", responses=problem_responses(404, 409))
async def answer_reply_duty(
    duty_id: UUID,
    body: ReplyIn,
    principal: Annotated[Principal, allow_once(P.ORDERS_APPROVE)],
    session: Session,
) -> ReplyDutyOut:
    """Give the reply; the level says whose post it is."""
    return ReplyDutyOut.of(*await duties.answer(session, principal, duty_id, body.reply))
