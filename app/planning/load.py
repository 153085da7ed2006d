"""Reads the snapshot of a station and all below it, in one short transaction.

Orders that wait (NEW, RETURNED) are planned. What is SENT or later stays with its crew in the
order of its day; standing crews that are off shift or off line are not planned, and joint crews
never are: they only keep their members' standing crews busy.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.organisation import service as organisation
from app.organisation.service import Capability
from app.payouts.expected import Expected
from app.planning import policy, snapshot_rows
from app.planning.build import ON_SITE
from app.planning.earnings import expected_at, income_of, incomes
from app.planning.lending import Units, contractors, foreign, lent_crews
from app.planning.snapshot import (
    CrewNow,
    Elsewhere,
    Facts,
    Held,
    IdleCrew,
    Job,
    Published,
    Rest,
    Snapshot,
)
from routing import Place


@dataclass(slots=True)
class _Reading:
    """What the jobs of one snapshot need beside their rows."""

    at: datetime
    expected: Expected
    codes: Mapping[UUID, str]
    planned: Mapping[UUID, Published] = field(default_factory=dict)
    lost: Mapping[UUID, list[tuple[UUID, str, datetime]]] = field(default_factory=dict)
    tolerances: Mapping[tuple[Any, ...], int] = field(default_factory=dict)
    foreign: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    """Station -> crews beyond a contractor's border, which it may not ask."""


async def load(session: AsyncSession, station_id: UUID, at: datetime, horizon_s: int) -> Snapshot:
    """The snapshot at `at`; must be the transaction's first statement.

    `dirty_seq` is of the same instant as the orders, so a change that the plan does not know is
    never taken for planned.
    """
    await snapshot_rows.one_snapshot(session)
    stations = await organisation.subtree(session, station_id)
    seqs = await snapshot_rows.dirty_seqs(session, stations)
    able = [
        crew
        for crew in await organisation.capabilities(session, stations, at)
        if crew.kind == "standing"
    ]
    units = await contractors(session)
    lent = await lent_crews(session, station_id, at, units)
    able += lent
    expected = await expected_at(session, at)
    held = await _held_by_crew(session, able, _Reading(at, expected, {}))
    waiting = await snapshot_rows.waiting_orders(session, stations)
    published = {
        row.order_id: Published(row.code, row.position)
        for row in await snapshot_rows.published(session, stations)
    }
    reading = await _reading(session, _Reading(at, expected, {}, published), waiting, able)
    reading.foreign = _foreign(reading.codes, able, units, stations)
    jobs = [_job(row, reading) for row in waiting]
    crews, idle = await _crews(session, able, held, reading, stations)
    codes = {crew.id: crew.code for crew in crews}
    away = await snapshot_rows.visits_elsewhere(session, codes.keys(), stations)
    opens_by = at + timedelta(seconds=horizon_s)
    return Snapshot(
        station_id=station_id,
        at=at,
        dirty_seqs=seqs,
        jobs=tuple(job for job in jobs if not _opens_after(job, opens_by)),
        beyond=tuple(job for job in jobs if _opens_after(job, opens_by)),
        crews=tuple(crews),
        idle_crews=tuple(idle),
        published=published,
        elsewhere=tuple(_elsewhere(row, codes[row.crew_id], reading) for row in away),
        units=units,
    )


def _foreign(
    codes: Mapping[UUID, str], able: Collection[Capability], units: Units, stations: Iterable[UUID]
) -> dict[UUID, frozenset[str]]:
    """Station -> crews of the plan that a contractor's border keeps from its orders."""
    if not units:
        return {}
    return {
        station: frozenset(
            codes[crew.crew_id] for crew in able if foreign(units, station, crew.station_id)
        )
        for station in stations
    }


def _elsewhere(row: Any, crew_code: str, reading: _Reading) -> Elsewhere:
    """Its crew is decided by another plan, so neither pins nor bans speak here."""
    job = _job(row, _Reading(reading.at, reading.expected, {}))
    return Elsewhere(replace(job, wanted_crew=None), crew_code, row.position)


def _opens_after(job: Job, instant: datetime) -> bool:
    return job.window is not None and job.window[0] > instant


async def _reading(
    session: AsyncSession,
    begun: _Reading,
    waiting: Collection[Any],
    able: Collection[Capability],
) -> _Reading:
    lost: dict[UUID, list[tuple[UUID, str, datetime]]] = defaultdict(list)
    for row in await snapshot_rows.lost_assignments(session, [row.id for row in waiting]):
        lost[row.order_id].append((row.crew_id, row.ended_why, row.ended_at))
    wanted = {row.preferred_crew_id for row in waiting if row.preferred_crew_id}
    named = wanted | {crew.crew_id for crew in able}
    named |= {crew_id for each in lost.values() for crew_id, _, _ in each}
    slots = {_profile_key(row) for row in waiting if row.appointment_from is not None}
    tolerances = {
        key: (await catalogue.limits(session, *key)).get("SLOT", policy.SLOT_TOLERANCE_S)
        for key in slots
    }
    codes = await snapshot_rows.crew_codes(session, named)
    return replace(begun, codes=codes, lost=lost, tolerances=tolerances)


def _profile_key(row: Any) -> tuple[UUID, str, str, str]:
    return row.service_profile_id, row.service_class, row.domain, row.zone


