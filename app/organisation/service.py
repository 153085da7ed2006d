"""The organisation as other rooms ask for it: places, crews, presence."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed, settings
from app.core.permissions import Permission, Role
from app.core.problems import NotFound
from app.core.scope import Principal
from app.core.serials import next_serial
from app.organisation import repository
from app.organisation.attendance import LonLat, clock_in, clock_out, touch_presence
from app.organisation.capability import Capability, Member, capabilities, capability
from app.organisation.errors import CrewNotFormed, PlaceOutsideArea
from app.organisation.models import Crew, CrewMember, Station, Technician
from app.organisation.position_store import FixRow
from app.organisation.positions import fixes, purge_positions, technicians_with_fixes
from app.organisation.settlement import contractor_units, settlement_units

__all__ = [
    "Capability",
    "FixRow",
    "LonLat",
    "Member",
    "capabilities",
    "capability",
    "clock_in",
    "clock_out",
    "contractor_units",
    "end_joint_crew",
    "fixes",
    "form_joint_crew",
    "purge_positions",
    "responsible_station",
    "settlement_units",
    "station_at",
    "subtree",
    "subtree_in_scope",
    "technicians_with_fixes",
    "touch_presence",
]


async def station_at(session: AsyncSession, lon: float, lat: float) -> Station | None:
    """The station whose area, the deepest in the tree, contains this WGS-84 point."""
    return await repository.station_at(session, lon, lat)


async def responsible_station(session: AsyncSession, lon: float, lat: float) -> Station:
    """The station of a WGS-84 point; PlaceOutsideArea, with a hint when lon and lat are swapped."""
    found = await station_at(session, lon, lat)
    if found is not None:
        return found
    if abs(lon) <= 90 and await station_at(session, lat, lon) is not None:
        raise PlaceOutsideArea(
            "lon and lat are swapped: the place with both exchanged lies inside an area",
            hint="lon-lat-swapped",
        )
    raise PlaceOutsideArea()


async def subtree(session: AsyncSession, station_id: UUID) -> frozenset[UUID]:
    """The station and all below it; empty when there is no such station."""
    return await repository.subtree(session, station_id)


async def subtree_in_scope(
    session: AsyncSession, principal: Principal, permission: Permission, station_id: UUID
) -> frozenset[UUID]:
    """The station and all below it; NotFound when the caller sees nothing of that station.

    A technician sees own rows at the stations of the technician's grant.
    """
    below = await repository.subtree(session, station_id)
    own = principal.may_on_own(permission) and any(
        grant.role is Role.TECHNICIAN and (grant.stations is None or station_id in grant.stations)
        for grant in principal.grants
    )
    if not below or not (own or principal.covers(permission, station_id)):
        raise NotFound()
    return below


async def form_joint_crew(
    session: AsyncSession,
    *,
    station_id: UUID,
    technician_ids: Collection[UUID],
    leader_id: UUID,
    name: str,
    since: datetime,
    within: frozenset[UUID] | None = None,
) -> Crew:
    """A crew made of other crews' members for one order, from `since` until it is ended.

    Its code is a serial such as `J-S01-260115-0001`; the members stay in their own crews. Raises
    NotFound for somebody of no station of `within` (None: any), and CrewNotFormed.
    """
    station = await session.get(Station, station_id)
    if station is None:
        raise NotFound()
    people = await _active(session, technician_ids)
    if within is not None and any(each.station_id not in within for each in people.values()):
        raise NotFound()
    if leader_id not in people or len(people) < 2 or len(people) != len(set(technician_ids)):
        raise CrewNotFormed()
    day = clock.now().astimezone(settings.current().zone).date()
    code = await next_serial(session, f"J-{station.code}", day)
    crew = Crew(code=code, station_id=station_id, name=name, kind="joint")
    session.add(crew)
    await session.flush()
    session.add_all(
        CrewMember(
            crew_id=crew.id,
            technician_id=each,
            role="leader" if each == leader_id else "helper",
            since=since,
        )
        for each in people
    )
    await feed.append(session, "crew", crew.id, after=_audience(crew, people.values()))
    await session.flush()
    return crew


async def end_joint_crew(session: AsyncSession, crew_id: UUID, at: datetime) -> None:
    """Dissolve a joint crew whose order left its hands; a standing crew stays as it is."""
    crew = await session.get(Crew, crew_id)
    if crew is None or crew.kind != "joint" or not crew.active:
        return
    crew.active = False
    query = (
        select(CrewMember, Technician)
        .join(Technician, col(Technician.id) == col(CrewMember.technician_id))
        .where(CrewMember.crew_id == crew_id, col(CrewMember.until).is_(None))
    )
    rows = (await session.exec(query)).all()
    for member, _ in rows:
        member.until = at
    before = _audience(crew, [person for _, person in rows])
    await feed.append(session, "crew", crew.id, before=before, after=before[:1])
    await session.flush()


def _audience(crew: Crew, people: Iterable[Technician]) -> list[str]:
    """The station, the crew, and each of its people, who may not know of the crew yet."""
    users = [feed.user_token(person.user_id) for person in people]
    return [feed.station_token(crew.station_id), feed.crew_token(crew.id), *users]


async def _active(
    session: AsyncSession, technician_ids: Collection[UUID]
) -> dict[UUID, Technician]:
    query = select(Technician).where(
        col(Technician.id).in_(set(technician_ids)), col(Technician.active)
    )
    return {each.id: each for each in (await session.exec(query)).all()}
