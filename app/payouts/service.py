"""Reading pay: statements, totals, rate cards, inside the reader's scope."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.problems import NotFound
from app.core.scope import Principal
from app.organisation import service as organisation
from app.organisation.models import Technician
from app.payouts import repository
from app.payouts.models import RateCard
from app.payouts.policy import Sum, Totals, totals
from app.payouts.repository import EntryRow


@dataclass(frozen=True, slots=True)
class Statement:
    """One technician's month; the totals are exactly those of the lines."""

    technician: Technician
    settlement_unit: str
    """Of the station where the technician belongs now."""
    lines: list[EntryRow]
    totals: Totals


async def statements(
    session: AsyncSession,
    principal: Principal,
    month: str,
    *,
    technician_id: UUID | None,
    settlement_unit: str | None = None,
    after: UUID | None,
    limit: int,
) -> list[Statement]:
    """Statements of technicians in scope who earned in the local month `2026-01`, by id.

    A technician who is asked for by id gets one even without lines; raises NotFound for one
    outside the scope or of another settlement unit than the one that is asked for.
    """
    units = await organisation.settlement_units(session)
    of_unit = _stations_of(units, settlement_unit)
    people: Sequence[Technician]
    if technician_id is not None:
        person = await repository.technician_in_scope(session, principal, technician_id, of_unit)
        if person is None:
            raise NotFound()
        people = [person]
    else:
        people = await repository.paid_technicians(session, principal, month, of_unit, after, limit)
    rows = await repository.statement_rows(session, [each.id for each in people], month)
    return [
        _statement(
            person,
            units[person.station_id],
            [row for row in rows if row.entry.technician_id == person.id],
        )
        for person in people
    ]


def _stations_of(units: dict[UUID, str], settlement_unit: str | None) -> Collection[UUID] | None:
    """The stations that are settled under this unit; None are all."""
    if settlement_unit is None:
        return None
    return [station_id for station_id, unit in units.items() if unit == settlement_unit]


def _statement(person: Technician, unit: str, lines: list[EntryRow]) -> Statement:
    parts = ((row.standing, Sum(1, row.entry.points, row.entry.amount_minor)) for row in lines)
    return Statement(person, unit, lines, totals(parts))


@dataclass(frozen=True, slots=True)
class Summary:
    """A month's totals over the reader's scope, in all and per station."""

    technicians: int
    totals: Totals
    stations: dict[UUID, Totals]
    settlement_units: dict[UUID, str]
    """By station."""


async def summary(
    session: AsyncSession, principal: Principal, month: str, settlement_unit: str | None = None
) -> Summary:
    """What the statements of this month and scope, or of one settlement unit, add up to."""
    units = await organisation.settlement_units(session)
    of_unit = _stations_of(units, settlement_unit)
    rows = await repository.totals_by_station(session, principal, month, of_unit)
    parts = [
        (row.station_id, row.standing, Sum(row.entries, row.points, row.amount_minor))
        for row in rows
    ]
    stations = sorted({station for station, _, _ in parts})
    return Summary(
        technicians=await repository.count_paid(session, principal, month, of_unit),
        totals=totals((standing, part) for _, standing, part in parts),
        stations={
            each: totals((standing, part) for station, standing, part in parts if station == each)
            for each in stations
        },
        settlement_units={each: units[each] for each in stations},
    )


async def rate_cards(session: AsyncSession) -> list[tuple[RateCard, bool]]:
    """Every card, oldest first, and whether it is in force today."""
    today = clock.now().astimezone(settings.current().zone).date()
    current = await repository.card_on(session, today)
    return [
        (card, current is not None and card.id == current.id)
        for card in await repository.cards(session)
    ]
