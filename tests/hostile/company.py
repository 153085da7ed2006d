"""Who works for the company of this test, and which phone each of them carries."""

from dataclasses import dataclass
from typing import Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.identity.passwords import hashed
from tests.factories.world import NOW, PASSWORD, World, add_crew, build_world

SKILLS = ["HB", "HP1", "HP2"]
STATION = "S01"
CHIEF = "chief1"
STRANGER = "tech05"
"""Of the other station: has no order here, and tries to write into other people's uploads."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A technician of the test; `made` is what the phone's app is written in."""

    username: str
    crew: str
    made: Literal["node", "python"]
    clock_offset_s: float
    """How far this phone's clock is off."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody with a phone, and their crews."""

    owners: tuple[Owner, ...]

    @property
    def crews(self) -> list[str]:
        return list(dict.fromkeys(owner.crew for owner in self.owners))


async def found(database: Database, crews: int) -> tuple[World, Roster]:
    """The tests' world with `crews` crews of a leader and a helper at its first station."""
    with clock.frozen(NOW):
        async with database.transaction() as session:
            world = await build_world(session)
            roster = await _recruit(session, world, crews)
    return world, roster


async def _recruit(session: AsyncSession, world: World, crews: int) -> Roster:
    password_hash = await hashed(PASSWORD)
    owners: list[Owner] = []
    for number in range(crews):
        code = f"H{number + 1}"
        names = (f"{code.lower()}leader", f"{code.lower()}helper")
        members = [(names[0], "leader", SKILLS), (names[1], "helper", SKILLS)]
        await add_crew(session, world, code, STATION, members, password_hash)
        for place, name in enumerate(names):
            index = 2 * number + place
            made: Literal["node", "python"] = "python" if (number + place) % 3 == 1 else "node"
            owners.append(Owner(name, code, made, _off_s(index)))
    return Roster(tuple(owners))


def _off_s(index: int) -> float:
    """Most clocks are a little off, one is three hours fast, one a quarter of an hour slow."""
    return {2: 3 * 3600.0, 5: -900.0}.get(index, index * 1.7 - 5.0)