def _job(row: Any, reading: _Reading) -> Job:
    slot = None
    if row.appointment_from is not None and row.appointment_to is not None:
        slot = (row.appointment_from, row.appointment_to)
    tolerance_s = reading.tolerances.get(_profile_key(row), policy.SLOT_TOLERANCE_S)
    preferred = reading.codes.get(row.preferred_crew_id)
    planned = reading.planned.get(row.id)
    let_go = policy.banned(reading.lost.get(row.id, ()), reading.at)
    banned = {reading.codes[each] for each in let_go}
    banned |= reading.foreign.get(row.station_id, frozenset())
    pinned = preferred if row.pinned else None
    return Job(
        id=row.id,
        serial=row.serial,
        station_id=row.station_id,
        facts=facts_of(row),
        place=Place(row.lon, row.lat),
        building=str(row.building_id) if row.building_id else None,
        service_s=row.service_minutes * 60,
        skills=tuple((need["skill"], need["count"]) for need in row.skills),
        crew_size=row.crew_size,
        arrive_by=row.arrive_by,
        window=policy.start_window(slot, tolerance_s, reading.at, row.service_class),
        vulnerable="vulnerable" in row.flags,
        pinned_crew=pinned,
        wanted_crew=preferred or (planned.crew_code if planned else None),
        # A dispatcher who pins the order to a crew knows what stands against it.
        banned_crews=frozenset(banned - {pinned}),
        income=income_of(reading.expected, row.fault_code, row.points, row.crew_size),
    )


def facts_of(row: Any) -> Facts:
    """The facts that a plan rests on, of a row that carries them."""
    return Facts(*(getattr(row, name) for name in Facts._fields))


async def _held_by_crew(
    session: AsyncSession, able: Collection[Capability], reading: _Reading
) -> dict[UUID, list[Held]]:
    """Standing crew -> orders in its own hands and in those of joint crews of its members."""
    standing_of = {member.technician_id: crew.crew_id for crew in able for member in crew.members}
    joint: dict[UUID, set[UUID]] = defaultdict(set)
    for row in await snapshot_rows.joint_memberships(session, standing_of.keys(), reading.at):
        joint[row.crew_id].add(standing_of[row.technician_id])
    own = {crew.crew_id for crew in able}
    held: dict[UUID, list[Held]] = defaultdict(list)
    for row in await snapshot_rows.held_orders(session, own | joint.keys()):
        for crew_id in joint.get(row.crew_id, {row.crew_id}):
            held[crew_id].append(
                Held(
                    job=_job(row, reading),
                    state=row.state,
                    assigned_at=row.assigned_at,
                    spell_action=row.spell_action,
                    spell_at=row.spell_at,
                    part=row.crew_id in joint,
                )
            )
    return held


async def _crews(
    session: AsyncSession,
    able: Collection[Capability],
    held: Mapping[UUID, list[Held]],
    reading: _Reading,
    stations: Collection[UUID],
) -> tuple[list[CrewNow], list[IdleCrew]]:
    ids = [crew.crew_id for crew in able]
    shifts = await snapshot_rows.shifts_at(session, ids, reading.at)
    places = await snapshot_rows.last_places(session, ids, reading.at)
    loads = await snapshot_rows.loads(session, ids, reading.at)
    seen = await snapshot_rows.last_seen(session, ids, reading.at)
    earned = await incomes(session, able, reading.at)
    crews: list[CrewNow] = []
    idle: list[IdleCrew] = []
    for crew in able:
        code, place = reading.codes[crew.crew_id], places.get(crew.crew_id)
        hands = held.get(crew.crew_id, ())
        heard = seen.get(crew.crew_id, reading.at) > reading.at - policy.SILENT_AFTER
        why = _why_idle(crew, place, silent=not heard and not _on_site(hands))
        if why is not None or place is None:
            if crew.station_id in stations:  # a neighbour's that cannot come is no news here
                idle.append(IdleCrew(crew.crew_id, code, why or "no_place"))
            continue
        shift = shifts[crew.crew_id]
        crews.append(
            CrewNow(
                id=crew.crew_id,
                code=code,
                station_id=crew.station_id,
                place=Place(*place),
                shift=(shift.starts_at, shift.ends_at),
                rests=tuple(rests_of(shift.breaks, reading.at)),
                skills=crew.skills,
                size=crew.size,
                load_s=loads.get(crew.crew_id, 0),
                held=tuple(hands),
                income=earned[crew.crew_id],
                lent=crew.station_id not in stations,
            )
        )
    return crews, idle


def _on_site(held: Iterable[Held]) -> bool:
    return any(each.state in ON_SITE for each in held)


def _why_idle(crew: Capability, place: tuple[float, float] | None, *, silent: bool) -> str | None:
    standing = {
        "no_members": crew.size == 0,
        "off_shift": not crew.on_shift,
        "offline": not crew.online,
        "silent": silent,
        "no_place": place is None,
    }
    return next((why for why, holds in standing.items() if holds), None)


def rests_of(breaks: Iterable[Mapping[str, Any]], at: datetime) -> Iterable[Rest]:
    """The breaks of a shift that can still be begun, in order."""
    rests = [
        Rest(
            datetime.fromisoformat(each["from"]),
            datetime.fromisoformat(each["to"]),
            each["duration_s"],
        )
        for each in breaks
    ]
    return sorted(r for r in rests if r.closes - timedelta(seconds=r.duration_s) >= at)
