"""Webhooks over HTTP: register, look, replay."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.identity.shown_once import ShownOnceRoute, show_once
from app.web.transactions import Session
from app.web.wire import Limit, problem_responses
from app.webhooks import service
from app.webhooks.models import WebhookEndpoint
from app.webhooks.schemas import (
    ReplayIn,
    ReplayOut,
    WebhookDeliveryOut,
    WebhookIn,
    WebhookMade,
    WebhookOut,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=ShownOnceRoute)
Reader = Annotated[Principal, allow(P.WEBHOOKS_WRITE)]
Writer = Annotated[Principal, allow_once(P.WEBHOOKS_WRITE)]


@router.post("", status_code=201, responses=problem_responses(404))
async def create_webhook(
    request: Request, principal: Writer, session: Session, body: WebhookIn
) -> WebhookMade:
    """Tell this URL from now on; the answer shows its secret, once."""
    made = await service.register(session, principal, **body.model_dump())
    show_once(request, secret=made.secret)
    return WebhookMade.model_validate({**made.model_dump(), "secret": None})


@router.get("", response_model=list[WebhookOut])
async def list_webhooks(principal: Reader, session: Session) -> list[WebhookEndpoint]:
    """All endpoints, the newest first."""
    return await service.endpoints(session, principal)


@router.delete("/{endpoint_id}", response_model=WebhookOut, responses=problem_responses(404))
async def delete_webhook(principal: Writer, session: Session, endpoint_id: UUID) -> WebhookEndpoint:
    """Tell it nothing more; its log stays."""
    return await service.disable(session, principal, endpoint_id)


@router.get(
    "/{endpoint_id}/deliveries",
    response_model=list[WebhookDeliveryOut],
    responses=problem_responses(404),
)
async def list_webhook_deliveries(
    principal: Reader,
    session: Session,
    endpoint_id: UUID,
    state: Annotated[Literal["queued", "sending", "delivered", "failed"] | None, Query()] = None,
    limit: Limit = 50,
) -> list[dict[str, Any]]:
    """The newest deliveries, with every request and its answer."""
    return await service.log(session, principal, endpoint_id, state, limit)


@router.post("/{endpoint_id}/replay", responses=problem_responses(404))
async def replay_webhook(
    principal: Writer, session: Session, endpoint_id: UUID, body: ReplayIn
) -> ReplayOut:
    """Tell again all since an instant, under the same ids; receivers know duplicates by them."""
    return ReplayOut(messages=await service.replay(session, principal, endpoint_id, body.since))
