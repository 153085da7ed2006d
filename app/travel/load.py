"""Reads what crews hold and where they are, in one short transaction.

A joint crew has no way of its own: each of its members' standing crews drives to the order.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.planning import policy as planning
from app.planning.snapshot import Rest
from app.travel import repository
from app.travel.chain import CrewDay, Start, Stop
from routing import Place


@dataclass(frozen=True, slots=True)
class Loaded:
    """Days to be computed. Of `crews` all is known that their arrivals rest on; `bases` says what
    each holds (basis, seen_at)."""

    days: tuple[CrewDay, ...]
    crews: frozenset[UUID]
    bases: Mapping[UUID, Any]


async def crew_days(session: AsyncSession, crews: Collection[UUID], now: datetime) -> Loaded:
    """The days of these crews and of those they share people with.

    Must be the transaction's first statement. Crews without any known place have no day: nobody
    can say when they arrive.
    """
    await repository.one_snapshot(session)
    close = {*crews, *(row.crew_id for row in await repository.near(session, crews, now))}
    people = await repository.near(session, close, now)
    everyone = {*close, *(row.crew_id for row in people)}
    sure = close | {row.crew_id for row in people if row.kind == "standing"}
    drivers = _drivers(everyone, people)
    held = await repository.held(session, everyone)
    starts = await repository.starts(session, everyone, now)
    shifts = await repository.shifts(session, everyone, now)
    stops: dict[UUID, list[Stop]] = defaultdict(list)
    for row in held:
        for driver in drivers[row.crew_id]:
            stops[driver].append(_stop(row, now))
    departures = _departures(held, drivers)
    days = tuple(
        CrewDay(
            crew_id=crew,
            start=_start(starts[crew], departures.get(crew)),
            stops=tuple(stops[crew]),
            begins_at=_begins_at(shifts.get(crew)),
            rests=tuple(_rests(shifts[crew].breaks, now)) if crew in shifts else (),
        )
        for crew in sorted(stops)
        if crew in starts
    )
    return Loaded(days, frozenset(sure), await repository.bases(session, sure, now))


def _drivers(crews: Iterable[UUID], people: Iterable[Any]) -> dict[UUID, tuple[UUID, ...]]:
    """Crew -> the crews that drive to its orders: itself, or its members' standing crews."""
    standing = {row.technician_id: row.crew_id for row in people if row.kind == "standing"}
    joint: dict[UUID, set[UUID]] = defaultdict(set)
    for row in people:
        if row.kind == "joint" and row.technician_id in standing:
            joint[row.crew_id].add(standing[row.technician_id])
    return {crew: tuple(sorted(joint.get(crew, {crew}))) for crew in crews}


def _stop(row: Any, now: datetime) -> Stop:
    slot = None
    if row.appointment_from is not None and row.appointment_to is not None:
        slot = (row.appointment_from, row.appointment_to)
    window = planning.start_window(slot, planning.SLOT_TOLERANCE_S, now, row.service_class)
    return Stop(
        order_id=row.id,
        crew_id=row.crew_id,
        station_id=row.station_id,
        state=row.state,
        service_class=row.service_class,
        place=Place(row.lon, row.lat),
        building=row.building_id,
        service_s=row.service_minutes * 60,
        assigned_at=row.assigned_at,
        opens_at=window[0] if window else None,
        spell_action=row.spell_action,
        spell_at=row.spell_at,
    )


def _begins_at(shift: Any) -> datetime | None:
    """Before when the crew does not set out; None when it is at work, or nobody knows."""
    begins_at: datetime | None = None if shift is None or shift.at_work else shift.starts_at
    return begins_at


def _departures(held: Iterable[Any], drivers: Mapping[UUID, Iterable[UUID]]) -> dict[UUID, Start]:
    """Crew -> where it set out, when the phone measured that."""
    found = {}
    for row in held:
        if row.state == "ENROUTE" and row.spell_action == "departed" and row.spell_place:
            lon, lat = (float(part) for part in row.spell_place)
            for crew in drivers[row.crew_id]:
                found[crew] = Start("position", Place(lon, lat), row.spell_at)
    return found


def _start(row: Any, departure: Start | None) -> Start:
    """The later of the two that are known."""
    known = Start(row.kind, Place(row.lon, row.lat), row.at)
    if departure is None or departure.at is None:
        return known
    return departure if known.at is None or departure.at > known.at else known


def _rests(breaks: Iterable[Mapping[str, Any]], now: datetime) -> list[Rest]:
    """The breaks that can still be begun, in order."""
    rests = [
        Rest(
            datetime.fromisoformat(each["from"]),
            datetime.fromisoformat(each["to"]),
            each["duration_s"],
        )
        for each in breaks
    ]
    return sorted(r for r in rests if r.closes - timedelta(seconds=r.duration_s) >= now)
