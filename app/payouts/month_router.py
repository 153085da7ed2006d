"""Closing a month over HTTP, and the decisions that go with it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.payouts import appeals, decisions, months, questions
from app.payouts.month_schemas import (
    ActIn,
    ActOut,
    AdjustmentIn,
    AdjustmentOut,
    AnswerIn,
    AppealIn,
    AppealOut,
    CompanyDecisionIn,
    DecisionIn,
    FindingIn,
    FindingOut,
    MonthOut,
    QuestionOut,
    QuestionVerdictIn,
)
from app.payouts.schemas import Month
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.PAYOUTS_READ)]
Decider = Annotated[Principal, allow_once(P.PAYOUTS_DECIDE)]
EntryId = Annotated[int, Path(ge=1, le=2**62)]


@router.get("/months/{month}")
async def get_pay_month(month: Month, principal: Reader, session: Session) -> MonthOut:
    """Where a month stands, and who took which step when.

    The totals are the company's: they are empty for whoever reads less than all of its pay.
    """
    state, acts = await months.state(session, month)
    shown = [ActOut.model_validate(each) for each in acts]
    if principal.stations(P.PAYOUTS_READ) is not None:
        shown = [each.model_copy(update={"totals": {}}) for each in shown]
    return MonthOut(month=month, state=state, acts=shown)


@router.post("/months/{month}/acts", status_code=201, responses=problem_responses(409))
async def advance_pay_month(
    month: Month,
    body: ActIn,
    principal: Annotated[Principal, allow_once(P.PAYOUTS_CLOSE)],
    session: Session,
) -> ActOut:
    """Draft, publish, lock or settle a month that is over, for the whole company.

    Published, it takes only what its appeals decide; locked, nothing: what is undecided and what
    deductions may not take yet has moved on to the next month.
    """
    return ActOut.model_validate(await months.act(session, principal, month, body.act))


@router.get("/months/{month}/questions")
async def list_pay_questions(
    month: Month, principal: Annotated[Principal, allow(P.PAYOUTS_DECIDE)], session: Session
) -> list[QuestionOut]:
    """What the drafts found unusual at your stations; a person looks, nothing is cut."""
    found = await questions.listed(session, principal, month)
    return [QuestionOut.model_validate(each) for each in found]


@router.post(
    "/questions/{question_id}/verdict", status_code=201, responses=problem_responses(404, 409)
)
async def decide_pay_question(
    question_id: UUID, body: QuestionVerdictIn, principal: Decider, session: Session
) -> QuestionOut:
    """Say that it is in order, or that it is followed up."""
    found = await questions.decide(session, principal, question_id, body.verdict, body.reason)
    return QuestionOut.model_validate(found)


@router.post("/findings", status_code=201, responses=problem_responses(404, 409))
async def deduct_from_pay(
    body: FindingIn,
    principal: Annotated[Principal, allow_once(P.REVIEWS_DECIDE)],
    session: Session,
) -> FindingOut:
    """Attribute a deduction to a person, with reasons; never to oneself or on own work."""
    finding, entry = await decisions.find_against(
        session, principal, body.order_id, body.technician_id, body.kind, body.reason
    )
    posted = {"entry_id": entry.id, "points": entry.points, "amount_minor": entry.amount_minor}
    return FindingOut.model_validate(finding.model_dump() | posted)


@router.post("/adjustments", status_code=201, responses=problem_responses(404, 409))
async def propose_pay_adjustment(
    body: AdjustmentIn, principal: Decider, session: Session
) -> AdjustmentOut:
    """Ask for a correction; it is paid when somebody else approves it."""
    row = await decisions.propose_adjustment(
        session, principal, body.order_id, body.technician_id, body.points, body.reason
    )
    return AdjustmentOut.model_validate(row)


@router.post(
    "/adjustments/{adjustment_id}/decision", status_code=201, responses=problem_responses(404, 409)
)
async def decide_pay_adjustment(
    adjustment_id: UUID, body: DecisionIn, principal: Decider, session: Session
) -> AdjustmentOut:
    """Approve or refuse what another person asked for."""
    row, entry = await decisions.decide_adjustment(
        session, principal, adjustment_id, body.approved, body.reason
    )
    said: dict[str, Any] = {"entry_id": entry.id if entry else None}
    return AdjustmentOut.model_validate(row.model_dump() | said)


@router.post("/entries/{entry_id}/appeal", status_code=201, responses=problem_responses(404, 409))
async def appeal_pay_entry(
    entry_id: EntryId,
    body: AppealIn,
    principal: Annotated[Principal, allow_once(P.PAYOUTS_APPEAL)],
    session: Session,
) -> AppealOut:
    """Contest an own line while its month is published."""
    found = await appeals.raise_appeal(session, principal, entry_id, body.reason)
    return AppealOut.model_validate(found)


@router.get("/appeals")
async def list_pay_appeals(month: Month, principal: Reader, session: Session) -> list[AppealOut]:
    """Appeals of a month at your stations, or your own."""
    found = await appeals.listed(session, principal, month)
    return [AppealOut.model_validate(each) for each in found]


@router.post("/appeals/{appeal_id}/answer", status_code=201, responses=problem_responses(404, 409))
async def answer_pay_appeal(
    appeal_id: UUID, body: AnswerIn, principal: Decider, session: Session
) -> AppealOut:
    """The station's answer."""
    found = await appeals.answer(
        session, principal, appeal_id, body.verdict, body.reason, body.points
    )
    return AppealOut.model_validate(found)


@router.post(
    "/appeals/{appeal_id}/decision", status_code=201, responses=problem_responses(404, 409)
)
async def decide_pay_appeal(
    appeal_id: UUID, body: CompanyDecisionIn, principal: Decider, session: Session
) -> AppealOut:
    """The company's decision, by another person than answered for the station."""
    appeal, entry = await appeals.decide(
        session, principal, appeal_id, body.verdict, body.reason, body.points
    )
    return AppealOut.model_validate(appeal.model_dump() | {"posted": entry.id if entry else None})
