"""The demo's people: customers at their premises, technicians in crews, and the office."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from app.core.permissions import Role

CustomerFlag = Literal["arrears", "suspension", "alteration", "vulnerable", "key_customer"]
CrewRole = Literal["leader", "helper", "trainee"]


@dataclass(frozen=True, slots=True)
class Customer:
    """A household with its premises."""

    customer_no: str
    name: str
    phone: str
    phone2: str
    building_id: str
    unit: str
    room: str
    flags: tuple[CustomerFlag, ...]


@dataclass(frozen=True, slots=True)
class Technician:
    """A technician, the crew, and each skill with the day its certificate ends."""

    employee_no: str
    name: str
    username: str
    phone: str
    station_code: str
    crew_code: str
    crew_role: CrewRole
    skills: tuple[tuple[str, date], ...]


@dataclass(frozen=True, slots=True)
class Crew:
    """The unit that is planned, with its shift in seconds after opening."""

    code: str
    station_code: str
    usernames: tuple[str, ...]
    """The leader first."""
    skill_counts: tuple[tuple[str, int], ...]
    """How many members hold each skill with a valid certificate, by skill."""
    shift_start_s: int
    shift_end_s: int
    break_s: int

    @property
    def size(self) -> int:
        return len(self.usernames)


@dataclass(frozen=True, slots=True)
class StaffMember:
    """An office account; `station_code` is None for the whole company."""

    username: str
    name: str
    role: Role
    station_code: str | None
    phone: str
