"""Reading pay: statements, totals, rate cards, inside the reader's scope."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.problems import NotFound
from app.core.scope import Principal
from app.organisation import service as organisation
from app.organisation.models import Technician
from app.payouts import card_rows, repository
from app.payouts.models import UNIT, RateCard
from app.payouts.policy import Sum, Totals, totals
from app.payouts.repository import EntryRow


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, and the unit under which it is settled."""

    row: EntryRow
    settlement_unit: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One technician's month; the totals are exactly those of the lines."""

    technician: Technician
    settlement_unit: str
    """Of the last line; of the station where the technician belongs now when there is none."""
    lines: list[Line]
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

    With `settlement_unit` they hold the lines of that unit alone: what was earned before a move
    stays with the unit of that time. A technician who is asked for by id gets one even without
    lines; raises NotFound for one outside the scope, or who neither has lines of the unit that is
    asked for nor belongs to it.
    """
    units = await organisation.settlement_units(session)
    unit = _unit(units, settlement_unit)
    people: Sequence[Technician]
    if technician_id is not None:
        person = await repository.technician_in_scope(session, principal, technician_id)
        people = [person] if person is not None else []
    else:
        people = await repository.paid_technicians(session, principal, month, unit, after, limit)
    ids = [each.id for each in people]
    lines: dict[UUID, list[Line]] = {each: [] for each in ids}
    for row in await repository.statement_rows(session, ids, month, unit):
        lines[row.entry.technician_id].append(_line(row, people, units))
    found = [_statement(each, units[each.station_id], lines[each.id]) for each in people]
    if technician_id is not None:
        found = [each for each in found if unit is None or each.settlement_unit == unit.code]
        if not found:
            raise NotFound()
    return found


def _unit(units: Mapping[UUID, str], code: str | None) -> repository.Unit | None:
    if code is None:
        return None
    return repository.Unit(code, [station for station, unit in units.items() if unit == code])


def _line(row: EntryRow, people: Sequence[Technician], units: Mapping[UUID, str]) -> Line:
    kept = row.entry.inputs.get(UNIT)
    if kept is None:
        kept = units[next(e.station_id for e in people if e.id == row.entry.technician_id)]
    return Line(row, str(kept))


def _statement(person: Technician, unit_now: str, lines: list[Line]) -> Statement:
    parts = (
        (each.row.standing, Sum(1, each.row.entry.points, each.row.entry.amount_minor))
        for each in lines
    )
    unit = lines[-1].settlement_unit if lines else unit_now
    return Statement(person, unit, lines, totals(parts))


class Part(NamedTuple):
    """A station's share that is settled under one unit."""

    station_id: UUID
    settlement_unit: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A month's totals over the reader's scope, in all, and per station and settlement unit."""

    technicians: int
    totals: Totals
    parts: dict[Part, Totals]


async def summary(
    session: AsyncSession, principal: Principal, month: str, settlement_unit: str | None = None
) -> Summary:
    """What the statements of this month and scope, or of one settlement unit, add up to."""
    units = await organisation.settlement_units(session)
    unit = _unit(units, settlement_unit)
    found: dict[Part, list[tuple[str, Sum]]] = defaultdict(list)
    for row in await repository.totals_by_station(session, principal, month, unit):
        part = Part(row.station_id, row.unit if row.unit is not None else units[row.station_id])
        found[part].append((row.standing, Sum(row.entries, row.points, row.amount_minor)))
    return Summary(
        technicians=await repository.count_paid(session, principal, month, unit),
        totals=totals(each for part in found.values() for each in part),
        parts={part: totals(found[part]) for part in sorted(found)},
    )


async def rate_cards(session: AsyncSession) -> list[tuple[RateCard, bool]]:
    """Every card, oldest first, and whether it is in force today."""
    today = clock.now().astimezone(settings.current().zone).date()
    current = await card_rows.card_on(session, today)
    return [
        (card, current is not None and card.id == current.id)
        for card in await card_rows.cards(session)
    ]
