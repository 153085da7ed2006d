"""Reading pay over HTTP."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from app.core.i18n import Language, preferred
from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.core.texts import Code
from app.identity.access import allow
from app.payouts import exports, service
from app.payouts.card_router import router as cards
from app.payouts.fair_router import router as fair_play
from app.payouts.month_router import router as months
from app.payouts.months import state
from app.payouts.schemas import RateCardOut, StatementOut, SummaryOut
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import CursorParam, Page, decode_cursor, encode_cursor, problem_responses

router = APIRouter(prefix="/payouts", tags=["payouts"], route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.PAYOUTS_READ)]
Month = Annotated[
    str, Query(pattern=r"^20\d{2}-(0[1-9]|1[0-2])$", description="Local month, `2026-01`.")
]
Unit = Annotated[Code | None, Query(description="Only what was earned under this unit.")]
People = Annotated[int, Query(ge=1, le=50, description="Technicians per page.")]
AcceptLanguage = Annotated[
    str | None, Header(alias="Accept-Language", max_length=200, description="zh or en.")
]


@router.get("/statements", responses=problem_responses(404))
async def list_statements(
    month: Month,
    principal: Reader,
    session: Session,
    technician_id: UUID | None = None,
    settlement_unit: Unit = None,
    cursor: CursorParam = None,
    limit: People = 20,
    accept_language: AcceptLanguage = None,
) -> Page[StatementOut]:
    """Statements of a month: your own, your stations', or everybody's, by technician.

    Each line names its order, rule, rate card and inputs; the sums are exactly the lines'.
    """
    found = await service.statements(
        session,
        principal,
        month,
        technician_id=technician_id,
        settlement_unit=settlement_unit,
        after=_uuid(decode_cursor(cursor, 1)[0]) if cursor else None,
        limit=limit + 1,
    )
    language: Language = preferred(accept_language) if accept_language else principal.language
    return Page(
        items=[StatementOut.of(each, month, language) for each in found[:limit]],
        next_cursor=encode_cursor(found[limit - 1].technician.id) if len(found) > limit else None,
    )


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise InvalidInput("the cursor is not one of ours") from error


@router.get("/summary")
async def get_pay_summary(
    month: Month, principal: Reader, session: Session, settlement_unit: Unit = None
) -> SummaryOut:
    """What the month's statements in your scope add up to, in all and per station."""
    return SummaryOut.of(await service.summary(session, principal, month, settlement_unit), month)


@router.get("/rate-cards")
async def list_rate_cards(_principal: Reader, session: Session) -> list[RateCardOut]:
    """Every rate card, oldest first; `current` marks the one in force today."""
    cards = await service.rate_cards(session)
    return [RateCardOut.of(card, current=current) for card, current in cards]


async def _everybody(
    session: Session, principal: Principal, month: str, technician_id: UUID | None
) -> list[service.Statement]:
    """Every statement in scope, page by page."""
    found: list[service.Statement] = []
    while True:
        after = found[-1].technician.id if found else None
        page = await service.statements(
            session, principal, month, technician_id=technician_id, after=after, limit=200
        )
        found += page
        if technician_id is not None or len(page) < 200:
            return sorted(found, key=lambda each: each.technician.employee_no)


@router.get(
    "/statements.xlsx",
    responses=problem_responses(404) | {200: {"content": {exports.XLSX: {}}}},
    response_class=Response,
)
async def download_statements(
    month: Month,
    principal: Reader,
    session: Session,
    technician_id: UUID | None = None,
    accept_language: AcceptLanguage = None,
) -> Response:
    """The statements of a month as a workbook, a sheet per technician in your scope."""
    language: Language = preferred(accept_language) if accept_language else principal.language
    found = await _everybody(session, principal, month, technician_id)
    content = await asyncio.to_thread(exports.workbook, found, month, language)
    return Response(content, media_type=exports.XLSX, headers=_named(f"statements-{month}.xlsx"))


@router.get("/payroll.csv", responses={200: {"content": {"text/csv": {}}}}, response_class=Response)
async def download_payroll(month: Month, principal: Reader, session: Session) -> Response:
    """What everybody in your scope is to be paid for a month, per settlement unit; where the month
    stands is in each line."""
    standing, _ = await state(session, month)
    text = exports.payroll(await _everybody(session, principal, month, None), month, standing)
    # The mark at the beginning lets spreadsheets see that it is UTF-8.
    content = text.encode("utf-8-sig")
    return Response(content, media_type="text/csv", headers=_named(f"payroll-{month}.csv"))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


router.include_router(cards)
router.include_router(months)
router.include_router(fair_play)
