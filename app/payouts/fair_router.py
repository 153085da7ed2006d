"""Fair-play figures over HTTP, for chiefs and managers."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow
from app.payouts import fair_play
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import Out

router = APIRouter(route_class=TransactionalRoute)
_Month = Annotated[
    str, Query(pattern=r"^20\d{2}-(0[1-9]|1[0-2])$", description="Local month, `2026-11`.")
]


class PersonFiguresOut(Out):
    """One technician next to their pay; nothing here cuts it."""

    technician_id: UUID
    employee_no: str
    name: str
    station_id: UUID
    points: Decimal
    """All lines of these months, deductions included."""
    amount_minor: int
    accepted: int
    """Orders that this person accepted for the crew."""
    refused: int
    refused_share: Decimal | None
    """Refused, of those accepted or refused."""
    released: int
    """Given back after accepting (退单)."""
    orders: int
    """Paid orders with an arrival and a completion."""
    hard_orders: int
    """Of these, those whose difficulty paid more than the usual."""
    hard_share: Decimal | None
    worked_minutes: int
    """From arrival to completion, each order by itself."""
    cherry_picking: Decimal | None
    """Own points per minute of such work, divided by those of the whole station: 1 is like the
    others, more is work that pays better for its time."""


class AreaLoadOut(Out):
    """How much work an area has for its people."""

    station_id: UUID
    code: str
    orders: int
    """Reported in these months."""
    technicians: int
    """Who worked or has pay there."""
    orders_each: Decimal | None


class FairPlayOut(Out):
    """Months, people and areas; `closed` says that the whole span is settled (season close)."""

    months: dict[str, Literal["open", "draft", "published", "locked", "settled"]]
    closed: bool
    people: list[PersonFiguresOut]
    areas: list[AreaLoadOut]


@router.get("/fair-play")
async def get_fair_play(
    since: _Month,
    until: _Month,
    principal: Annotated[Principal, allow(P.PAYOUTS_DECIDE)],
    session: Session,
) -> FairPlayOut:
    """Refusals, releases, cherry-picking, hard jobs and load next to pay, at your stations.

    `since` and `until` are both included, up to twelve months: a month, or a heating season.
    """
    return FairPlayOut.model_validate(await fair_play.read(session, principal, since, until))
