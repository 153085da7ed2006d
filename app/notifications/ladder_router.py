"""Ladders over HTTP: the rules, who is on call, what nobody answered, and the figures."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from app.core import clock
from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.core.times import Moment
from app.identity.access import allow, allow_once
from app.identity.models import User
from app.notifications import figures, ladders, on_call, unheard
from app.notifications.ladder_models import Ladder
from app.notifications.ladder_schemas import (
    AlarmReplyIn,
    AlarmReplyOut,
    DeliveryOut,
    LadderOut,
    OnCallIn,
    OnCallOut,
    UnheardOut,
)
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

DEFAULT_SPAN = timedelta(days=7)

router = APIRouter(prefix="/notifications", tags=["notifications"], route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.NOTIFICATIONS_READ)]


@router.get("/ladders", response_model=list[LadderOut])
async def list_ladders(_: Reader, session: Session) -> list[Ladder]:
    """The ladders in force now."""
    return await ladders.in_force(session, clock.now())


@router.get("/unheard", response_model=list[UnheardOut])
async def list_unheard(principal: Reader, session: Session) -> list[dict[str, Any]]:
    """Jobs whose whole ladder went by without an answer: somebody must ring or send another."""
    return await unheard.unheard(session, principal)


@router.post(
    "/unheard/{alarm_id}/replies",
    status_code=201,
    response_model=AlarmReplyOut,
    responses=problem_responses(404, 409),
)
async def reply_to_unheard(
    principal: Annotated[Principal, allow_once(P.ORDERS_DISPATCH)],
    session: Session,
    alarm_id: UUID,
    body: AlarmReplyIn,
) -> dict[str, Any]:
    """Say by name that somebody looks after a red job, or why it is settled."""
    return await unheard.reply(session, principal, alarm_id, body.kind, body.reason)


@router.get("/delivery", response_model=DeliveryOut)
async def read_delivery(
    principal: Reader,
    session: Session,
    since: Annotated[Moment | None, Query(description="Default: 7 days before `until`.")] = None,
    until: Annotated[Moment | None, Query(description="Default: now.")] = None,
) -> dict[str, Any]:
    """Every attempt by provider, brand of phone and version of the app, and how ladders went."""
    end = until or clock.now() + timedelta(seconds=1)
    start = since or end - DEFAULT_SPAN
    if start >= end:
        raise InvalidInput("since must be before until")
    return await figures.delivery(session, principal, start, end)


@router.get(
    "/on-call/{station_id}", response_model=list[OnCallOut], responses=problem_responses(404)
)
async def read_on_call(principal: Reader, session: Session, station_id: UUID) -> list[User]:
    """Who is called for the station when no crew answers; empty: its chiefs."""
    return await on_call.listed(session, principal, P.NOTIFICATIONS_READ, station_id)


@router.put(
    "/on-call/{station_id}", response_model=list[OnCallOut], responses=problem_responses(404)
)
async def put_on_call(
    principal: Annotated[Principal, allow_once(P.SHIFTS_WRITE)],
    session: Session,
    station_id: UUID,
    body: OnCallIn,
) -> list[User]:
    """Replace the station's list."""
    return await on_call.replace(session, principal, P.SHIFTS_WRITE, station_id, body.user_ids)
