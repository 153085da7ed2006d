"""One crew's route as the API shows it, with the legs that it drives."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import dispatch
from app.planning.build import Layout, Standing, elsewhere, held_id, standing
from app.planning.roads import Roads
from app.planning.snapshot import CrewNow, Job, Snapshot

Leg = tuple[int, int]
"""Rows of the travel matrix: from, to."""
Told = dict[str, Any]


def route_shown(
    snapshot: Snapshot, layout: Layout, roads: Roads, crew: CrewNow, route: dispatch.Route
) -> tuple[Told, list[Leg]]:
    """The route in ids and instants, as JSON (`schemas.RouteOut`)."""
    now = standing(crew, snapshot.at)
    jobs, marks = _jobs(snapshot, crew, now)
    here, legs, visits = layout.row[now.place], [], []
    for visit in route.visits:
        job = jobs[visit.order_id]
        legs.append((here, layout.row[job.place]))
        here = legs[-1][1]
        told = _visit(visit, snapshot.at) | marks.get(visit.order_id, {})
        visits.append(
            {"order_id": str(job.id), "serial": job.serial}
            | told
            | {"travel_source": roads.source_of(legs[-1])}
        )
    return _route(crew, now, route, snapshot.at) | {"visits": visits}, legs


def _jobs(
    snapshot: Snapshot, crew: CrewNow, now: Standing
) -> tuple[Mapping[str, Job], Mapping[str, Told]]:
    """Name in the problem -> its order, and the marks of what this plan did not decide."""
    away = {each.job.serial: each.job for each in elsewhere(snapshot, crew)}
    held = {held_id(each, crew): each.job for each in now.ahead}
    jobs = {job.serial: job for job in snapshot.jobs} | away | held
    marks = {name: {"elsewhere": True} for name in away} | {name: {"locked": True} for name in held}
    return jobs, marks


def _visit(visit: dispatch.Visit, at: datetime) -> Told:
    return {
        "locked": False,
        "elsewhere": False,
        "arrive_at": _instant(at, visit.arrival_s),
        "start_at": _instant(at, visit.start_s),
        "finish_at": _instant(at, visit.finish_s),
        "travel_s": visit.travel_s,
        "wait_s": visit.wait_s,
        "late_s": visit.late_s,
    }


def _route(crew: CrewNow, now: Standing, route: dispatch.Route, at: datetime) -> Told:
    return {
        "crew_id": str(crew.id),
        "crew_code": crew.code,
        "lent": crew.lent,
        "free_at": _instant(at, now.free_in_s),
        "end_at": _instant(at, route.end_s),
        "travel_s": route.travel_s,
        "load_s": route.load_s,
        "overtime_s": route.overtime_s,
        "breaks": [
            {"start_at": _instant(at, rest.start_s), "finish_at": _instant(at, rest.finish_s)}
            for rest in route.breaks
        ],
    }


def _instant(at: datetime, after_s: int) -> str:
    return (at + timedelta(seconds=after_s)).isoformat()
