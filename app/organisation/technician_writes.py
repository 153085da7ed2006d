"""Writing the checked rows of technicians.csv."""

from collections.abc import Iterable

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed
from app.core.ids import new_secret
from app.core.permissions import Role
from app.identity import service as identity
from app.organisation.import_files import Outcome
from app.organisation.models import Crew, CrewMember, Technician, TechnicianSkill
from app.organisation.technician_rows import Known, TechnicianRow
from app.organisation.technicians import Certified, replace_skills


async def end_old_memberships(
    session: AsyncSession, rows: Iterable[TechnicianRow], known: Known
) -> None:
    """End what the file changes, for all rows before any begins: leaders may change places."""
    for row in rows:
        person = known.technicians.get(row.employee_no)
        for member in known.members.get(person.id, []) if person else []:
            crew = known.crews.get(row.crew_code or "")
            if crew is None or member.crew_id != crew.id or member.role != row.crew_role:
                member.until = clock.now()
                session.add(member)
    await session.flush()


async def write(session: AsyncSession, row: TechnicianRow, known: Known) -> Outcome:
    """Write one row; says created, updated or unchanged."""
    person = known.technicians.get(row.employee_no)
    created = person is None
    changed = False
    if person is None:
        person = await _register(session, row, known)
    else:
        changed = await _update(session, row, person, known)
    changed |= await _set_skills(session, row, person)
    changed |= await _join(session, row, person, known)
    if not (created or changed):
        return "unchanged"
    audience = [feed.station_token(person.station_id), feed.user_token(person.user_id)]
    await feed.append(session, "technician", person.id, after=audience)
    return "created" if created else "updated"


async def _register(session: AsyncSession, row: TechnicianRow, known: Known) -> Technician:
    user = known.users.get(identity.canonical_username(row.username))
    if user is None:
        # Nobody knows this password: an administrator sets one before the first sign-in.
        user = await identity.create_user(
            session,
            username=row.username,
            password=new_secret(),
            display_name=row.name,
            phone=row.phone,
        )
    station_id = known.stations[row.station_code]
    person = Technician(
        user_id=user.id,
        station_id=station_id,
        employee_no=row.employee_no,
        name=row.name,
        phone=row.phone,
    )
    session.add(person)
    await session.flush()
    await identity.grant(session, user.id, Role.TECHNICIAN, station_id)
    return person


async def _update(
    session: AsyncSession, row: TechnicianRow, person: Technician, known: Known
) -> bool:
    station_id = known.stations[row.station_code]
    given = (row.name, row.phone, station_id)
    if (person.name, person.phone, person.station_id) == given:
        return False
    person.name, person.phone, person.station_id = given
    session.add(person)
    await session.flush()
    await identity.grant(session, person.user_id, Role.TECHNICIAN, station_id)
    return True


async def _set_skills(session: AsyncSession, row: TechnicianRow, person: Technician) -> bool:
    query = select(TechnicianSkill).where(TechnicianSkill.technician_id == person.id)
    held = {each.skill: each for each in (await session.exec(query)).all()}
    if {skill: each.expires_on for skill, each in held.items()} == row.skills:
        return False
    skills = [
        Certified(skill, held[skill].certificate_no if skill in held else None, ends)
        for skill, ends in row.skills.items()
    ]
    await replace_skills(session, person.id, skills)
    return True


async def _join(
    session: AsyncSession, row: TechnicianRow, person: Technician, known: Known
) -> bool:
    memberships = known.members.get(person.id, [])
    if any(member.until is None for member in memberships):
        return False
    if row.crew_code is None or row.crew_role is None:
        return bool(memberships)
    crew = known.crews.get(row.crew_code)
    if crew is None:
        crew = Crew(code=row.crew_code, name=row.crew_code, station_id=person.station_id)
        session.add(crew)
        await session.flush()
        known.crews[crew.code] = crew
    session.add(
        CrewMember(crew_id=crew.id, technician_id=person.id, role=row.crew_role, since=clock.now())
    )
    audience = [feed.station_token(crew.station_id), feed.crew_token(crew.id)]
    await feed.append(session, "crew", crew.id, after=audience)
    await session.flush()
    return True
