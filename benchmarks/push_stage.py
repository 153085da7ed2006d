"""The stage of `benchmarks.push`: 100 stations with 500 crews of one, their phones, and homes."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from geoalchemy2 import WKTElement
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.load import load_defaults
from app.core import clock
from app.core.db import Database
from app.core.geo import point
from app.core.ids import new_id
from app.customers.models import Building, Community, Premises
from app.identity import tokens
from app.identity.models import Device, LoginSession, RoleGrant, User
from app.notifications.ladders import load_default_ladders
from app.notifications.models import PushAddress
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
from benchmarks import push_texts
from benchmarks.push_client import LeanClient

ROWS_AT_ONCE = 200
STATIONS = 100
SIDE = 0.01
"""Degrees; stations lie in a row of squares."""
WEST, SOUTH = 116.0, 36.6


@dataclass
class Stage:
    """Ids of what was written."""

    stations: list[UUID] = field(default_factory=list)
    crews: list[UUID] = field(default_factory=list)
    """One after the other of another station; so are the homes, each with a crew of its station."""
    phones: list[str] = field(default_factory=list)
    """An access token of each crew's phone."""
    premises: list[UUID] = field(default_factory=list)
    token: str = ""
    """An access token of the one desk that takes calls, dispatches and watches."""


async def build(database: Database, devices: int) -> Stage:
    """Write the company into a migrated database, in short transactions as everywhere."""
    async with database.transaction() as session:
        await load_defaults(session)
        await load_default_rate_card(session)
        await load_default_ladders(session)
    stage = Stage()
    stations = [_station(number) for number in range(STATIONS)]
    stage.stations = [each.id for each in stations]
    # In three goes, as foreign keys ask for it.
    crews = [_crew(stage, number) for number in range(devices)]
    waves: list[list[SQLModel]] = [list(stations)]
    waves += [[row for crew in crews for row in crew[wave]] for wave in range(3)]
    for rows in waves:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            async with database.transaction() as session:
                session.add_all(rows[start : start + ROWS_AT_ONCE])
    async with database.transaction() as session:
        await _homes(session, stage, devices)
    async with database.transaction() as session:
        await _desk(session, stage)
    return stage


async def send_order(desk: LeanClient, stage: Stage, number: int) -> str:
    """Report a cold home and assign it, over HTTP, to a crew of its station; the order's id."""
    report = {
        "caller": {"name": "王女士", "phone": push_texts.number_of(number)},
        "premises_id": str(stage.premises[number % len(stage.premises)]),
        "fault_code": "H01",
        "description": "全屋不热",
    }
    order = await desk.post("/work-orders", report)
    chosen = {"crew_id": str(stage.crews[number % len(stage.crews)]), "reason": "next"}
    await desk.post(f"/work-orders/{order['id']}/assign", chosen)
    return str(order["id"])


def place_of(number: int) -> tuple[float, float]:
    """The middle of a station's square."""
    return WEST + (number % STATIONS + 0.5) * SIDE, SOUTH + SIDE / 2


def _station(number: int) -> Station:
    west, north = WEST + number * SIDE, SOUTH + SIDE
    east = west + SIDE
    corners = f"{west} {SOUTH}, {east} {SOUTH}, {east} {north}, {west} {north}, {west} {SOUTH}"
    code = f"S{number:02d}"
    station = Station(code=code, name=f"{number}站", path=f"/{code}/")
    station.area = WKTElement(f"MULTIPOLYGON((({corners})))", srid=4326)
    station.location = point(*place_of(number))
    return station


def _crew(stage: Stage, number: int) -> tuple[list[SQLModel], list[SQLModel], list[SQLModel]]:
    """A crew of one with a phone, in the order in which its rows can be written."""
    now = clock.now()
    station_id = stage.stations[number % STATIONS]
    user = User(
        username=f"tech{number:04d}", password_hash="", display_name=f"T{number}", created_at=now
    )
    person = Technician(
        user_id=user.id,
        station_id=station_id,
        employee_no=f"E{number:04d}",
        name=f"T{number}",
    )
    crew = Crew(code=f"C{number:04d}", station_id=station_id, name=f"班组{number}")
    device = _device(user, number)
    login = _login(user, device.id)
    stage.crews.append(crew.id)
    stage.phones.append(tokens.access_token(user.id, login.id))
    return (
        [user],
        [person, crew, device],
        [
            login,
            RoleGrant(user_id=user.id, role="technician", station_id=station_id),
            CrewMember(crew_id=crew.id, technician_id=person.id, role="leader", since=now),
            TechnicianSkill(technician_id=person.id, skill="HB", expires_on=date(2090, 1, 1)),
            Attendance(technician_id=person.id, clock_in_at=now),
            Presence(
                technician_id=person.id,
                online=True,
                seen_at=now,
                location=point(*place_of(number)),
                location_at=now,
            ),
            Shift(crew_id=crew.id, starts_at=now, ends_at=now + timedelta(hours=10)),
            _address(user, device, number),
        ],
    )


def _device(user: User, number: int) -> Device:
    return Device(
        id=uuid4(),
        user_id=user.id,
        name="phone",
        platform="android",
        brand=("huawei", "xiaomi", "oppo", "vivo", "honor")[number % 5],
        app_version="1.0",
        created_at=clock.now(),
    )


def _login(user: User, device_id: UUID | None = None) -> LoginSession:
    now = clock.real_now()
    return LoginSession(
        id=new_id(),
        user_id=user.id,
        device_id=device_id,
        refresh_hash=uuid4().hex,
        rotated_at=now,
        created_at=now,
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
    )


def _address(user: User, device: Device, number: int) -> PushAddress:
    return PushAddress(
        user_id=user.id,
        device_id=device.id,
        provider="fcm",
        kind="fid",
        address=f"phone-{number:04d}",
        registered_at=clock.now(),
    )


async def _homes(session: AsyncSession, stage: Stage, count: int) -> None:
    community = Community(name="锦绣家园", district="历下区")
    session.add(community)
    await session.flush()
    buildings = [_building(community.id, stage, number) for number in range(STATIONS)]
    session.add_all(buildings)
    await session.flush()
    homes = [
        Premises(building_id=buildings[n % STATIONS].id, unit="1", room=str(n))
        for n in range(count)
    ]
    session.add_all(homes)
    stage.premises = [each.id for each in homes]
    await session.flush()


def _building(community_id: UUID, stage: Stage, number: int) -> Building:
    lon, lat = place_of(number)
    return Building(
        community_id=community_id,
        station_id=stage.stations[number],
        number=str(number),
        address=f"经十路{number}号",
        location=point(lon, lat),
        original_lon=lon,
        original_lat=lat,
        datum="wgs84",
    )


async def _desk(session: AsyncSession, stage: Stage) -> None:
    now = clock.real_now()
    user = User(username="desk", password_hash="", display_name="Desk", created_at=now)
    session.add(user)
    await session.flush()
    login = _login(user)
    session.add_all(
        [
            RoleGrant(user_id=user.id, role="agent"),
            RoleGrant(user_id=user.id, role="dispatcher"),
            login,
        ]
    )
    await session.flush()
    stage.token = tokens.access_token(user.id, login.id)
