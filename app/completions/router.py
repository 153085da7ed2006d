"""Reading completion records, and deciding on them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.completions import arrivals, contributions, service
from app.completions.schemas import CompletionOut, ReviewIn, ReviewOut
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(tags=["completions"], route_class=TransactionalRoute)


@router.get("/work-orders/{order_id}/completions", responses=problem_responses(404))
async def list_completions(
    order_id: UUID, principal: Annotated[Principal, allow(P.EVIDENCE_READ)], session: Session
) -> list[CompletionOut]:
    """Every attempt to complete the order, first to last, each with its review.

    With it what the crew's other members noted, and how the arrival was shown.
    """
    found = await service.records(session, principal, order_id)
    noted = await contributions.of_order(session, order_id)
    arrival = await arrivals.last(session, order_id)
    return [CompletionOut.of(record, review, noted, arrival) for record, review in found]


@router.post(
    "/completions/{completion_id}/review", status_code=201, responses=problem_responses(404, 409)
)
async def review_completion(
    completion_id: UUID,
    body: ReviewIn,
    principal: Annotated[Principal, allow_once(P.REVIEWS_DECIDE)],
    session: Session,
) -> ReviewOut:
    """Pass the record, which asks for every file, or reject it with a reason for the crew."""
    judged = body.judgement.kept() if body.judgement else None
    review = await service.review(
        session, principal, completion_id, body.decision, body.reason, judged
    )
    return ReviewOut.model_validate(review)
