"""Crews and who is in them."""

from collections.abc import Iterable
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from app.core import clock, feed
from app.core.permissions import Permission as P
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.organisation import repository
from app.organisation.capability import Member, member_of
from app.organisation.errors import AlreadyCrewMember, CrewHasLeader, TechnicianInactive
from app.organisation.models import Crew, CrewMember
from app.organisation.stations import insert_unique, station
from app.organisation.technicians import technician


async def crew(session: AsyncSession, principal: Principal, permission: P, crew_id: UUID) -> Crew:
    """The crew within the caller's scope; raises NotFound."""
    query = select(Crew).where(Crew.id == crew_id, scoped(principal, permission, Crew.station_id))
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound()
    return found


async def crews(
    session: AsyncSession,
    principal: Principal,
    station_id: UUID | None,
    after: str | None,
    limit: int,
) -> list[Crew]:
    """Active crews in scope by code, of one station's subtree when given."""
    query = select(Crew).where(
        scoped(principal, P.ORGANISATION_READ, Crew.station_id), col(Crew.active)
    )
    if station_id is not None:
        await station(session, principal, P.ORGANISATION_READ, station_id)
        below = await repository.subtree(session, station_id)
        query = query.where(col(Crew.station_id).in_(below))
    if after is not None:
        query = query.where(col(Crew.code) > after)
    return list((await session.exec(query.order_by(col(Crew.code)).limit(limit))).all())


async def members_now(session: AsyncSession, crew_ids: Iterable[UUID]) -> dict[UUID, list[Member]]:
    """The members of each crew now, leaders first."""
    members: dict[UUID, list[Member]] = {each: [] for each in crew_ids}
    for row in await repository.members_at(session, list(members), clock.now()):
        members[row.crew_id].append(member_of(row))
    return members


async def form_crew(
    session: AsyncSession,
    principal: Principal,
    *,
    code: str,
    name: str,
    station_id: UUID,
    members: Iterable[tuple[UUID, str]],
) -> Crew:
    """A new standing crew with (technician, role) members; as `add_member`, and CodeTaken."""
    await station(session, principal, P.ORGANISATION_WRITE, station_id)
    formed = Crew(code=code, name=name, station_id=station_id)
    await insert_unique(session, formed, code=code)
    for technician_id, role in members:
        await add_member(session, principal, formed.id, technician_id, role)
    await _tell(session, formed)
    return formed


async def add_member(
    session: AsyncSession, principal: Principal, crew_id: UUID, technician_id: UUID, role: str
) -> Crew:
    """Put a technician into a crew from now on.

    Raises NotFound, TechnicianInactive, AlreadyCrewMember (one standing crew at a time) and
    CrewHasLeader.
    """
    joined = await crew(session, principal, P.ORGANISATION_WRITE, crew_id)
    person = await technician(session, principal, P.ORGANISATION_WRITE, technician_id)
    if not person.active:
        raise TechnicianInactive()
    # Both rows are locked in this order everywhere, so two writers cannot pass each other.
    await session.get_one(Crew, crew_id, with_for_update=True)
    await session.refresh(person, with_for_update=True)
    held = (await session.exec(_standing_membership(technician_id))).first()
    if held is not None:
        raise AlreadyCrewMember(crew_id=str(held.crew_id))
    if role == "leader" and (await session.exec(_leader(crew_id))).first() is not None:
        raise CrewHasLeader()
    session.add(
        CrewMember(crew_id=crew_id, technician_id=technician_id, role=role, since=clock.now())
    )
    await session.flush()
    await _tell(session, joined, person.user_id)
    return joined


def _standing_membership(technician_id: UUID) -> SelectOfScalar[CrewMember]:
    return (
        select(CrewMember)
        .join(Crew, col(Crew.id) == col(CrewMember.crew_id))
        .where(
            CrewMember.technician_id == technician_id,
            col(CrewMember.until).is_(None),
            Crew.kind == "standing",
            col(Crew.active),
        )
    )


def _leader(crew_id: UUID) -> SelectOfScalar[CrewMember]:
    return select(CrewMember).where(
        CrewMember.crew_id == crew_id,
        CrewMember.role == "leader",
        col(CrewMember.until).is_(None),
    )


async def end_membership(
    session: AsyncSession, principal: Principal, crew_id: UUID, technician_id: UUID
) -> None:
    """Take a technician out of a crew from now on; raises NotFound."""
    left = await crew(session, principal, P.ORGANISATION_WRITE, crew_id)
    query = (
        select(CrewMember)
        .where(
            CrewMember.crew_id == crew_id,
            CrewMember.technician_id == technician_id,
            col(CrewMember.until).is_(None),
        )
        .with_for_update()
    )
    member = (await session.exec(query)).one_or_none()
    if member is None:
        raise NotFound()
    member.until = clock.now()
    session.add(member)
    person = await technician(session, principal, P.ORGANISATION_WRITE, technician_id)
    before = [feed.crew_token(crew_id), feed.user_token(person.user_id)]
    after = [feed.station_token(left.station_id), feed.crew_token(crew_id)]
    await feed.append(session, "crew", crew_id, before=before, after=after)
    await session.flush()


async def _tell(session: AsyncSession, changed: Crew, *user_ids: UUID) -> None:
    audience = [feed.station_token(changed.station_id), feed.crew_token(changed.id)]
    users = [feed.user_token(each) for each in user_ids]
    await feed.append(session, "crew", changed.id, after=[*audience, *users])
