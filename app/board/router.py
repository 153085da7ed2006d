"""Proof of service over HTTP."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.board import repository, service
from app.board.schemas import FigureOut, JudgeOut, RunOut, ServiceLevelsOut
from app.board.service import Question
from app.core.i18n import preferred
from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.identity.access import allow
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import CursorParam, Limit, Page, decode_cursor, encode_cursor, problem_responses

router = APIRouter(
    prefix="/service-levels", tags=["service levels"], route_class=TransactionalRoute
)
Reader = Annotated[Principal, allow(P.SERVICE_LEVELS_READ)]
Clock = Literal["K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "SAFE"]
Class = Literal["E1", "E2", "H3", "H4", "C5"]
Dimension = Literal["period", "station", "service_class"]
Day = Annotated[date | None, Query(ge=date(2000, 1, 1), le=date(2099, 12, 31))]
_EVERY: tuple[Dimension, ...] = ("period", "station", "service_class")


def _question(
    since: Day = None,
    until: Day = None,
    grain: Literal["day", "week", "month", "whole"] = "month",
    group_by: Annotated[list[Dimension], Query(max_length=3)] = list(_EVERY),  # noqa: B006 - FastAPI copies it
    station_id: UUID | None = None,
    service_class: Annotated[list[Class], Query(max_length=5)] = [],  # noqa: B006 - FastAPI copies it
    clock: Annotated[list[Clock], Query(max_length=9)] = [],  # noqa: B006 - FastAPI copies it
    profile: Annotated[
        str | None,
        Query(max_length=80, description="Judge by this profile's limits instead of the orders'."),
    ] = None,
) -> Question:
    return Question(since, until, grain, group_by, station_id, service_class, clock, profile)


Asked = Annotated[Question, Depends(_question)]


@router.get("", responses=problem_responses(404))
async def get_service_levels(
    principal: Reader, session: Session, question: Asked
) -> ServiceLevelsOut:
    """How well each clock was kept: mean, median, nine tenths, share within its limit.

    Of orders reported on these days of the company (the last thirty by default) in your scope; a
    station includes all below it. Net and gross, with every limit that the runs fall under.
    """
    asked, found = await service.figures(session, principal, question)
    first, last = question.days()
    return ServiceLevelsOut(
        since=first,
        until=last,
        profile=question.profile,
        judged_by=[JudgeOut.of(each) for each in await service.judges(session, question)],
        measured_at=asked.now,
        figures=[FigureOut.of(each) for each in found],
    )


_TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A table in UTF-8",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


@router.get("/export", response_class=Response, responses=_TABLE | problem_responses(404))
async def export_service_levels(
    request: Request, principal: Reader, session: Session, question: Asked
) -> Response:
    """The same figures as CSV, headed in the language that `Accept-Language` prefers."""
    _, found = await service.figures(session, principal, question)
    names = await repository.stations(session)
    language = preferred(request.headers.get("accept-language"))
    return Response(
        service.as_csv(found, names, language),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="service-levels.csv"'},
    )


@router.get("/runs", responses=problem_responses(404))
async def list_service_level_runs(
    principal: Reader,
    session: Session,
    question: Asked,
    late: bool | None = None,
    cursor: CursorParam = None,
    limit: Limit = 100,
) -> Page[RunOut]:
    """The orders behind a figure: one row per run of the one `clock` that the question names."""
    if len(question.clocks) != 1:
        raise InvalidInput("name one clock")
    asked = await service.asked_of(session, principal, question)
    after = _after(cursor) if cursor else None
    rows = await repository.runs(session, asked, late=late, after=after, limit=limit + 1)
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(
        items=[RunOut.of(row) for row in rows[:limit]],
        next_cursor=encode_cursor(last.order_id, last.span) if last is not None else None,
    )


def _after(cursor: str) -> tuple[str, int]:
    order_id, span = decode_cursor(cursor, 2)
    try:
        return str(UUID(str(order_id))), int(span) if 0 < int(span) < 2**31 else 0
    except (TypeError, ValueError) as error:
        raise InvalidInput("the cursor is not one of ours") from error
