"""Technicians, crews, shifts and attendance on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.core.geo import PlaceIn
from app.core.texts import Code, Line, Phone
from app.core.times import Moment
from app.web.wire import Body, Out

CrewRole = Literal["leader", "helper", "trainee"]


class SkillIn(Body):
    """A skill with its certificate."""

    skill: Code
    certificate_no: Line | None = None
    expires_on: date | None = None
    """The last day on which it counts; null never ends."""


class SkillsIn(Body):
    """All skills of the technician; what is left out is taken away."""

    skills: Annotated[list[SkillIn], Field(max_length=50)]


class SkillOut(Out):
    """A skill; `valid` says whether it counts today."""

    skill: str
    certificate_no: str | None
    expires_on: date | None
    valid: bool


class TechnicianIn(Body):
    """Registers an existing account as a technician of a station."""

    user_id: UUID
    station_id: UUID
    employee_no: Code
    name: Line
    phone: Phone | None = None


class TechnicianOut(Out):
    """A person who repairs."""

    id: UUID
    user_id: UUID
    station_id: UUID
    employee_no: str
    name: str
    phone: str | None
    active: bool
    clocked_in: bool
    skills: list[SkillOut]


class MemberIn(Body):
    """Who joins, and as what."""

    technician_id: UUID
    role: CrewRole


class CrewIn(Body):
    """A new standing crew."""

    code: Code
    name: Line
    station_id: UUID
    members: Annotated[list[MemberIn], Field(default_factory=list, max_length=20)]


class MemberOut(Out):
    """A member now."""

    technician_id: UUID
    user_id: UUID
    name: str
    role: str


class CrewOut(Out):
    """A crew with its members now, the leader first."""

    id: UUID
    code: str
    name: str
    station_id: UUID
    kind: str
    """standing, or joint: formed of other crews' members for one order."""
    active: bool
    members: list[MemberOut]


class ObstacleOut(Out):
    """Why the crew would not be offered; `code` is stable."""

    code: str
    """inactive, no_members, off_shift, offline, crew_too_small, certificate_expired or
    skill_missing."""
    skill: str | None = None
    needed: int | None = None
    held: int | None = None


class CapabilityOut(Out):
    """What the crew can take on now, and what stands in the way."""

    crew_id: UUID
    at: datetime
    size: int
    """Members who count; trainees do not."""
    skills: dict[str, int]
    """Skill -> members with a certificate that is valid today."""
    expired: dict[str, int]
    """Skill -> members whose certificate has run out."""
    online: bool
    on_shift: bool
    members: list[MemberOut]
    obstacles: list[ObstacleOut]
    """Empty: the crew would be offered."""


class BreakIn(Body):
    """A rest of `duration_s` seconds, somewhere between `from` and `to`."""

    opens_at: Moment = Field(alias="from")
    closes_at: Moment = Field(alias="to")
    duration_s: Annotated[int, Field(gt=0, le=4 * 3600)]


class ShiftIn(Body):
    """When a crew works; at most 24 hours, and never two at once."""

    crew_id: UUID
    starts_at: Moment
    ends_at: Moment
    breaks: Annotated[list[BreakIn], Field(default_factory=list, max_length=6)]


class BreakOut(Out):
    """A rest in a shift."""

    opens_at: datetime = Field(alias="from")
    closes_at: datetime = Field(alias="to")
    duration_s: int


class ShiftOut(Out):
    """When a crew works."""

    id: UUID
    crew_id: UUID
    starts_at: datetime
    ends_at: datetime
    breaks: list[BreakOut]


class ClockIn(Body):
    """Start of work, with the place when the phone knows it."""

    place: PlaceIn | None = None


class AttendanceOut(Out):
    """One stretch of work; `clock_out_at` is null while it lasts."""

    clock_in_at: datetime
    clock_out_at: datetime | None
