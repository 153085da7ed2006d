"""The demo's people: customers at their premises, technicians in crews, and the office."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal

from app.core.permissions import Role
from app.demo.city import Building, City
from app.demo.names import person_name, phone

CustomerFlag = Literal["arrears", "suspension", "alteration", "vulnerable", "key_customer"]
CrewRole = Literal["leader", "helper", "trainee"]
Skills = tuple[str, ...]


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


_POWER: Skills = ("PL", "PM")
_PLUMBER: Skills = ("HP1", "HB")
_SENIOR: Skills = ("HP1", "HP2", "HB", "HN")
_ELECTRICIAN: Skills = ("HE", "HB", "HP1", "PL")
ROSTER: tuple[tuple[Skills, ...], ...] = (
    (("PL", "PM", "PH", "PC"), ("PL", "PM", "PH")),
    (_PLUMBER,),
    (_SENIOR, _SENIOR),
    (("HP1", "HB", "HE"),),
    (("PL", "PM", "PW", "PX"), (*_POWER, "PW")),
    (("HP1", "HB", "HP2"),),
    ((*_SENIOR, "HW"), _SENIOR),
    (_PLUMBER,),
    (_ELECTRICIAN, _ELECTRICIAN),
    (("HP1", "HE", "PL", "PM"),),
)
"""The crews of one station in the order they are formed; longer days go round again."""

_FLAG_SHARES: tuple[tuple[CustomerFlag, float], ...] = (
    ("arrears", 0.04),
    ("suspension", 0.01),
    ("alteration", 0.02),
    ("vulnerable", 0.06),
    ("key_customer", 0.01),
)
_CUSTOMER_KIND, _SECOND_KIND, _TECHNICIAN_KIND, _STAFF_KIND = 0, 4, 8, 9
MOST_CUSTOMERS = 40_000


def make_customers(random: Random, city: City, buildings: list[Building]) -> list[Customer]:
    """One customer per entry of `buildings`, each in a dwelling of their own.

    A building that is asked for more often than it has dwellings hands the rest to its
    neighbours in the register. Raises ValueError when the city is full.
    """
    if len(buildings) > MOST_CUSTOMERS:
        raise ValueError(f"the demo has phone numbers for {MOST_CUSTOMERS} customers")
    free = _Dwellings(random, city)
    customers = []
    for number, building in enumerate(buildings):
        home, unit, room = free.take(building)
        flags = tuple(flag for flag, share in _FLAG_SHARES if random.random() < share)
        second = random.random() < 0.2
        customers.append(
            Customer(
                customer_no=f"K{number + 1:06d}",
                name=person_name(random, city.language),
                phone=_numbered(_CUSTOMER_KIND, number),
                phone2=_numbered(_SECOND_KIND, number) if second else "",
                building_id=home.id,
                unit=unit,
                room=room,
                flags=flags,
            )
        )
    return customers


def _numbered(kind: int, number: int) -> str:
    return phone(kind + number // 10_000, number % 10_000)


class _Dwellings:
    """Which dwellings of the city are still empty."""

    def __init__(self, random: Random, city: City) -> None:
        self._random = random
        self._buildings = city.buildings
        self._index = {building.id: n for n, building in enumerate(city.buildings)}
        self._left: dict[str, list[int]] = {}

    def take(self, building: Building) -> tuple[Building, str, str]:
        """A dwelling of `building`, or of the next one that has any left."""
        first = self._index[building.id]
        for step in range(len(self._buildings)):
            home = self._buildings[(first + step) % len(self._buildings)]
            left = self._left.get(home.id)
            if left is None:
                left = list(range(home.dwellings))
                self._random.shuffle(left)
                self._left[home.id] = left
            if left:
                return (home, *home.dwelling(left.pop()))
        raise ValueError(f"{len(self._buildings)} buildings have no dwelling left")


def make_crews(
    random: Random, city: City, day: date, hours: float, crews_per_station: int
) -> tuple[tuple[Technician, ...], tuple[Crew, ...]]:
    """Technicians tech01, tech02, ... and their crews; every second crew is a pair.

    Certificates end 4 months to 3 years after `day`; one in twenty of the rarer ones ended before
    it, and then does not count. Shifts run two hours past the last call, to finish what is open.
    """
    technicians: list[Technician] = []
    crews: list[Crew] = []
    for station in city.stations:
        for place in range(crews_per_station):
            code = f"{station.code}-{place + 1:02d}"
            members = [
                _technician(random, len(technicians) + n + 1, day, (station.code, code, n), skills)
                for n, skills in enumerate(ROSTER[place % len(ROSTER)])
            ]
            technicians.extend(members)
            crews.append(_crew(members, day, hours))
    return tuple(technicians), tuple(crews)


def _technician(
    random: Random, number: int, day: date, post: tuple[str, str, int], skills: Skills
) -> Technician:
    station, crew, place = post
    return Technician(
        employee_no=f"T{number:03d}",
        name=person_name(random, "zh"),
        username=f"tech{number:02d}",
        phone=phone(_TECHNICIAN_KIND, number),
        station_code=station,
        crew_code=crew,
        crew_role="helper" if place else "leader",
        skills=tuple((skill, _expiry(random, day, skill)) for skill in skills),
    )


def _expiry(random: Random, day: date, skill: str) -> date:
    if skill in ("HW", "PC", "PX", "PH", "HN") and random.random() < 0.05:
        return day - timedelta(days=random.randint(3, 60))
    return day + timedelta(days=random.randint(120, 1000))


def _crew(members: list[Technician], day: date, hours: float) -> Crew:
    counts = Counter(skill for one in members for skill, ends in one.skills if ends >= day)
    return Crew(
        code=members[0].crew_code,
        station_code=members[0].station_code,
        usernames=tuple(member.username for member in members),
        skill_counts=tuple(sorted(counts.items())),
        shift_start_s=0,
        shift_end_s=round((hours + 2) * 3600),
        break_s=1800 if hours >= 6 else 0,
    )


def make_staff(random: Random, city: City) -> tuple[StaffMember, ...]:
    """The office: who takes calls, dispatches, reviews, calls back, leads and pays."""
    posts: list[tuple[str, Role, str | None]] = [
        ("admin", Role.ADMIN, None),
        ("manager", Role.MANAGER, None),
        ("payclerk", Role.PAY_CLERK, None),
        ("dispatcher", Role.DISPATCHER, None),
        *((f"agent{n}", Role.AGENT, None) for n in (1, 2, 3)),
        *((f"reviewer{n}", Role.REVIEWER, None) for n in (1, 2)),
        *((f"revisitor{n}", Role.REVISITOR, None) for n in (1, 2)),
        *((f"chief_{s.code.lower()}", Role.STATION_CHIEF, s.code) for s in city.stations),
    ]
    return tuple(
        StaffMember(username, person_name(random, "zh"), role, station, phone(_STAFF_KIND, number))
        for number, (username, role, station) in enumerate(posts)
    )
