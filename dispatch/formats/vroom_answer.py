"""A plan in the shape of VROOM's JSON output, in the times of the input.

A step's `arrival + waiting_time + setup` is the start of the work, `duration` the driving since the
start. Vehicles without jobs have no route. Each unassigned job also has `reason`, a sentence.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from dispatch.formats.vroom import VroomProblem
from dispatch.model import Break, Crew
from dispatch.plan import Plan, Route, TakenBreak, Visit

Json = dict[str, Any]


def write_vroom(read: VroomProblem, plan: Plan, computing_ms: Mapping[str, int]) -> Json:
    """Return VROOM's output object; `computing_ms` holds `loading` and `solving`."""
    routes = [
        _route(read, crew, route)
        for crew, route in zip(read.problem.crews, plan.routes, strict=True)
        if route.visits
    ]
    sums = ["cost", "setup", "service", "duration", "waiting_time", "priority"]
    if read.distances is not None:
        sums.append("distance")
    summary: Json = {name: sum(route[name] for route in routes) for name in sums}
    unassigned = [_unassigned(read, plan, order_id) for order_id in plan.unassigned]
    return {
        "code": 0,
        "summary": {
            **summary,
            "routes": len(routes),
            "unassigned": len(unassigned),
            "violations": [],
            "computing_times": {"loading": 0, "solving": 0, "routing": 0, **computing_ms},
        },
        "unassigned": unassigned,
        "routes": routes,
    }


def _unassigned(read: VroomProblem, plan: Plan, order_id: str) -> Json:
    reasons = " ".join(reason.en for reason in plan.unassigned[order_id] if reason.en)
    job = read.jobs[order_id]
    return {"id": job["id"], "type": "job", **_told(job), "reason": reasons}


def _route(read: VroomProblem, crew: Crew, route: Route) -> Json:
    vehicle = read.vehicles[crew.id]
    steps = [
        {**step, "arrival": step["arrival"] + read.zero_s, "violations": []}
        for step in _steps(read, crew, route)
    ]
    if read.distances is not None:
        _measure(read, steps)
    answer: Json = {
        "vehicle": vehicle["id"],
        "cost": route.travel_s,
        "duration": route.travel_s,
        "priority": sum(read.jobs[visit.order_id]["priority"] for visit in route.visits),
        **{
            name: sum(step[name] for step in steps) for name in ("setup", "service", "waiting_time")
        },
        "steps": steps,
        "violations": [],
    }
    if read.distances is not None:
        answer["distance"] = steps[-1]["distance"]
    if vehicle["description"] is not None:
        answer["description"] = vehicle["description"]
    return answer


def _steps(read: VroomProblem, crew: Crew, route: Route) -> Iterator[Json]:
    """Start, tasks and breaks in time, end; times still in ours."""
    vehicle = read.vehicles[crew.id]
    rests = _Rests(crew, vehicle, route)
    if vehicle["start_index"] is not None:
        yield {"type": "start", **_end_place(vehicle, "start"), **_timed(crew.ready_s, 0)}
    clock, driven = crew.ready_s, 0
    for visit in route.visits:
        taken, arrival = rests.until(visit.start_s, clock, driven, visit.travel_s)
        yield from taken
        driven += visit.travel_s
        yield _task(read.jobs[visit.order_id], visit, arrival, driven)
        clock = visit.finish_s
    taken, arrival = rests.until(route.end_s, clock, driven, route.travel_s - driven)
    yield from taken
    if vehicle["end_index"] is not None:
        yield {"type": "end", **_end_place(vehicle, "end"), **_timed(arrival, route.travel_s)}


class _Rests:
    """The breaks of a route, handed out gap by gap."""

    def __init__(self, crew: Crew, vehicle: Mapping[str, Any], route: Route) -> None:
        owed: list[Break] = list(crew.owed_breaks) if route.breaks else []
        given = sorted(vehicle["breaks"], key=_opens)
        self._left: list[tuple[TakenBreak, Mapping[str, Any]]] = list(
            zip(route.breaks, given[len(given) - len(owed) :], strict=True)
        )

    def until(self, begins_s: int, clock: int, driven: int, drive_s: int) -> tuple[list[Json], int]:
        """Return the breaks that are over by `begins_s`, and the arrival after `drive_s` more."""
        steps = []
        while self._left and self._left[0][0].finish_s <= begins_s:
            taken, rest = self._left.pop(0)
            # What can be driven before the break is driven before it.
            ahead = min(drive_s, taken.start_s - clock)
            drive_s, driven = drive_s - ahead, driven + ahead
            steps.append(_rest(rest, clock + ahead, taken.start_s, driven))
            clock = taken.finish_s
        return steps, clock + drive_s


def _rest(rest: Mapping[str, Any], arrival: int, start_s: int, driven: int) -> Json:
    step: Json = {
        "type": "break",
        "id": rest["id"],
        "setup": 0,
        "service": rest["service"],
        "waiting_time": start_s - arrival,
        "arrival": arrival,
        "duration": driven,
    }
    if rest["description"] is not None:
        step["description"] = rest["description"]
    return step


def _opens(rest: Mapping[str, Any]) -> int:
    window = rest["time_window"]
    return 0 if window is None else int(window[0])


def _task(job: Mapping[str, Any], visit: Visit, arrival: int, driven: int) -> Json:
    # A set-up done before a break is not told again after it.
    setup = min(visit.setup_s, visit.start_s - arrival)
    return {
        "type": "job",
        "id": job["id"],
        "job": job["id"],
        **_told(job),
        "setup": setup,
        "service": visit.finish_s - visit.start_s,
        "waiting_time": visit.start_s - arrival - setup,
        "arrival": arrival,
        "duration": driven,
    }


def _told(job: Mapping[str, Any]) -> Json:
    told: Json = {"location_index": job["location_index"]}
    for name in ("location", "description"):
        if job[name] is not None:
            told[name] = job[name]
    return told


def _end_place(vehicle: Mapping[str, Any], end: str) -> Json:
    place: Json = {"location_index": vehicle[f"{end}_index"]}
    if vehicle[end] is not None:
        place["location"] = vehicle[end]
    return place


def _timed(arrival: int, driven: int) -> Json:
    return {"setup": 0, "service": 0, "waiting_time": 0, "arrival": arrival, "duration": driven}


def _measure(read: VroomProblem, steps: list[Json]) -> None:
    """Add to each step the metres driven since the start."""
    assert read.distances is not None
    placed = [step for step in steps if "location_index" in step]
    metres = 0
    placed[0]["distance"] = 0
    for one, two in itertools.pairwise(placed):
        metres += int(read.distances[one["location_index"], two["location_index"]])
        two["distance"] = metres
    for before, step in itertools.pairwise(steps):
        step.setdefault("distance", before.get("distance", 0))
