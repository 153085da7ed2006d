"""Bringing a rate card into force over HTTP, and trying it on an old month first."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.core.texts import Printable
from app.identity.access import allow, allow_once
from app.payouts import cards
from app.payouts.drafts import Worth
from app.payouts.schemas import Month, RateCardOut
from app.payouts.simulation import Simulation, simulate
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import Body, Out, problem_responses

router = APIRouter(prefix="/rate-cards", route_class=TransactionalRoute)
Toml = Annotated[str, Field(max_length=200_000, min_length=1), Printable]


class RateCardIn(Body):
    """A card as TOML text; `paigong payouts print-card` shows the shipped one to begin with."""

    model_config = Body.model_config | {"str_max_length": 200_000}

    toml: Toml


class SimulationIn(RateCardIn):
    """A card, which need not be in force, and a past month."""

    month: Month


class WorthOut(Out):
    """Points and fen."""

    points: Decimal
    amount_minor: int

    @classmethod
    def of(cls, worth: Worth) -> Self:
        return cls(points=worth.points, amount_minor=worth.amount_minor)


class ComparedOut(Out):
    """One technician's month as it is and as the card would pay it."""

    technician_id: UUID
    employee_no: str
    name: str
    before: WorthOut
    after: WorthOut


class SimulationOut(Out):
    """Earnings, bonuses and deductions anew; what people decided otherwise stays as it was."""

    month: str
    card: str
    effective_from: date
    entries: int
    before: WorthOut
    after: WorthOut
    technicians: list[ComparedOut]

    @classmethod
    def of(cls, found: Simulation, month: str, card: str, starts: date) -> Self:
        return cls(
            month=month,
            card=card,
            effective_from=starts,
            entries=found.entries,
            before=WorthOut.of(found.before),
            after=WorthOut.of(found.after),
            technicians=[
                ComparedOut(
                    technician_id=each.technician.id,
                    employee_no=each.technician.employee_no,
                    name=each.technician.name,
                    before=WorthOut.of(each.before),
                    after=WorthOut.of(each.after),
                )
                for each in found.people
            ],
        )


@router.post("", status_code=201)
async def import_rate_card(
    body: RateCardIn,
    principal: Annotated[Principal, allow_once(P.RATE_CARDS_WRITE)],
    session: Session,
) -> RateCardOut:
    """Add a dated card; the open-ended one before it ends where this one begins.

    Days that another card has paid for already are refused.
    """
    cards.require_company(principal)
    card = await cards.import_card(session, body.toml, principal)
    return RateCardOut.of(card, current=False)


@router.post("/simulation", responses=problem_responses(409))
async def simulate_rate_card(
    body: SimulationIn,
    principal: Annotated[Principal, allow(P.RATE_CARDS_WRITE)],
    session: Session,
) -> SimulationOut:
    """Pay a past month by a card that need not be in force; nothing is written."""
    cards.require_company(principal)
    card = cards.read_card(body.toml)
    found = await simulate(session, card, body.month)
    return SimulationOut.of(found, body.month, card.name, card.effective_from)
