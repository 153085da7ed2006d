"""Reads the snapshot of a station and all below it, in one short transaction.

Orders that wait (NEW, RETURNED) are planned. What is SENT or later stays with its crew in the
order of its day; standing crews that are off shift or off line are not planned, and joint crews
never are: they only keep their members' standing crews busy.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation import service as organisation
from app.organisation.service import Capability
from app.planning import policy, snapshot_rows
from app.planning.build import ON_SITE
from app.planning.earnings import expected_at, incomes
from app.planning.lending import Units, can_come, contractors, crews_at_border, foreign
from app.planning.reading import Reading, elsewhere_of, job_of, opens_after, read, wishes
from app.planning.snapshot import CrewNow, Elsewhere, Held, IdleCrew, Published, Rest, Snapshot
from routing import Place


async def load(session: AsyncSession, station_id: UUID, at: datetime, horizon_s: int) -> Snapshot:
    """The snapshot at `at`; must be the transaction's first statement.

    `dirty_seq` is of the same instant as the orders, so a change that the plan does not know is
    never taken for planned.
    """
    await snapshot_rows.one_snapshot(session)
    stations = await organisation.subtree(session, station_id)
    seqs = await snapshot_rows.dirty_seqs(session, stations)
    units = await contractors(session)
    able = await able_crews(session, station_id, stations, units, at)
    blank = Reading(at, await expected_at(session, at), {})
    held = await held_by_crew(session, able, await joint_crews(session, able, at), blank)
    waiting = await snapshot_rows.waiting_orders(session, stations)
    published = {
        row.order_id: Published(row.code, row.position, row.start_at)
        for row in await snapshot_rows.published(session, stations)
    }
    reading = await read(session, replace(blank, planned=published), waiting, able)
    reading.foreign = foreign_crews(reading.codes, able, units, stations)
    jobs = wishes([job_of(row, reading) for row in waiting], published.keys())
    on_site = {crew_id for crew_id, hands in held.items() if any(h.state in ON_SITE for h in hands)}
    empty, idle = await crews_now(session, able, on_site, reading, stations)
    crews = await with_their_work(session, empty, able, held, at)
    until = at + timedelta(seconds=horizon_s)
    later = {job.id for job in jobs if opens_after(job.window, until)}
    return Snapshot(
        station_id=station_id,
        at=at,
        dirty_seqs=seqs,
        jobs=tuple(job for job in jobs if job.id not in later),
        beyond=tuple(job for job in jobs if job.id in later),
        crews=tuple(crews),
        idle_crews=tuple(idle),
        published=published,
        elsewhere=await visits_elsewhere(session, crews, stations, reading),
        units=units,
    )


async def able_crews(
    session: AsyncSession, station_id: UUID, stations: Collection[UUID], units: Units, at: datetime
) -> list[Capability]:
    """Standing crews of the stations, and those that neighbours lend."""
    near = await crews_at_border(session, station_id, at, units)
    able = await organisation.capabilities(session, stations, at, besides=near)
    own = [crew for crew in able if crew.station_id in stations]
    lent = [crew for crew in able if crew.station_id not in stations and can_come(crew)]
    return [crew for crew in own if crew.kind == "standing"] + lent


async def visits_elsewhere(
    session: AsyncSession, crews: Iterable[CrewNow], stations: Collection[UUID], reading: Reading
) -> tuple[Elsewhere, ...]:
    """What plans of other stations have given to these crews."""
    codes = {crew.id: crew.code for crew in crews}
    away = await snapshot_rows.visits_elsewhere(session, codes.keys(), stations)
    return tuple(elsewhere_of(row, codes[row.crew_id], reading) for row in away)


def foreign_crews(
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


async def joint_crews(
    session: AsyncSession, able: Collection[Capability], at: datetime
) -> dict[UUID, set[UUID]]:
    """Joint crew -> the standing crews of its members: its orders keep these busy."""
    standing_of = {member.technician_id: crew.crew_id for crew in able for member in crew.members}
    joint: dict[UUID, set[UUID]] = defaultdict(set)
    for row in await snapshot_rows.joint_memberships(session, standing_of.keys(), at):
        joint[row.crew_id].add(standing_of[row.technician_id])
    return joint


async def held_by_crew(
    session: AsyncSession,
    able: Collection[Capability],
    joint: Mapping[UUID, set[UUID]],
    reading: Reading,
) -> dict[UUID, list[Held]]:
    """Standing crew -> orders in its own hands and in those of joint crews of its members."""
    own = {crew.crew_id for crew in able}
    held: dict[UUID, list[Held]] = defaultdict(list)
    for row in await snapshot_rows.held_orders(session, own | joint.keys()):
        for crew_id in joint.get(row.crew_id, {row.crew_id}):
            held[crew_id].append(
                Held(
                    job=job_of(row, reading),
                    state=row.state,
                    assigned_at=row.assigned_at,
                    spell_action=row.spell_action,
                    spell_at=row.spell_at,
                    part=row.crew_id in joint,
                )
            )
    return held


async def crews_now(
    session: AsyncSession,
    able: Collection[Capability],
    on_site: Collection[UUID],
    reading: Reading,
    stations: Collection[UUID],
) -> tuple[list[CrewNow], list[IdleCrew]]:
    """Those that can be planned, with nothing in their hands yet, and those that cannot."""
    rows = await snapshot_rows.crews_at(session, [crew.crew_id for crew in able], reading.at)
    crews: list[CrewNow] = []
    idle: list[IdleCrew] = []
    for crew in able:
        code, row = reading.codes[crew.crew_id], rows[crew.crew_id]
        heard = (row.seen_at or reading.at) > reading.at - policy.SILENT_AFTER
        placed = row.lon is not None
        silent = not heard and crew.crew_id not in on_site
        why = _why_idle(crew, placed=placed, silent=silent)
        own = crew.station_id in stations
        if why is None:
            crews.append(replace(_now(crew, code, row, reading.at), lent=not own))
        elif own:  # a neighbour's that cannot come is no news here
            idle.append(IdleCrew(crew.crew_id, code, why))
    return crews, idle


async def with_their_work(
    session: AsyncSession,
    crews: Sequence[CrewNow],
    able: Collection[Capability],
    held: Mapping[UUID, list[Held]],
    at: datetime,
) -> list[CrewNow]:
    """These crews with what they have in their hands, have done today and earned this month."""
    ids = {crew.id for crew in crews}
    loads = await snapshot_rows.loads(session, ids, at)
    earned = await incomes(session, [crew for crew in able if crew.crew_id in ids], at)
    return [
        replace(
            crew,
            load_s=loads.get(crew.id, 0),
            held=tuple(held.get(crew.id, ())),
            income=earned[crew.id],
        )
        for crew in crews
    ]


def _now(crew: Capability, code: str, row: Any, at: datetime) -> CrewNow:
    """The crew on its shift, with nothing in its hands; `row` is that of `crews_at`."""
    return CrewNow(
        id=crew.crew_id,
        code=code,
        station_id=crew.station_id,
        place=Place(row.lon, row.lat),
        shift=(row.starts_at, row.ends_at),
        rests=tuple(rests_of(row.breaks, at)),
        skills=crew.skills,
        size=crew.size,
        load_s=0,
        held=(),
    )


def _why_idle(crew: Capability, *, placed: bool, silent: bool) -> str | None:
    standing = {
        "no_members": crew.size == 0,
        "off_shift": not crew.on_shift,
        "offline": not crew.online,
        "silent": silent,
        "no_place": not placed,
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
