"""What station chiefs and dispatchers read and decide about phones, over HTTP."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.mobile import conflicts, flags, resolution, rules
from app.mobile.desk_schemas import (
    ConflictOut,
    FlagOut,
    ResolutionIn,
    RuleIn,
    RuleOut,
    SeenIn,
)
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import (
    CursorParam,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    problem_responses,
)

router = APIRouter(tags=["phones"], route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.ORDERS_DISPATCH)]
Decider = Annotated[Principal, allow_once(P.ORDERS_DISPATCH)]


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    at, row_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(at).astimezone(UTC), UUID(row_id)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInput("the cursor is not one of ours") from error


@router.get("/phone-conflicts")
async def list_phone_conflicts(
    principal: Reader,
    session: Session,
    open_: Annotated[
        bool | None, Query(alias="open", description="true: undecided; false: decided.")
    ] = None,
    cursor: CursorParam = None,
    limit: Limit = 50,
) -> Page[ConflictOut]:
    """Acts of technicians that the state did not allow any more, newest first."""
    found = await conflicts.listed(
        session, conflicts.in_scope(principal), open_=open_, after=_place(cursor), limit=limit
    )
    last = found[-1].conflict if len(found) == limit else None
    return Page(
        items=[ConflictOut.of(each) for each in found],
        next_cursor=encode_cursor(last.raised_at.isoformat(), last.id) if last else None,
    )


@router.get("/phone-conflicts/{conflict_id}", responses=problem_responses(404))
async def get_phone_conflict(principal: Reader, session: Session, conflict_id: UUID) -> ConflictOut:
    """One conflict: what was said, what stands, and what was decided."""
    return ConflictOut.of(await conflicts.one(session, conflict_id, conflicts.in_scope(principal)))


@router.post(
    "/phone-conflicts/{conflict_id}/resolution",
    responses=problem_responses(404, 409),
)
async def resolve_phone_conflict(
    principal: Decider, session: Session, conflict_id: UUID, body: ResolutionIn
) -> ConflictOut:
    """Apply the act after all, keep what stands, or let fields of it join the record."""
    decided = await resolution.resolve(
        session, principal, conflict_id, body.resolution, list(body.fields), body.note
    )
    return ConflictOut.of(decided)


@router.get("/phone-flags")
async def list_phone_flags(
    principal: Reader,
    session: Session,
    seen: Annotated[bool | None, Query(description="Looked at already, or not yet.")] = None,
    order_id: UUID | None = None,
    cursor: CursorParam = None,
    limit: Limit = 50,
) -> Page[FlagOut]:
    """Doubts about time, place and order of what phones said, newest first."""
    found = await flags.listed(
        session, principal, seen=seen, order_id=order_id, after=_place(cursor), limit=limit
    )
    last = found[-1].flag if len(found) == limit else None
    return Page(
        items=[FlagOut.of(each) for each in found],
        next_cursor=encode_cursor(last.raised_at.isoformat(), last.id) if last else None,
    )


@router.post("/phone-flags/{flag_id}/seen", responses=problem_responses(404, 409))
async def see_phone_flag(
    principal: Decider, session: Session, flag_id: UUID, body: SeenIn
) -> FlagOut:
    """Somebody has looked at it; the first look counts."""
    return FlagOut.of(await flags.look_at(session, principal, flag_id, body.note))


@router.get("/phone-rules")
async def list_phone_rules(
    _principal: Annotated[Principal, allow(P.ORGANISATION_READ)], session: Session
) -> list[RuleOut]:
    """The company's numbers about phones: geofences, clocks, reminders."""
    return [RuleOut.model_validate(each) for each in await rules.listed(session)]


@router.put("/phone-rules/{name}", responses=problem_responses(404, 409))
async def change_phone_rule(
    principal: Annotated[Principal, allow_once(P.ORGANISATION_WRITE)],
    session: Session,
    name: str,
    body: RuleIn,
) -> RuleOut:
    """Set one number from now on; phones hear of it with their next sync."""
    return RuleOut.model_validate(
        await rules.change(session, principal, name, body.value, body.reason)
    )
