"""Technicians and their skills."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.core import clock, feed, settings
from app.core.permissions import Permission as P
from app.core.permissions import Role
from app.core.problems import InvalidInput, NotFound
from app.core.scope import Principal, scoped
from app.identity import service as identity
from app.organisation import repository
from app.organisation.errors import UnknownSkill, UserIsTechnician
from app.organisation.models import Attendance, Technician, TechnicianSkill
from app.organisation.stations import insert_unique, station


@dataclass(frozen=True, slots=True)
class Certified:
    """A skill with its certificate, to be given to a technician."""

    skill: str
    certificate_no: str | None = None
    expires_on: date | None = None


async def technician(
    session: AsyncSession, principal: Principal, permission: P, technician_id: UUID
) -> Technician:
    """The technician within the caller's scope; raises NotFound."""
    query = select(Technician).where(
        Technician.id == technician_id, scoped(principal, permission, Technician.station_id)
    )
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound()
    return found


async def technicians(
    session: AsyncSession,
    principal: Principal,
    station_id: UUID | None,
    after: str | None,
    limit: int,
) -> list[Technician]:
    """Technicians in scope by employee number, of one station's subtree when given."""
    query = select(Technician).where(scoped(principal, P.ORGANISATION_READ, Technician.station_id))
    if station_id is not None:
        await station(session, principal, P.ORGANISATION_READ, station_id)
        below = await repository.subtree(session, station_id)
        query = query.where(col(Technician.station_id).in_(below))
    if after is not None:
        query = query.where(col(Technician.employee_no) > after)
    query = query.order_by(col(Technician.employee_no)).limit(limit)
    return list((await session.exec(query)).all())


async def skills_by_technician(
    session: AsyncSession, technician_ids: Collection[UUID]
) -> dict[UUID, list[TechnicianSkill]]:
    """Each technician's skills by code; those without any have an empty list."""
    held: dict[UUID, list[TechnicianSkill]] = {each: [] for each in technician_ids}
    for skill in await repository.skills_of(session, technician_ids):
        held[skill.technician_id].append(skill)
    return held


async def clocked_in(session: AsyncSession, technician_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of the technicians who are at work now."""
    query = select(Attendance.technician_id).where(
        col(Attendance.technician_id).in_(technician_ids), col(Attendance.clock_out_at).is_(None)
    )
    return frozenset((await session.exec(query)).all())


async def register(
    session: AsyncSession,
    principal: Principal,
    *,
    user_id: UUID,
    station_id: UUID,
    employee_no: str,
    name: str,
    phone: str | None,
) -> Technician:
    """Make an existing account a technician, with the role on the station.

    Raises NotFound for an unknown or disabled account, an account or a station out of scope,
    UserIsTechnician, CodeTaken.
    """
    await station(session, principal, P.ORGANISATION_WRITE, station_id)
    _within_reach(principal, await identity.principal_of_user(session, user_id))
    taken = select(Technician.id).where(Technician.user_id == user_id)
    if (await session.exec(taken)).first() is not None:
        raise UserIsTechnician()
    person = Technician(
        user_id=user_id, station_id=station_id, employee_no=employee_no, name=name, phone=phone
    )
    await insert_unique(session, person, employee_no=employee_no)
    await identity.grant(session, user_id, Role.TECHNICIAN, station_id)
    await _tell(session, person)
    return person


def _within_reach(principal: Principal, user: Principal) -> None:
    """Raises NotFound unless the caller covers a grant of the account, or it has none yet."""
    reach = principal.stations(P.ORGANISATION_WRITE)
    if reach is None or not user.grants:
        return
    if not any(each.stations is not None and each.stations <= reach for each in user.grants):
        raise NotFound()


async def set_skills(
    session: AsyncSession, principal: Principal, technician_id: UUID, skills: list[Certified]
) -> Technician:
    """Replace all skills; raises NotFound, UnknownSkill, InvalidInput for a skill named twice."""
    person = await technician(session, principal, P.ORGANISATION_WRITE, technician_id)
    known = await catalogue.skills(session)
    named = [each.skill for each in skills]
    if unknown := sorted(set(named) - known):
        raise UnknownSkill(skills=unknown)
    if len(set(named)) != len(named):
        raise InvalidInput("a skill is named twice")
    await replace_skills(session, person.id, skills)
    await _tell(session, person)
    return person


async def replace_skills(
    session: AsyncSession, technician_id: UUID, skills: Iterable[Certified]
) -> None:
    """Write the technician's skills anew; the row lock keeps two writers apart."""
    await session.get_one(Technician, technician_id, with_for_update=True)
    await session.execute(
        delete(TechnicianSkill).where(col(TechnicianSkill.technician_id) == technician_id)
    )
    session.add_all(
        TechnicianSkill(
            technician_id=technician_id,
            skill=each.skill,
            certificate_no=each.certificate_no,
            expires_on=each.expires_on,
        )
        for each in skills
    )
    await session.flush()


def today() -> date:
    """The local date, by which certificates end."""
    return clock.now().astimezone(settings.current().zone).date()


async def _tell(session: AsyncSession, person: Technician) -> None:
    audience = [feed.station_token(person.station_id), feed.user_token(person.user_id)]
    await feed.append(session, "technician", person.id, after=audience)
