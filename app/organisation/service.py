"""The organisation as other rooms ask for it: places, crews, presence."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed, settings
from app.core.problems import NotFound
from app.core.serials import next_serial
from app.organisation import repository
from app.organisation.attendance import LonLat, clock_in, clock_out, touch_presence
from app.organisation.capability import Capability, Member, capabilities, capability
from app.organisation.errors import CrewNotFormed, PlaceOutsideArea
from app.organisation.models import Crew, CrewMember, Station, Technician

__all__ = [
    "Capability",
    "LonLat",
    "Member",
    "capabilities",
    "capability",
    "clock_in",
    "clock_out",
    "crew_ids_of",
    "form_joint_crew",
    "responsible_station",
    "station_at",
    "subtree",
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


async def crew_ids_of(session: AsyncSession, technician_id: UUID, at: datetime) -> frozenset[UUID]:
    """The active crews, standing and joint, that the technician is in at `at`."""
    return await repository.crew_ids_of(session, technician_id, at)


async def form_joint_crew(
    session: AsyncSession,
    *,
    station_id: UUID,
    technician_ids: Collection[UUID],
    leader_id: UUID,
    name: str,
) -> Crew:
    """A crew made of other crews' members for one order; raises NotFound or CrewNotFormed.

    Its code is a serial such as `J-S01-260115-0001`; the members stay in their own crews.
    """
    station = await session.get(Station, station_id)
    if station is None:
        raise NotFound()
    people = await _active(session, technician_ids)
    if leader_id not in people or len(people) < 2 or len(people) != len(set(technician_ids)):
        raise CrewNotFormed()
    now = clock.now()
    day = now.astimezone(settings.current().zone).date()
    code = await next_serial(session, f"J-{station.code}", day)
    crew = Crew(code=code, station_id=station_id, name=name, kind="joint")
    session.add(crew)
    await session.flush()
    session.add_all(
        CrewMember(
            crew_id=crew.id,
            technician_id=each,
            role="leader" if each == leader_id else "helper",
            since=now,
        )
        for each in people
    )
    audience = [feed.station_token(station_id), feed.crew_token(crew.id)]
    users = [feed.user_token(person.user_id) for person in people.values()]
    await feed.append(session, "crew", crew.id, after=[*audience, *users])
    await session.flush()
    return crew


async def _active(
    session: AsyncSession, technician_ids: Collection[UUID]
) -> dict[UUID, Technician]:
    query = select(Technician).where(
        col(Technician.id).in_(set(technician_ids)), col(Technician.active)
    )
    return {each.id: each for each in (await session.exec(query)).all()}
