"""The address book: buildings, their premises and the flags on them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit, clock, feed
from app.core.geo import PlaceIn, PlaceOut
from app.core.ids import new_id
from app.core.permissions import Permission as P
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.customers import repository
from app.customers.cards import flags_by_premises
from app.customers.contacts import premises_in_scope
from app.customers.errors import BuildingExists, FlagAlreadySet
from app.customers.models import AccountFlag, Building, Community, Customer, Premises
from app.organisation import service as organisation
from app.organisation.places import place_out

FOUND_LIMIT = 50


@dataclass(frozen=True, slots=True)
class FoundBuilding:
    """A building of the address book."""

    id: UUID
    station_id: UUID
    community: str
    district: str
    number: str
    address: str
    zone: str
    place: PlaceOut


@dataclass(frozen=True, slots=True)
class OccupiedPremises:
    """A room with the flags in force and who holds it."""

    id: UUID
    unit: str
    room: str
    flags: list[AccountFlag]
    customers: list[Customer]


async def search(session: AsyncSession, principal: Principal, q: str) -> list[FoundBuilding]:
    """At most 50 buildings in scope whose address holds every word of `q`, the likest first."""
    scope = scoped(principal, P.CUSTOMERS_READ, Building.station_id)
    rows = await repository.search_buildings(session, q.split(), scope, FOUND_LIMIT)
    return [shown(building, community) for building, community in rows]


def shown(building: Building, community: Community) -> FoundBuilding:
    """The building as the address book shows it."""
    return FoundBuilding(
        **building.model_dump(include={"id", "station_id", "number", "address", "zone"}),
        community=community.name,
        district=community.district,
        place=place_out(building.location),
    )


async def add_building(
    session: AsyncSession,
    principal: Principal,
    *,
    community: str,
    district: str,
    number: str,
    address: str,
    zone: str,
    place: PlaceIn,
) -> FoundBuilding:
    """A building where its place says; the original pair and datum are kept.

    Raises PlaceOutsideArea, NotFound when the place is another station's, BuildingExists.
    """
    lon, lat = place.wgs84()
    station = await organisation.responsible_station(session, lon, lat)
    if not principal.covers(P.CUSTOMERS_WRITE, station.id):
        raise NotFound("the place belongs to a station outside your scope")
    compound = await _community(session, community, district)
    added = Building(
        community_id=compound.id,
        station_id=station.id,
        number=number,
        address=address,
        location=place.element(),
        original_lon=place.lon,
        original_lat=place.lat,
        datum=place.datum,
        zone=zone,
    )
    await _insert_new(session, added)
    return shown(added, compound)


async def _community(session: AsyncSession, name: str, district: str) -> Community:
    await session.execute(
        insert(Community).values(id=new_id(), name=name, district=district).on_conflict_do_nothing()
    )
    query = select(Community).where(Community.name == name, Community.district == district)
    return (await session.exec(query)).one()


async def _insert_new(session: AsyncSession, row: SQLModel) -> None:
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != "23505":
            raise
        raise BuildingExists() from error
    await session.refresh(row)


async def building(
    session: AsyncSession, principal: Principal, permission: P, building_id: UUID
) -> Building:
    """The building within the caller's scope; raises NotFound."""
    scope = scoped(principal, permission, Building.station_id)
    found = await repository.building_in(session, building_id, scope)
    if found is None:
        raise NotFound()
    return found


async def premises_of(
    session: AsyncSession, principal: Principal, building_id: UUID
) -> list[OccupiedPremises]:
    """The rooms of a building in scope with flags and holders; the read is recorded."""
    await building(session, principal, P.CUSTOMERS_READ, building_id)
    rooms = await repository.premises_of_building(session, building_id)
    ids = [room.id for room in rooms]
    flags = flags_by_premises(await repository.flags_of(session, ids))
    holders = await repository.holders_of(session, ids)
    for customer_id in sorted({row[1].id for row in holders}):
        await audit.record(session, principal, "read", "customer", customer_id, by="building")
    return [
        OccupiedPremises(
            id=room.id,
            unit=room.unit,
            room=room.room,
            flags=flags.get(room.id, []),
            customers=[row[1] for row in holders if row[0] == room.id],
        )
        for room in rooms
    ]


async def add_premises(
    session: AsyncSession, principal: Principal, building_id: UUID, unit: str, room: str
) -> Premises:
    """A room of a building in scope; raises NotFound or BuildingExists."""
    await building(session, principal, P.CUSTOMERS_WRITE, building_id)
    added = Premises(building_id=building_id, unit=unit.strip(), room=room.strip())
    await _insert_new(session, added)
    return added


async def set_flag(
    session: AsyncSession, principal: Principal, premises_id: UUID, kind: str, note: str
) -> AccountFlag:
    """Flag premises in scope from now on; raises NotFound or FlagAlreadySet."""
    place = await premises_in_scope(session, principal, P.CUSTOMERS_WRITE, premises_id)
    flag = AccountFlag(premises_id=premises_id, kind=kind, note=note, since=clock.now())
    try:
        async with session.begin_nested():
            session.add(flag)
    except IntegrityError as error:
        raise FlagAlreadySet(kind=kind) from error
    await audit.record(session, principal, "flagged", "premises", premises_id, kind=kind)
    await _tell(session, place, premises_id)
    return flag


async def end_flag(
    session: AsyncSession, principal: Principal, premises_id: UUID, kind: str
) -> None:
    """End a flag; it stays on record. Raises NotFound."""
    place = await premises_in_scope(session, principal, P.CUSTOMERS_WRITE, premises_id)
    query = (
        select(AccountFlag)
        .where(
            AccountFlag.premises_id == premises_id,
            AccountFlag.kind == kind,
            col(AccountFlag.ended_at).is_(None),
        )
        .with_for_update()
    )
    flag = (await session.exec(query)).one_or_none()
    if flag is None:
        raise NotFound()
    flag.ended_at = clock.now()
    session.add(flag)
    await audit.record(session, principal, "unflagged", "premises", premises_id, kind=kind)
    await _tell(session, place, premises_id)


async def _tell(session: AsyncSession, place: Building, premises_id: UUID) -> None:
    await feed.append(
        session, "premises", premises_id, after=[feed.station_token(place.station_id)]
    )
