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
    manned,
    visits_elsewhere,
)
from app.planning.nearby import Point, nearest, only
from app.planning.reading import Reading, job_of, opens_after, read, wishes
from app.planning.snapshot import CrewNow, Job, Published, Snapshot

Joint = Mapping[UUID, set[UUID]]


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known of an order's surroundings before the nearest crews are chosen."""

    row: Any
    stations: frozenset[UUID]
    units: Units
    able: list[Capability]
    joint: Joint
    until: datetime

    def reading(self, read_so_far: Reading) -> Reading:
        """It with the crews beyond a contractor's border."""
        foreign = foreign_crews(read_so_far.codes, self.able, self.units, self.stations)
        return replace(read_so_far, foreign=foreign)


async def load_near(
    session: AsyncSession,
    order_id: UUID,
    at: datetime,
    horizon_s: int,
    most: int,
    helpers: int,
) -> tuple[Job, Snapshot] | None:
    """The order, and of what `load` finds the crews that `nearest` chooses with their days.

    None unless the order waits. The snapshot has no crew when none could have the order, and no
    `dirty_seqs`, since nothing is published from it. Must be the transaction's first statement.
    """
    await snapshot_rows.one_snapshot(session)
    row = await snapshot_rows.waiting_order(session, order_id)
    if row is None:
        return None
    around = await _around(session, row, at, horizon_s)
    begun = Reading(at, await expected_at(session, at), {})
    asked = around.reading(await read(session, begun, [row], around.able))
    stops = await snapshot_rows.stops(session, _with_joint(around.able, around.joint), around.until)
    on_site = {crew for stop in stops if stop.state in ON_SITE for crew in _whose(stop, around)}
    crews, _ = await crews_now(session, around.able, on_site, asked, around.stations)
    job = job_of(row, asked)
    chosen = nearest(job, crews, _places(crews, stops, around), most, helpers)
    near = [crew for crew in crews if crew.code in chosen]
    return await _read(session, around, replace(begun, codes=asked.codes), near)


async def _around(session: AsyncSession, row: Any, at: datetime, horizon_s: int) -> _Around:
    stations = await organisation.subtree(session, row.station_id)
    units = await contractors(session)
    able = await able_crews(session, row.station_id, stations, units, at)
    joint = await joint_crews(session, able, at)
    until = at + timedelta(seconds=horizon_s)
    return _Around(row, stations, units, able, joint, until)


def _with_joint(able: Iterable[Capability], joint: Joint) -> set[UUID]:
    return {crew.crew_id for crew in able} | joint.keys()


def _whose(stop: Any, around: _Around) -> Iterable[UUID]:
    crew_id: UUID = stop.crew_id
    return around.joint.get(crew_id, {crew_id})


def _places(
    crews: Iterable[CrewNow], stops: Iterable[Any], around: _Around
) -> dict[str, list[Point]]:
    """Crew code -> where it stands, and where it has something to do."""
    by_id: dict[UUID, list[Point]] = defaultdict(list)
    for stop in stops:
        for crew_id in _whose(stop, around):
            by_id[crew_id].append(stop)
    return {crew.code: [crew.place, *by_id[crew.id]] for crew in crews}


async def _read(
    session: AsyncSession, around: _Around, begun: Reading, near: Collection[CrewNow]
) -> tuple[Job, Snapshot]:
    """All of these crews, and of the orders that they have or are planned to visit."""
    ids = {crew.id for crew in near}
    able = [crew for crew in around.able if crew.crew_id in ids]
    joint = {each: members & ids for each, members in around.joint.items() if members & ids}
    held = await held_by_crew(session, able, joint, replace(begun, codes={}))
    waiting = await snapshot_rows.waiting_near(session, around.row.id, around.stations, ids)
    published = {row.id: Published(row.code, row.position) for row in waiting if row.code}
    reading = await read(session, replace(begun, planned=published), waiting, around.able)
    reading = around.reading(reading)
    jobs = wishes([job_of(row, reading) for row in waiting], published.keys())
    crews = await manned(session, list(near), able, held, begun.at)
    snapshot = Snapshot(
        station_id=around.row.station_id,
        at=begun.at,
        dirty_seqs={},
        jobs=tuple(job for job in jobs if not opens_after(job, around.until)),
        beyond=(),
        crews=tuple(crews),
        idle_crews=(),
        published=published,
        elsewhere=await visits_elsewhere(session, crews, around.stations, reading),
        units=around.units,
    )
    asked = next(job for job in jobs if job.id == around.row.id)
    return asked, only({crew.code for crew in near}, [asked], snapshot)
