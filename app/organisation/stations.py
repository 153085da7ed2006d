"""The tree of stations: founding, changing, listing."""

from typing import Any
from uuid import UUID

from geoalchemy2.shape import from_shape
from shapely import MultiPolygon
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import feed
from app.core.geo import PlaceIn
from app.core.permissions import Permission as P
from app.core.problems import Forbidden, NotFound, StaleVersion
from app.core.scope import Principal, scoped
from app.organisation.errors import CodeTaken
from app.organisation.models import Station
from app.organisation.policy import area_of

Geojson = dict[str, Any]


def stored_area(area: MultiPolygon) -> Any:
    """An area as the geography column takes it."""
    return from_shape(area, srid=4326)


async def station(
    session: AsyncSession, principal: Principal, permission: P, station_id: UUID
) -> Station:
    """The station within the caller's scope; raises NotFound."""
    query = select(Station).where(
        Station.id == station_id, scoped(principal, permission, Station.id)
    )
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound()
    return found


async def stations(
    session: AsyncSession, principal: Principal, after: str | None, limit: int
) -> list[Station]:
    """Stations in scope in the order of the tree; `after` is the last path seen."""
    query = select(Station).where(scoped(principal, P.ORGANISATION_READ, Station.id))
    if after is not None:
        query = query.where(col(Station.path) > after)
    return list((await session.exec(query.order_by(col(Station.path)).limit(limit))).all())


async def found_station(
    session: AsyncSession,
    principal: Principal,
    *,
    code: str,
    name: str,
    parent_id: UUID | None,
    area: Geojson | None,
    place: PlaceIn | None,
    contractor: bool = False,
    settlement_unit: str | None = None,
) -> Station:
    """A new station below `parent_id`; raises NotFound, Forbidden, CodeTaken, AreaNotValid."""
    if parent_id is None and principal.stations(P.ORGANISATION_WRITE) is not None:
        raise Forbidden("a root station is founded by the company's administrator")
    if contractor or settlement_unit is not None:
        _require_company(principal)
    path = "/"
    if parent_id is not None:
        path = (await station(session, principal, P.ORGANISATION_WRITE, parent_id)).path
    founded = Station(
        code=code,
        name=name,
        parent_id=parent_id,
        path=f"{path}{code}/",
        area=stored_area(area_of(area)) if area else None,
        location=place.element() if place else None,
        contractor=contractor,
        settlement_unit=settlement_unit,
    )
    await insert_unique(session, founded, code=code)
    await _tell(session, founded)
    return founded


async def change_station(
    session: AsyncSession,
    principal: Principal,
    station_id: UUID,
    version: int,
    changes: dict[str, Any],
) -> Station:
    """Apply `changes` of StationPatch's names to this version.

    Raises NotFound, StaleVersion, Forbidden, AreaNotValid.
    """
    await station(session, principal, P.ORGANISATION_WRITE, station_id)
    held = await session.get_one(Station, station_id, with_for_update=True, populate_existing=True)
    if held.version != version:
        raise StaleVersion(version=held.version)
    if "name" in changes:
        held.name = changes["name"]
    if "area" in changes:
        held.area = stored_area(area_of(changes["area"])) if changes["area"] else None
    if "place" in changes:
        held.location = changes["place"].element() if changes["place"] else None
    for name in ("contractor", "settlement_unit"):
        if name in changes and changes[name] != getattr(held, name):
            _require_company(principal)
            setattr(held, name, changes[name])
    held.version += 1
    session.add(held)
    await session.flush()
    await session.refresh(held)
    await _tell(session, held)
    return held


def _require_company(principal: Principal) -> None:
    """Nobody below decides by whom they are paid; raises Forbidden."""
    if principal.stations(P.ORGANISATION_WRITE) is not None:
        raise Forbidden("contractors and settlement units are the company's decision")


async def insert_unique(session: AsyncSession, row: Any, **taken: str) -> None:
    """Insert a row whose code may be taken by another; raises CodeTaken."""
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != "23505":
            raise
        raise CodeTaken(**taken) from error
    await session.refresh(row)


async def _tell(session: AsyncSession, changed: Station) -> None:
    await feed.append(session, "station", changed.id, after=[feed.station_token(changed.id)])
