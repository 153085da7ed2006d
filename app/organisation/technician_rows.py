"""Rows of technicians.csv: what may stand in them, and what they must agree with."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, model_validator
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.core import clock
from app.core.i18n import Text
from app.core.texts import Code, Line, Phone
from app.identity.models import User
from app.identity.service import canonical_username
from app.organisation.import_files import (
    CORRECT,
    ImportReport,
)
from app.organisation.models import Crew, CrewMember, Station, Technician
from app.organisation.repository import member_at

TECHNICIAN_COLUMNS = (
    "employee_no",
    "name",
    "username",
    "phone",
    "station_code",
    "crew_code",
    "crew_role",
    "skills",
)
EXPECTED = {
    "employee_no": Text("填写唯一的工号", "Give the employee number, once per file"),
    "username": Text(
        "填写登录名：字母、数字、点、横线", "Give a sign-in name of letters and digits"
    ),
    "phone": Text("填写可拨打的号码", "Give a number that can be dialled"),
    "station_code": Text(
        "先导入站点，再填写其编号", "Import the station first, then give its code"
    ),
    "crew_code": Text(
        "填写班组编号，或与角色一同留空", "Give a crew's code, or leave the role empty too"
    ),
    "crew_role": Text("填写 leader、helper 或 trainee", "Give leader, helper or trainee"),
    "skills": Text(
        "按 技能:到期日 填写，用 | 分隔，如 HP1:2027-12-31|HB:",
        "Give SKILL:YYYY-MM-DD joined by |, such as HP1:2027-12-31|HB:",
    ),
}


def _skills(value: object) -> dict[str, date | None]:
    skills: dict[str, date | None] = {}
    for part in str(value).split("|"):
        skill, _, ends = part.strip().partition(":")
        if not skill or skill in skills:
            raise ValueError("a skill is empty or named twice")
        skills[skill] = date.fromisoformat(ends) if ends else None
    return skills


class TechnicianRow(BaseModel):
    """One line of technicians.csv."""

    employee_no: Code
    name: Line
    username: Code
    phone: Phone | None = None
    station_code: Code
    crew_code: Code | None = None
    crew_role: Literal["leader", "helper", "trainee"] | None = None
    skills: Annotated[dict[str, date | None], BeforeValidator(_skills)] = {}

    @model_validator(mode="after")
    def _crew_has_role(self) -> Self:
        if (self.crew_code is None) != (self.crew_role is None):
            raise ValueError("crew_code and crew_role come together")
        return self


@dataclass
class Known:
    """What is on record of the file's people, read before anything is written."""

    stations: dict[str, UUID] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    """By username."""
    technicians: dict[str, Technician] = field(default_factory=dict)
    """By employee number."""
    employee_by_user: dict[UUID, str] = field(default_factory=dict)
    crews: dict[str, Crew] = field(default_factory=dict)
    members: dict[UUID, list[CrewMember]] = field(default_factory=dict)
    """Standing memberships now, by technician."""
    skills: frozenset[str] = frozenset()


async def on_record(session: AsyncSession) -> Known:
    """Everything the file must agree with; six statements."""
    users = (await session.exec(select(User))).all()
    technicians = (await session.exec(select(Technician))).all()
    members: dict[UUID, list[CrewMember]] = defaultdict(list)
    standing = (
        select(CrewMember)
        .join(Crew, col(Crew.id) == col(CrewMember.crew_id))
        .where(member_at(clock.now()), Crew.kind == "standing")
    )
    for member in (await session.exec(standing)).all():
        members[member.technician_id].append(member)
    return Known(
        stations={each.code: each.id for each in (await session.exec(select(Station))).all()},
        users={each.username: each for each in users},
        technicians={each.employee_no: each for each in technicians},
        employee_by_user={each.user_id: each.employee_no for each in technicians},
        crews={each.code: each for each in (await session.exec(select(Crew))).all()},
        members=members,
        skills=await catalogue.skills(session),
    )


def check_people(rows: list[tuple[int, TechnicianRow]], known: Known, report: ImportReport) -> None:
    """Each person once, at a station on record, with skills of the catalogue."""
    seen: dict[tuple[str, str], int] = {}
    for line, row in rows:
        name = canonical_username(row.username)
        for column, value in (("employee_no", row.employee_no), ("username", name)):
            first = seen.setdefault((column, value), line)
            if first != line:
                why = Text(f"与第 {first} 行重复", f"it stands on line {first} too")
                report.refuse(line, column, why, EXPECTED[column])
        if row.station_code not in known.stations:
            why = Text("站点不存在", "there is no such station")
            report.refuse(line, "station_code", why, EXPECTED["station_code"])
        for skill in sorted(set(row.skills) - known.skills):
            why = Text(f"技能 {skill} 不存在", f"there is no skill {skill}")
            report.refuse(line, "skills", why, EXPECTED["skills"])
        if not _same_person(row, name, known):
            why = Text("登录名属于他人", "the username belongs to somebody else")
            report.refuse(line, "username", why, EXPECTED["username"])


def _same_person(row: TechnicianRow, username: str, known: Known) -> bool:
    user = known.users.get(username)
    person = known.technicians.get(row.employee_no)
    if person is not None:
        return user is not None and user.id == person.user_id
    return user is None or user.id not in known.employee_by_user


def check_crews(rows: list[tuple[int, TechnicianRow]], known: Known, report: ImportReport) -> None:
    """Each crew of one station and with one leader, those who stay counted in."""
    lines: dict[str, list[tuple[int, TechnicianRow]]] = defaultdict(list)
    for line, row in rows:
        if row.crew_code is not None:
            lines[row.crew_code].append((line, row))
    staying = _leaders_who_stay({row.employee_no for _, row in rows}, known)
    for code, members in lines.items():
        first, head = members[0]
        crew = known.crews.get(code)
        home = known.stations.get(head.station_code)
        strangers = [line for line, row in members if row.station_code != head.station_code]
        if crew is not None and home is not None and crew.station_id != home:
            strangers.append(first)
        for line in strangers:
            why = Text("班组属于另一站点", "the crew belongs to another station")
            report.refuse(line, "crew_code", why, CORRECT)
        if crew is not None and (crew.kind != "standing" or not crew.active):
            why = Text("班组已停用或为联合班组", "the crew is joint or no longer active")
            report.refuse(first, "crew_code", why, CORRECT)
        leaders = sum(row.crew_role == "leader" for _, row in members)
        leaders += staying[crew.id] if crew is not None else 0
        if leaders != 1:
            why = Text(
                f"班组有 {leaders} 名组长，应为 1 名", f"the crew has {leaders} leaders, not 1"
            )
            report.refuse(first, "crew_role", why, EXPECTED["crew_role"])


def _leaders_who_stay(in_file: set[str], known: Known) -> Counter[UUID]:
    """How many leaders each crew keeps who are not in the file."""
    leaving = {known.technicians[each].id for each in in_file if each in known.technicians}
    return Counter(
        member.crew_id
        for technician_id, members in known.members.items()
        for member in members
        if member.role == "leader" and technician_id not in leaving
    )
