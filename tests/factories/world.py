"""The small world of the tests: a company, two stations, their people, crews and customers."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from geoalchemy2 import WKTElement
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.load import load_defaults
from app.core.geo import point
from app.core.permissions import Role
from app.customers.models import (
    AccountFlag,
    Building,
    Community,
    Customer,
    CustomerPhone,
    Occupancy,
    Premises,
)
from app.identity import tokens
from app.identity.models import Device, LoginSession, RoleGrant, User
from app.identity.passwords import hashed
from app.notifications.ladders import load_default_ladders
from app.organisation.models import (
    Attendance,
    Crew,
    CrewMember,
    Presence,
    Shift,
    Station,
    Technician,
    TechnicianSkill,
)
from app.payouts.load import load_default_rate_card

NOW = datetime(2026, 1, 15, 0, 0, tzinfo=UTC)
"""08:00 in Shanghai, a Thursday in the heating season."""
PASSWORD = "correct horse battery"

AREAS = {"CO": None, "S01": (117.00, 36.60, 117.10, 36.70), "S02": (117.10, 36.60, 117.20, 36.70)}
STAFF: dict[str, tuple[Role, str | None]] = {
    "admin": (Role.ADMIN, None),
    "agent": (Role.AGENT, None),
    "dispatcher": (Role.DISPATCHER, None),
    "manager": (Role.MANAGER, None),
    "pay_clerk": (Role.PAY_CLERK, None),
    "reviewer": (Role.REVIEWER, None),
    "revisitor": (Role.REVISITOR, None),
    "agent2": (Role.AGENT, "S02"),
    "chief1": (Role.STATION_CHIEF, "S01"),
    "chief2": (Role.STATION_CHIEF, "S02"),
    "dispatcher1": (Role.DISPATCHER, "S01"),
    "dispatcher2": (Role.DISPATCHER, "S02"),
    "reviewer2": (Role.REVIEWER, "S02"),
}
CREWS: dict[str, tuple[str, list[tuple[str, str, list[str]]]]] = {
    "A1": (
        "S01",
        [
            ("tech01", "leader", ["PL", "PM", "HP1", "HP2", "HB"]),
            ("tech02", "helper", ["PL", "PM", "HP1", "HP2"]),
        ],
    ),
    "A2": ("S01", [("tech03", "leader", ["HP1", "HB", "HE"])]),
    "A3": ("S01", [("tech04", "leader", ["HP1", "HB"])]),
    "B1": (
        "S02",
        [("tech05", "leader", ["PL", "HP1", "HB"]), ("tech06", "helper", ["PL", "HP1"])],
    ),
}
BUILDINGS = {
    "锦绣家园1": ("S01", 117.02, 36.65),
    "锦绣家园3": ("S01", 117.04, 36.66),
    "阳光花园2": ("S02", 117.15, 36.65),
}


@dataclass
class World:
    """Ids by name; picklable, so that every test shares one template."""

    users: dict[str, UUID] = field(default_factory=dict)
    sessions: dict[str, UUID] = field(default_factory=dict)
    stations: dict[str, UUID] = field(default_factory=dict)
    technicians: dict[str, UUID] = field(default_factory=dict)
    crews: dict[str, UUID] = field(default_factory=dict)
    devices: dict[str, UUID] = field(default_factory=dict)
    buildings: dict[str, UUID] = field(default_factory=dict)
    premises: dict[str, UUID] = field(default_factory=dict)
    """`锦绣家园1-1-101` and so on: building, unit, room."""
    customers: dict[str, UUID] = field(default_factory=dict)
    places: dict[str, tuple[float, float]] = field(default_factory=dict)


async def _add(session: AsyncSession, *rows: SQLModel) -> None:
    session.add_all(rows)
    await session.flush()


async def build_world(session: AsyncSession) -> World:
    """Write the world into an empty migrated database."""
    world = World()
    await load_defaults(session)
    await load_default_rate_card(session)
    await load_default_ladders(session)
    await _stations(session, world)
    password_hash = await hashed(PASSWORD)
    await _staff(session, world, password_hash)
    for code, (station, members) in CREWS.items():
        await add_crew(session, world, code, station, members, password_hash)
    await _customers(session, world)
    await _sign_in_everybody(session, world)
    return world


async def _stations(session: AsyncSession, world: World) -> None:
    for code, box in AREAS.items():
        station = Station(
            code=code,
            name=f"站 {code}",
            parent_id=world.stations.get("CO"),
            path="/CO/" if code == "CO" else f"/CO/{code}/",
        )
        if box is not None:
            west, south, east, north = box
            ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
            corners = ", ".join(f"{lon} {lat}" for lon, lat in ring)
            station.area = WKTElement(f"MULTIPOLYGON((({corners})))", srid=4326)
            station.location = point((west + east) / 2, (south + north) / 2)
        await _add(session, station)
        world.stations[code] = station.id


async def _user(
    session: AsyncSession, world: World, username: str, role: Role, station: str | None, hash_: str
) -> User:
    user = User(
        username=username, password_hash=hash_, display_name=username.title(), created_at=NOW
    )
    await _add(session, user)
    station_id = world.stations[station] if station else None
    await _add(session, RoleGrant(user_id=user.id, role=role.value, station_id=station_id))
    world.users[username] = user.id
    return user


async def _staff(session: AsyncSession, world: World, password_hash: str) -> None:
    for username, (role, station) in STAFF.items():
        await _user(session, world, username, role, station, password_hash)


async def add_crew(
    session: AsyncSession,
    world: World,
    code: str,
    station: str,
    members: list[tuple[str, str, list[str]]],
    password_hash: str,
) -> None:
    """A crew of a station, its people with accounts and skills, on shift and on line at NOW."""
    crew = Crew(code=code, station_id=world.stations[station], name=f"班组 {code}")
    await _add(session, crew)
    world.crews[code] = crew.id
    west, south, east, north = AREAS[station]  # type: ignore[misc]
    home = point((west + east) / 2, (south + north) / 2)
    for username, role, skills in members:
        user = await _user(session, world, username, Role.TECHNICIAN, station, password_hash)
        technician = Technician(
            user_id=user.id,
            station_id=crew.station_id,
            employee_no=f"E-{username}",
            name=username.title(),
        )
        device = Device(
            id=uuid4(), user_id=user.id, name="test phone", platform="android", created_at=NOW
        )
        await _add(session, technician, device)
        world.technicians[username] = technician.id
        world.devices[username] = device.id
        await _add(
            session,
            CrewMember(crew_id=crew.id, technician_id=technician.id, role=role, since=NOW),
            *(
                TechnicianSkill(
                    technician_id=technician.id, skill=skill, expires_on=date(2030, 1, 1)
                )
                for skill in skills
            ),
            Attendance(technician_id=technician.id, clock_in_at=NOW - timedelta(hours=1)),
            Presence(
                technician_id=technician.id,
                online=True,
                seen_at=NOW,
                location=home,
                location_at=NOW,
            ),
        )
    await _add(
        session,
        Shift(
            crew_id=crew.id, starts_at=NOW - timedelta(hours=1), ends_at=NOW + timedelta(hours=11)
        ),
    )


async def _customers(session: AsyncSession, world: World) -> None:
    number = 0
    for name, (station, lon, lat) in BUILDINGS.items():
        community = Community(name=name[:-1] + name[-1], district="历下区")
        await _add(session, community)
        building = Building(
            community_id=community.id,
            station_id=world.stations[station],
            number=name[-1],
            address=f"历下区经十路{100 + number}号{name[:-1]}{name[-1]}号楼",
            location=point(lon, lat),
            original_lon=lon,
            original_lat=lat,
            datum="wgs84",
        )
        await _add(session, building)
        world.buildings[name] = building.id
        world.places[name] = (lon, lat)
        for unit, room in (("1", "101"), ("1", "102"), ("2", "201")):
            number += 1
            await _premises(session, world, building, name, unit, room, number)


async def _premises(
    session: AsyncSession,
    world: World,
    building: Building,
    name: str,
    unit: str,
    room: str,
    number: int,
) -> None:
    premises = Premises(building_id=building.id, unit=unit, room=room)
    customer = Customer(customer_no=f"C{number:04d}", name=f"客户{number}")
    await _add(session, premises, customer)
    await _add(
        session,
        CustomerPhone(customer_id=customer.id, phone=f"1390000{number:04d}"),
        Occupancy(customer_id=customer.id, premises_id=premises.id),
    )
    if number == 1:
        await _add(session, AccountFlag(premises_id=premises.id, kind="vulnerable", since=NOW))
    world.premises[f"{name}-{unit}-{room}"] = premises.id
    world.customers[customer.customer_no] = customer.id


async def _sign_in_everybody(session: AsyncSession, world: World) -> None:
    for username, user_id in world.users.items():
        login = LoginSession(
            user_id=user_id,
            device_id=world.devices.get(username),
            refresh_hash=uuid4().hex,
            rotated_at=NOW,
            created_at=NOW,
            expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        )
        await _add(session, login)
        world.sessions[username] = login.id


def access_token(world: World, username: str) -> str:
    """A fresh access token of the person's sign-in, on their own phone when they have one."""
    return tokens.access_token(world.users[username], world.sessions[username])
