"""Routes around customers' text messages: public ones behind a link, and the agent's."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlmodel import col, select

from app.core.permissions import Permission as P
from app.core.problems import NotFound
from app.core.scope import Principal
from app.core.texts import Phone
from app.customers import consents
from app.identity.access import allow, allow_once
from app.notifications import customer_visits
from app.notifications.customer_limits import PublicLimits
from app.notifications.customer_models import CustomerMessage
from app.notifications.customer_schemas import (
    ConsentIn,
    ConsentOut,
    CustomerMessageOut,
    RatingIn,
    VisitOut,
)
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses
from app.work_orders import service as work_orders

router = APIRouter(tags=["customers' messages"], route_class=TransactionalRoute)


def _guarded(
    request: Request,
    response: Response,
    link: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{44}$", description="From the message.")],
) -> str:
    """The link, counted; nothing that a proxy or a browser may keep."""
    limits: PublicLimits = request.app.state.public_limits
    limits.spend(request.client.host if request.client else "unknown", link)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return link


Link = Annotated[str, Depends(_guarded)]


@router.get("/public/visits/{link}", responses=problem_responses(404, 410, 429))
async def get_public_visit(link: Link, session: Session) -> VisitOut:
    """Who comes and when, without a sign-in; ends with the visit, or when another crew comes."""
    return VisitOut.model_validate(await customer_visits.visit(session, link))


@router.post(
    "/public/visits/{link}/opt-out", status_code=204, responses=problem_responses(404, 410, 429)
)
async def opt_out_of_messages(link: Link, session: Session) -> None:
    """Send nothing more to the number that this link, of a visit or a rating, went to."""
    await customer_visits.want_no_messages(session, link)


@router.post("/public/ratings/{link}", status_code=204, responses=problem_responses(404, 410, 429))
async def rate_service(link: Link, body: RatingIn, session: Session) -> None:
    """Close the order with a rating, or say that the trouble stays, so that somebody calls."""
    await customer_visits.rate(
        session, link, solved=body.solved, rating=body.rating, comment=body.comment or None
    )


@router.get("/message-consents/{phone}", responses=problem_responses(404))
async def get_message_consent(
    phone: Phone, _principal: Annotated[Principal, allow(P.CUSTOMERS_WRITE)], session: Session
) -> ConsentOut:
    """What was last said about text messages to this number."""
    said = await consents.said_of(session, phone)
    if said is None:
        raise NotFound()
    return ConsentOut.model_validate(said)


@router.put("/message-consents")
async def put_message_consent(
    body: ConsentIn,
    principal: Annotated[Principal, allow_once(P.CUSTOMERS_WRITE)],
    session: Session,
) -> ConsentOut:
    """Keep what the holder of the number said, on the phone or on a form."""
    said = await consents.say(
        session, body.phone, allowed=body.allowed, how=body.how, recorded_by=principal.id
    )
    return ConsentOut.model_validate(said)


@router.get("/work-orders/{order_id}/messages", responses=problem_responses(404))
async def list_customer_messages(
    order_id: UUID,
    principal: Annotated[Principal, allow(P.CUSTOMERS_READ)],
    session: Session,
) -> list[CustomerMessageOut]:
    """What the customer of this order was told, first to last."""
    order = await work_orders.visible(session, principal, order_id)
    statement = (
        select(CustomerMessage)
        .where(CustomerMessage.order_id == order.id)
        .order_by(col(CustomerMessage.created_at), col(CustomerMessage.id))
    )
    return [CustomerMessageOut.model_validate(row) for row in await session.scalars(statement)]
