"""The part of a snapshot that can answer at once: the crews near an order, and their days."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import dispatch
from app.planning.snapshot import CrewNow, Job, Snapshot
from routing import Place

_M_PER_DEGREE = 111_195.0


class Point(Protocol):
    """Degrees, WGS-84: a place, or a row that has one."""

    @property
    def lon(self) -> float: ...
    @property
    def lat(self) -> float: ...


def nearest(
    job: Job,
    crews: Sequence[CrewNow],
    places: Mapping[str, Sequence[Point]],
    most: int,
    helpers: int,
) -> set[str]:
    """Codes of the `most` crews that come nearest to the order and could have it.

    Near is who stands there, or has something to do there today (`places`, by code). So many
    `helpers` come beside them, who could not have it, but may take over what gives way. Nobody
    when none could have it.
    """
    ranked = sorted(crews, key=lambda crew: _nearest_m(job.place, places[crew.code]))
    able = [crew.code for crew in ranked if dispatch.may_have(job, crew, crew.code)][:most]
    others = [crew.code for crew in ranked if crew.code not in able][:helpers]
    return {*able, *others} if able else set()


def with_free_crews_near(
    snapshot: Snapshot, jobs: Sequence[Job], free: Collection[str], most: int
) -> Snapshot | None:
    """These planned orders with their own crews and, of each, the `most` free crews that stand
    nearest and could have it; None when there are none.

    `free` names the crews that may be asked.
    """
    asked: set[str] = set()
    for job in jobs:
        own = snapshot.published[job.id].crew_code
        able = [
            crew
            for crew in snapshot.crews
            if crew.code in free and crew.code != own and dispatch.may_have(job, crew, crew.code)
        ]
        able.sort(key=lambda crew: _nearest_m(job.place, [crew.place]))
        asked |= {crew.code for crew in able[:most]}
    if not asked:
        return None
    theirs = {snapshot.published[job.id].crew_code for job in jobs}
    return part_of(snapshot, asked | theirs, jobs)


def part_of(snapshot: Snapshot, crews: Collection[str], jobs: Iterable[Job]) -> Snapshot:
    """What it says of these crews (by code) and what they have planned, and of these orders."""
    asked = {job.id for job in jobs}
    with_them = {
        order_id for order_id, visit in snapshot.published.items() if visit.crew_code in crews
    }
    return replace(
        snapshot,
        jobs=tuple(each for each in snapshot.jobs if each.id in with_them or each.id in asked),
        crews=tuple(crew for crew in snapshot.crews if crew.code in crews),
        published={key: visit for key, visit in snapshot.published.items() if key in with_them},
        elsewhere=tuple(each for each in snapshot.elsewhere if each.crew_code in crews),
    )


def _nearest_m(place: Place, stops: Iterable[Point]) -> float:
    """Metres as the crow flies; within a city a plane is near enough."""
    narrow = math.cos(math.radians(place.lat))
    return min(
        _M_PER_DEGREE * math.hypot((stop.lon - place.lon) * narrow, stop.lat - place.lat)
        for stop in stops
    )
