"""Stations and technicians over HTTP, and the routers of crews and of the phone's attendance."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow, allow_once
from app.organisation import settlement, stations, technicians
from app.organisation.attendance_router import router as attendance_router
from app.organisation.crew_router import router as crew_router
from app.organisation.crew_schemas import SkillOut, SkillsIn, TechnicianIn, TechnicianOut
from app.organisation.models import Station, Technician
from app.organisation.position_router import router as position_router
from app.organisation.schemas import StationIn, StationOut, StationPatch
from app.organisation.technicians import Certified
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import (
    CursorParam,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    problem_responses,
)

router = APIRouter(tags=["organisation"], route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.ORGANISATION_READ)]
Writer = Annotated[Principal, allow_once(P.ORGANISATION_WRITE)]


def _after(cursor: str | None) -> str | None:
    return str(decode_cursor(cursor, 1)[0]) if cursor else None


@router.get("/stations")
async def list_stations(
    principal: Reader, session: Session, limit: Limit = 100, cursor: CursorParam = None
) -> Page[StationOut]:
    """The stations in scope in the order of the tree."""
    found = await stations.stations(session, principal, _after(cursor), limit)
    return Page(
        items=await _stations_shown(session, found),
        next_cursor=encode_cursor(found[-1].path) if len(found) == limit else None,
    )


@router.post("/stations", status_code=201, responses=problem_responses(404, 409))
async def create_station(principal: Writer, session: Session, body: StationIn) -> StationOut:
    """Found a station below another."""
    founded = await stations.found_station(
        session,
        principal,
        code=body.code,
        name=body.name,
        parent_id=body.parent_id,
        area=body.area.model_dump() if body.area else None,
        place=body.place,
        contractor=body.contractor,
        settlement_unit=body.settlement_unit,
    )
    return (await _stations_shown(session, [founded]))[0]


@router.get("/stations/{station_id}", responses=problem_responses(404))
async def get_station(principal: Reader, session: Session, station_id: UUID) -> StationOut:
    """One station with its area."""
    found = await stations.station(session, principal, P.ORGANISATION_READ, station_id)
    return (await _stations_shown(session, [found]))[0]


@router.patch("/stations/{station_id}", responses=problem_responses(404, 409))
async def change_station(
    principal: Writer, session: Session, station_id: UUID, body: StationPatch
) -> StationOut:
    """Change the version that was read."""
    changes = {name: getattr(body, name) for name in body.model_fields_set - {"version"}}
    if changes.get("area") is not None:
        changes["area"] = changes["area"].model_dump()
    changed = await stations.change_station(session, principal, station_id, body.version, changes)
    return (await _stations_shown(session, [changed]))[0]


async def _stations_shown(session: Session, found: list[Station]) -> list[StationOut]:
    settled = await settlement.settled(session, found)
    return [StationOut.of(each, settled[each.id]) for each in found]


@router.get("/technicians", responses=problem_responses(404))
async def list_technicians(
    principal: Reader,
    session: Session,
    station_id: UUID | None = None,
    limit: Limit = 100,
    cursor: CursorParam = None,
) -> Page[TechnicianOut]:
    """Technicians in scope by employee number."""
    found = await technicians.technicians(session, principal, station_id, _after(cursor), limit)
    return Page(
        items=await _shown(session, found),
        next_cursor=encode_cursor(found[-1].employee_no) if len(found) == limit else None,
    )


@router.post("/technicians", status_code=201, responses=problem_responses(404, 409))
async def create_technician(
    principal: Writer, session: Session, body: TechnicianIn
) -> TechnicianOut:
    """Register an existing account as a technician; it gets the role on that station."""
    person = await technicians.register(session, principal, **body.model_dump())
    return (await _shown(session, [person]))[0]


@router.put("/technicians/{technician_id}/skills", responses=problem_responses(404))
async def set_technician_skills(
    principal: Writer, session: Session, technician_id: UUID, body: SkillsIn
) -> TechnicianOut:
    """Replace all skills and certificates of a technician."""
    skills = [Certified(each.skill, each.certificate_no, each.expires_on) for each in body.skills]
    person = await technicians.set_skills(session, principal, technician_id, skills)
    return (await _shown(session, [person]))[0]


async def _shown(session: Session, people: list[Technician]) -> list[TechnicianOut]:
    ids = [person.id for person in people]
    skills = await technicians.skills_by_technician(session, ids)
    at_work = await technicians.clocked_in(session, ids)
    day = technicians.today()
    return [
        TechnicianOut(
            **person.model_dump(),
            clocked_in=person.id in at_work,
            skills=[
                SkillOut(
                    skill=each.skill,
                    certificate_no=each.certificate_no,
                    expires_on=each.expires_on,
                    valid=each.expires_on is None or each.expires_on >= day,
                )
                for each in skills[person.id]
            ],
        )
        for person in people
    ]


router.include_router(crew_router)
router.include_router(attendance_router)
router.include_router(position_router)
