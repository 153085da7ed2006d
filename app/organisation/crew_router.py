"""Crews and shifts over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.catalogue import service as catalogue
from app.core import clock
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.core.texts import Code
from app.core.times import Moment
from app.identity.access import allow, allow_once
from app.organisation import crews, shifts
from app.organisation.capability import capability
from app.organisation.crew_schemas import (
    CapabilityOut,
    CrewIn,
    CrewOut,
    MemberIn,
    MemberOut,
    ObstacleOut,
    ShiftIn,
    ShiftOut,
)
from app.organisation.models import Crew
from app.organisation.policy import obstacles
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import (
    CursorParam,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    problem_responses,
)

router = APIRouter(route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.ORGANISATION_READ)]
Writer = Annotated[Principal, allow_once(P.ORGANISATION_WRITE)]
Planner = Annotated[Principal, allow_once(P.SHIFTS_WRITE)]


@router.get("/crews", responses=problem_responses(404))
async def list_crews(
    principal: Reader,
    session: Session,
    station_id: UUID | None = None,
    limit: Limit = 100,
    cursor: CursorParam = None,
) -> Page[CrewOut]:
    """Active crews in scope by code, with their members now."""
    after = str(decode_cursor(cursor, 1)[0]) if cursor else None
    found = await crews.crews(session, principal, station_id, after, limit)
    return Page(
        items=await _shown(session, found),
        next_cursor=encode_cursor(found[-1].code) if len(found) == limit else None,
    )


@router.post("/crews", status_code=201, responses=problem_responses(404, 409))
async def create_crew(principal: Writer, session: Session, body: CrewIn) -> CrewOut:
    """Form a standing crew."""
    formed = await crews.form_crew(
        session,
        principal,
        code=body.code,
        name=body.name,
        station_id=body.station_id,
        members=[(each.technician_id, each.role) for each in body.members],
    )
    return (await _shown(session, [formed]))[0]


@router.post("/crews/{crew_id}/members", status_code=201, responses=problem_responses(404, 409))
async def add_crew_member(
    principal: Writer, session: Session, crew_id: UUID, body: MemberIn
) -> CrewOut:
    """Put a technician into a crew; a crew has one leader, a technician one standing crew."""
    joined = await crews.add_member(session, principal, crew_id, body.technician_id, body.role)
    return (await _shown(session, [joined]))[0]


@router.delete(
    "/crews/{crew_id}/members/{technician_id}", status_code=204, responses=problem_responses(404)
)
async def end_crew_membership(
    principal: Writer, session: Session, crew_id: UUID, technician_id: UUID
) -> None:
    """Take a technician out of a crew; the past membership stays on record."""
    await crews.end_membership(session, principal, crew_id, technician_id)


@router.get("/crews/{crew_id}/capability", responses=problem_responses(404))
async def get_crew_capability(
    principal: Reader,
    session: Session,
    crew_id: UUID,
    fault_code: Annotated[Code | None, Query(description="Also ask what this fault needs.")] = None,
) -> CapabilityOut:
    """Why a crew is, or is not, offered work now."""
    await crews.crew(session, principal, P.ORGANISATION_READ, crew_id)
    at = clock.now()
    able = await capability(session, crew_id, at)
    needs: dict[str, int] = {}
    size = 1
    if fault_code is not None:
        fault = await catalogue.fault(session, fault_code)
        needs = {need["skill"]: need["count"] for need in fault.skills}
        size = fault.crew_size
    return CapabilityOut(
        crew_id=crew_id,
        at=at,
        size=able.size,
        skills=able.skills,
        expired=able.expired,
        online=able.online,
        on_shift=able.on_shift,
        members=[MemberOut.model_validate(each) for each in able.members],
        obstacles=[
            ObstacleOut(code=code, skill=skill, needed=needed, held=held)
            for code, skill, needed, held in obstacles(able, needs, size)
        ],
    )


@router.get("/shifts", responses=problem_responses(404))
async def list_shifts(
    principal: Reader,
    session: Session,
    crew_id: UUID | None = None,
    starts: Annotated[Moment | None, Query(alias="from")] = None,
    ends: Annotated[Moment | None, Query(alias="to")] = None,
    limit: Limit = 200,
) -> list[ShiftOut]:
    """Shifts in scope that meet the span from `from` to `to`, by start."""
    found = await shifts.shifts(
        session, principal, crew_id=crew_id, starts=starts, ends=ends, limit=limit
    )
    return [ShiftOut.model_validate(each) for each in found]


@router.post("/shifts", status_code=201, responses=problem_responses(404, 409))
async def create_shift(principal: Planner, session: Session, body: ShiftIn) -> ShiftOut:
    """Add a shift; a crew never has two at once."""
    breaks = [(each.opens_at, each.closes_at, each.duration_s) for each in body.breaks]
    return ShiftOut.model_validate(
        await shifts.add_shift(
            session, principal, body.crew_id, body.starts_at, body.ends_at, breaks
        )
    )


async def _shown(session: Session, found: list[Crew]) -> list[CrewOut]:
    members = await crews.members_now(session, [each.id for each in found])
    return [
        CrewOut(
            **each.model_dump(exclude={"version"}),
            members=[MemberOut.model_validate(member) for member in members[each.id]],
        )
        for each in found
    ]
