"""Push over HTTP: a phone's address, and how pushes fared."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.core.times import Moment
from app.identity.access import allow, allow_once
from app.notifications import service
from app.notifications.models import PushAddress
from app.notifications.schemas import PushAddressIn, PushAddressOut, PushSummary
from app.notifications.service import Counts
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(tags=["notifications"], route_class=TransactionalRoute)


@router.put("/mobile/push-address", response_model=PushAddressOut, responses=problem_responses(409))
async def put_push_address(
    body: PushAddressIn, principal: Annotated[Principal, allow_once(P.PHONE)], session: Session
) -> PushAddress:
    """Wake this device here from now on; its earlier address at the provider is dropped."""
    return await service.register_address(
        session, principal, body.provider, body.kind, body.address
    )


@router.get("/notifications/summary", response_model=PushSummary)
async def read_push_summary(
    principal: Annotated[Principal, allow(P.NOTIFICATIONS_READ)],
    session: Session,
    since: Annotated[
        Moment | None, Query(description="Only messages created from then on.")
    ] = None,
) -> Counts:
    """Messages announced, sent, acknowledged, and addresses that died."""
    return await service.summary(session, principal, since)
