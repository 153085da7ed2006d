"""Reads as much of the snapshot as danger needs: the crews near an order, and their days.

First where every crew stands and goes, in few columns, then all of the nearest alone: reading the
whole station took most of the time that danger waits for its crew.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation import service as organisation
from app.organisation.service import Capability
from app.planning import snapshot_rows
from app.planning.build import ON_SITE
from app.planning.earnings import expected_at
from app.planning.lending import Units, contractors
from app.planning.load import (
    able_crews,
    crews_now,
    foreign_crews,
    held_by_crew,
    joint_crews,
    visits_elsewhere,
    with_their_work,
)
from app.planning.nearby import Point, nearest, part_of
from app.planning.reading import (
    Reading,
    job_of,
    opens_after,
    read,
    slot_tolerances,
    window_of,
    wishes,
)
from app.planning.snapshot import CrewNow, Job, Published, Snapshot

Joint = Mapping[UUID, set[UUID]]


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What is known of an order before the nearest crews are chosen."""

    row: Any
    stations: frozenset[UUID]
    units: Units
    able: list[Capability]
    joint: Joint
    until: datetime

    @classmethod
    async def of(
        cls, session: AsyncSession, row: Any, at: datetime, horizon_s: int
    ) -> "_Surroundings":
        stations = await organisation.subtree(session, row.station_id)
        units = await contractors(session)
        able = await able_crews(session, row.station_id, stations, units, at)
        joint = await joint_crews(session, able, at)
        return cls(row, stations, units, able, joint, at + timedelta(seconds=horizon_s))

    def kept_apart(self, reading: Reading) -> Reading:
        """It with the crews beyond a contractor's border."""
        foreign = foreign_crews(reading.codes, self.able, self.units, self.stations)
        return replace(reading, foreign=foreign)

    def whose(self, stop: Any) -> Iterable[UUID]:
        """Standing crews that the stop keeps busy."""
        crew_id: UUID = stop.crew_id
        return self.joint.get(crew_id, {crew_id})


async def load_near(
    session: AsyncSession,
    order_id: UUID,
    at: datetime,
    horizon_s: int,
    most: int,
    helpers: int,
) -> tuple[Job, Snapshot] | None:
    """The order, and of what `load` finds the crews that `nearest` chooses with their days.

    None unless the order waits. The snapshot has no crew when none could have the order; idle crews
    and what lies beyond the horizon are not read, nor `dirty_seqs`, since nothing is published from
    it. Must be the transaction's first statement.
    """
    await snapshot_rows.one_snapshot(session)
    row = await snapshot_rows.waiting_order(session, order_id)
    if row is None:
        return None
    surroundings = await _Surroundings.of(session, row, at, horizon_s)
    able = surroundings.able
    blank = Reading(at, await expected_at(session, at), {})
    asked = surroundings.kept_apart(await read(session, blank, [row], able))
    stops = await _stops(session, surroundings, at)
    on_site = {crew for stop in stops if stop.state in ON_SITE for crew in surroundings.whose(stop)}
    crews, _ = await crews_now(session, able, on_site, asked, surroundings.stations)
    job = job_of(row, asked)
    chosen = nearest(job, crews, _places(crews, stops, surroundings), most, helpers)
    near = [crew for crew in crews if crew.code in chosen]
    return await _read(session, surroundings, replace(blank, codes=asked.codes), near)


async def _stops(session: AsyncSession, surroundings: _Surroundings, at: datetime) -> list[Any]:
    """What its crews have in their hands or are to visit, without visits of the plan's own orders
    that `load` leaves beyond the horizon.
    """
    until, joint = surroundings.until, surroundings.joint
    crews = {crew.crew_id for crew in surroundings.able} | joint.keys()
    stops = await snapshot_rows.stops(session, crews)
    # A window opens no later than its slot begins: the tolerances of few have to be looked up.
    begin_after = [
        stop
        for stop in stops
        if stop.planned
        and stop.station_id in surroundings.stations
        and stop.appointment_from is not None
        and stop.appointment_from > until
    ]
    tolerances = await slot_tolerances(session, begin_after)
    beyond = {
        stop.id for stop in begin_after if opens_after(window_of(stop, tolerances, at), until)
    }
    return [stop for stop in stops if stop.id not in beyond]


def _places(
    crews: Iterable[CrewNow], stops: Iterable[Any], surroundings: _Surroundings
) -> dict[str, list[Point]]:
    """Crew code -> where it stands, and where it has something to do."""
    by_id: dict[UUID, list[Point]] = defaultdict(list)
    for stop in stops:
        for crew_id in surroundings.whose(stop):
            by_id[crew_id].append(stop)
    return {crew.code: [crew.place, *by_id[crew.id]] for crew in crews}


async def _read(
    session: AsyncSession, surroundings: _Surroundings, so_far: Reading, near: Collection[CrewNow]
) -> tuple[Job, Snapshot]:
    """All of these crews, and of the orders that they have or are planned to visit."""
    ids = {crew.id for crew in near}
    able = [crew for crew in surroundings.able if crew.crew_id in ids]
    joint = {each: members & ids for each, members in surroundings.joint.items() if members & ids}
    held = await held_by_crew(session, able, joint, replace(so_far, codes={}))
    waiting = await snapshot_rows.waiting_near(
        session, surroundings.row.id, surroundings.stations, ids
    )
    published = {
        row.id: Published(row.code, row.position, row.start_at) for row in waiting if row.code
    }
    reading = await read(session, replace(so_far, planned=published), waiting, surroundings.able)
    reading = surroundings.kept_apart(reading)
    jobs = wishes([job_of(row, reading) for row in waiting], published.keys())
    crews = await with_their_work(session, list(near), able, held, so_far.at)
    snapshot = Snapshot(
        station_id=surroundings.row.station_id,
        at=so_far.at,
        dirty_seqs={},
        jobs=tuple(job for job in jobs if not opens_after(job.window, surroundings.until)),
        beyond=(),
        crews=tuple(crews),
        idle_crews=(),
        published=published,
        elsewhere=await visits_elsewhere(session, crews, surroundings.stations, reading),
        units=surroundings.units,
    )
    asked = next(job for job in jobs if job.id == surroundings.row.id)
    return asked, part_of(snapshot, {crew.code for crew in near}, [asked])
