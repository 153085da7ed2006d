"""When crews arrive, and who can be reached when; no transaction is open while roads are asked."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from app.core.db import Database
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow_briefly
from app.travel import reach, service
from app.travel.engine import EngineOnDemand
from app.travel.schemas import CrewDrivesOut, EtaOut, ReachOut
from app.web.wire import problem_responses

router = APIRouter(tags=["travel"])


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _engine(request: Request) -> service.OpenEngine:
    on_demand: EngineOnDemand = request.app.state.engine
    return on_demand.opened


Data = Annotated[Database, Depends(_database)]
Roads = Annotated[service.OpenEngine, Depends(_engine)]


@router.get("/work-orders/{order_id}/eta", responses=problem_responses(404, 409))
async def get_eta(
    order_id: UUID,
    principal: Annotated[Principal, allow_briefly(P.ORDERS_READ)],
    database: Data,
    engine: Roads,
) -> EtaOut:
    """When the crew arrives, how sure that is, and what it rests on.

    It is kept up to date while the crew moves or runs late; the change feed tells of an `eta`
    that moved by more than five minutes.
    """
    return EtaOut.of(*await service.eta(database, engine, principal, order_id))


@router.get("/stations/{station_id}/reach", responses=problem_responses(404))
async def get_reach(
    station_id: UUID,
    principal: Annotated[Principal, allow_briefly(P.PLANNING_READ)],
    database: Data,
    engine: Roads,
    minutes: Annotated[int, Query(ge=5, le=180)] = 30,
) -> ReachOut:
    """Who can be reached when from the station, all below it and their crews on shift."""
    found = await reach.reach(database, engine, principal, station_id)
    return ReachOut.of(station_id, minutes, found)


@router.get("/crews/{crew_id}/drives", responses=problem_responses(404))
async def get_crew_drives(
    crew_id: UUID,
    principal: Annotated[Principal, allow_briefly(P.PLANNING_READ)],
    database: Data,
    day: Annotated[date | None, Query(ge=date(2000, 1, 1), le=date(2099, 12, 31))] = None,
) -> CrewDrivesOut:
    """What the crew drove on a calendar day of the company, today without one."""
    return CrewDrivesOut.of(*await service.drives(database, principal, crew_id, day))
