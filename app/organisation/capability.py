"""What a crew can take on at an instant: members, valid certificates, online, on shift."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import settings
from app.core.problems import NotFound
from app.organisation import repository
from app.organisation.models import Crew


@dataclass(frozen=True, slots=True)
class Member:
    """A technician in the crew now; `role` is leader, helper or trainee."""

    technician_id: UUID
    user_id: UUID
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Capability:
    """What may be asked of a crew. Trainees are members, but count in neither size nor skills."""

    crew_id: UUID
    station_id: UUID
    active: bool
    size: int
    skills: dict[str, int]
    """Skill -> members who hold it with a certificate that is valid that day."""
    online: bool
    """Somebody who counts is clocked in with the phone connected."""
    on_shift: bool
    members: tuple[Member, ...]
    kind: str = "standing"
    expired: dict[str, int] = field(default_factory=dict)
    """Skill -> members whose certificate has run out: why the crew is not offered."""


def member_of(row: Any) -> Member:
    """The member that a row of `repository.members_at` tells of."""
    return Member(row.technician_id, row.user_id, row.name, row.role)


async def capability(session: AsyncSession, crew_id: UUID, at: datetime) -> Capability:
    """What this crew can take on at `at`; raises NotFound."""
    found = await repository.crews(session, col(Crew.id) == crew_id)
    if not found:
        raise NotFound()
    return (await _of(session, found, at))[0]


async def capabilities(
    session: AsyncSession,
    station_ids: Collection[UUID],
    at: datetime,
    *,
    besides: Collection[UUID] = (),
) -> list[Capability]:
    """Every active crew of these stations and every active one of the crews `besides`, by code.

    Five statements however many there are.
    """
    asked = col(Crew.station_id).in_(station_ids) | col(Crew.id).in_(besides)
    where = asked & col(Crew.active)
    return await _of(session, await repository.crews(session, where), at)


async def _of(session: AsyncSession, crews: Collection[Crew], at: datetime) -> list[Capability]:
    crew_ids = [crew.id for crew in crews]
    rows = await repository.members_at(session, crew_ids, at)
    people = {row.technician_id for row in rows}
    members: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        members[row.crew_id].append(row)
    skills: dict[UUID, list[Any]] = defaultdict(list)
    for each in await repository.certificates(session, people):
        skills[each.technician_id].append(each)
    on_shift = await repository.crews_on_shift(session, crew_ids, at)
    at_work: frozenset[UUID] = frozenset()
    if any(crew.kind == "joint" for crew in crews):
        at_work = await repository.technicians_on_shift(session, people, at)
    day = at.astimezone(settings.current().zone).date()
    return [
        _capability(
            crew,
            members[crew.id],
            skills,
            day,
            crew.id in on_shift,
            at_work,
        )
        for crew in crews
    ]


def _capability(
    crew: Crew,
    rows: list[Any],
    skills: Mapping[UUID, list[Any]],
    day: date,
    on_shift: bool,
    at_work: frozenset[UUID],
) -> Capability:
    counted = {row.technician_id for row in rows if row.role != "trainee"}
    valid: Counter[str] = Counter()
    expired: Counter[str] = Counter()
    for each in (held for person_id in counted for held in skills.get(person_id, ())):
        ended = each.expires_on is not None and each.expires_on < day
        (expired if ended else valid)[each.skill] += 1
    # A joint crew has no shift of its own: it works while every member's standing crew does.
    joint_on_shift = crew.kind == "joint" and bool(counted) and counted <= at_work
    return Capability(
        crew_id=crew.id,
        station_id=crew.station_id,
        active=crew.active,
        size=len(counted),
        skills=dict(sorted(valid.items())),
        online=any(row.online for row in rows if row.technician_id in counted),
        on_shift=on_shift or joint_on_shift,
        members=tuple(member_of(row) for row in rows),
        kind=crew.kind,
        expired=dict(sorted(expired.items())),
    )
