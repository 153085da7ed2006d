"""Reworks over HTTP: what is proposed, and why it was."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.core.texts import Line
from app.identity.access import allow, allow_once
from app.payouts import reworks
from app.revisits import cases
from app.revisits.models import ReworkCase
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import (
    Body,
    CursorParam,
    Limit,
    Out,
    Page,
    decode_cursor,
    encode_cursor,
    problem_responses,
)

router = APIRouter(prefix="/rework-cases", tags=["payouts"], route_class=TransactionalRoute)
Cause = Literal["workmanship", "part", "user", "network", "new_fault"]
Undecided = Annotated[bool, Query(description="Only those that wait for a decision.")]


class AttributionIn(Body):
    """Why the repair had to be repeated."""

    cause: Cause
    """Only workmanship takes back what the earlier repair paid."""
    reason: Annotated[Line, StringConstraints(min_length=4)]
    """The people it concerns read it."""


class ReworkCaseOut(Out):
    """An order that perhaps repeats another, and what was decided about it."""

    id: UUID
    original_id: UUID
    original_serial: str
    order_id: UUID
    serial: str
    found_by: Literal["callback", "report"]
    window_days: int
    """0 when the call-back itself found it."""
    proposed_at: datetime
    cause: Cause | None
    reason: str | None
    decided_by: UUID | None
    decided_at: datetime | None

    @classmethod
    def of(cls, case: ReworkCase, original: str, serial: str) -> Self:
        said = case.model_dump() | {"original_serial": original, "serial": serial}
        return cls.model_validate(said)


class AttributedOut(ReworkCaseOut):
    """The decision, and the lines of pay that it brought."""

    posted: list[int]
    """Ids of the new entries."""


@router.get("")
async def list_rework_cases(
    principal: Annotated[Principal, allow(P.REVIEWS_DECIDE)],
    session: Session,
    undecided: Undecided = False,
    cursor: CursorParam = None,
    limit: Limit = 50,
) -> Page[ReworkCaseOut]:
    """Proposed and decided reworks at your stations, oldest first."""
    after = _uuid(decode_cursor(cursor, 1)[0]) if cursor else None
    found = await cases.cases(session, principal, undecided=undecided, after=after, limit=limit + 1)
    more = len(found) > limit
    return Page(
        items=[ReworkCaseOut.of(*each) for each in found[:limit]],
        next_cursor=encode_cursor(found[limit - 1][0].id) if more else None,
    )


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise InvalidInput("the cursor is not one of ours") from error


@router.post("/{case_id}/attribution", status_code=201, responses=problem_responses(404, 409))
async def attribute_rework(
    case_id: UUID,
    body: AttributionIn,
    principal: Annotated[Principal, allow_once(P.REVIEWS_DECIDE)],
    session: Session,
) -> AttributedOut:
    """Say why, once; workmanship takes back what the original paid, in the open month."""
    case, posted = await reworks.attribute(session, principal, case_id, body.cause, body.reason)
    _, original, serial = await cases.one_case(session, principal, case.id)
    said = ReworkCaseOut.of(case, original, serial).model_dump()
    return AttributedOut(**said, posted=[each.id for each in posted if each.id is not None])
