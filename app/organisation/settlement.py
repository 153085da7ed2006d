"""Who works under contract, and under which code people are paid: inherited down the tree.

DOMAIN D15: contractor teams are units of the organisation with a settlement of their own.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation.models import Station


class Settled(NamedTuple):
    """What holds for a station, its own or from above."""

    contractor: bool
    settlement_unit: str


class Own(NamedTuple):
    """What a station says itself."""

    code: str
    contractor: bool
    settlement_unit: str | None


def inherited(line: Iterable[Own]) -> Settled:
    """What holds at the end of a line from the root: the root's code is the unit to begin with.

    A station below a contractor is the contractor's; a unit holds until one below names another.
    """
    contractor, unit = False, ""
    for each in line:
        contractor = contractor or each.contractor
        unit = each.settlement_unit or unit or each.code
    return Settled(contractor, unit)


async def settled(session: AsyncSession, stations: Collection[Station]) -> dict[UUID, Settled]:
    """By station id, one statement however many there are."""
    lines = {each.id: _codes(each.path) for each in stations}
    own = await _own(session, {code for line in lines.values() for code in line})
    return {each: inherited(own[code] for code in line) for each, line in lines.items()}


async def settlement_units(session: AsyncSession) -> dict[UUID, str]:
    """The unit that each station of the company is settled under."""
    return {each: found.settlement_unit for each, found in (await _everybody(session)).items()}


async def contractor_units(session: AsyncSession) -> dict[UUID, str]:
    """Station of a contractor -> the unit it is settled under; the company's own have no entry."""
    found = await _everybody(session)
    return {each: settled.settlement_unit for each, settled in found.items() if settled.contractor}


async def _everybody(session: AsyncSession) -> dict[UUID, Settled]:
    stations = (await session.exec(select(Station.id, Station.path))).all()
    own = await _own(session, None)
    return {
        station_id: inherited(own[code] for code in _codes(path)) for station_id, path in stations
    }


def _codes(path: str) -> list[str]:
    return path.strip("/").split("/")


async def _own(session: AsyncSession, codes: Collection[str] | None) -> dict[str, Own]:
    query = select(Station.code, Station.contractor, Station.settlement_unit)
    if codes is not None:
        query = query.where(col(Station.code).in_(codes))
    return {row[0]: Own(*row) for row in (await session.exec(query)).all()}
