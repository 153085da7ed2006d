"""The phone's positions."""

from typing import Annotated

from fastapi import APIRouter

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow
from app.organisation import positions
from app.organisation.errors import NoTechnician
from app.organisation.position_schemas import PositionsIn, PositionsOut, RefusedFixesOut
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(prefix="/mobile", route_class=TransactionalRoute)


@router.post("/positions", responses=problem_responses(409))
async def report_positions(
    principal: Annotated[Principal, allow(P.PHONE)], session: Session, body: PositionsIn
) -> PositionsOut:
    """Up to 500 fixes; kept only when measured while clocked in (DOMAIN D12), each once.

    A fix is known by its technician and the phone's time, so a batch may be sent again whole, and
    needs no Idempotency-Key. Drop what was answered: a refused fix stays refused.
    """
    if principal.technician_id is None:
        raise NoTechnician()
    taken = await positions.take_in(
        session,
        principal.technician_id,
        principal.device_id,
        body.measured(),
        sent_at=body.sent_at,
    )
    return PositionsOut(
        stored=taken.stored,
        repeated=taken.repeated,
        refused=RefusedFixesOut(**{str(why): number for why, number in taken.refused.items()}),
    )
