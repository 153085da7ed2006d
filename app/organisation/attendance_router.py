"""The phone's clock-in and clock-out."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.core import clock
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow_once
from app.organisation import attendance
from app.organisation.crew_schemas import AttendanceOut, ClockIn
from app.organisation.errors import NoTechnician
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(prefix="/mobile", route_class=TransactionalRoute)
Phone = Annotated[Principal, allow_once(P.PHONE)]


def _technician_id(principal: Principal) -> UUID:
    if principal.technician_id is None:
        raise NoTechnician()
    return principal.technician_id


@router.post("/clock-in", status_code=201, responses=problem_responses(409))
async def clock_in(principal: Phone, session: Session, body: ClockIn) -> AttendanceOut:
    """Start work and go online."""
    place = body.place.wgs84() if body.place else None
    return AttendanceOut.model_validate(
        await attendance.clock_in(session, _technician_id(principal), clock.now(), place)
    )


@router.post("/clock-out", responses=problem_responses(409))
async def clock_out(principal: Phone, session: Session) -> AttendanceOut:
    """End work, go offline; the position is forgotten."""
    return AttendanceOut.model_validate(
        await attendance.clock_out(session, _technician_id(principal), clock.now())
    )
