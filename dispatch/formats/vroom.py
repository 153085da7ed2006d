"""VROOM's JSON input as a `Problem`; `vroom_answer` writes the plan back in VROOM's shape.

Served: jobs (id, location_index, location, description, setup, service, skills, priority, one time
window), vehicles (id, profile, start_index, end_index, description, skills, time_window, breaks,
steps as a warm start), matrices.<profile>.durations. Every other field is refused by its name,
unless its value asks for nothing (empty or zero amounts, a limit that no route can reach).

How the meanings are carried over:

- *Cost* is seconds of driving, as with VROOM's default `costs`.
- *Priority and number of jobs come before cost*: leaving out job j costs `unit * (1 + k *
  priority_j)`, with k = number of jobs + 1 and `unit` above the cost of any plan, which is VROOM's
  order: sum of priorities, then jobs, then cost. No price may reach 1e8 s; when that product would,
  k shrinks first and then `unit`, down to no less than what two of the longest drives cost while
  priorities allow it.
- *A time window* holds VROOM's start of the task, set-up included; ours that of the work alone. At
  a location of its own, a job always pays its set-up, so the window moves by it: exact. Where
  two jobs share a location, set-up may fall away, and the window is narrowed to what is right in
  both cases ([opens + setup, closes]); `VroomProblem.notes` names such jobs.
- *Set-up* falls away after a stop, or a start, at the same location_index.
- *An end of a window* that no route can reach is no limit and is cut down.
- *A break* starts in its one window; a crew may finish its set-up before a break, in VROOM it must
  follow. A vehicle without jobs takes none.
- *A vehicle without a start* begins at its first job. One without a time window may work from the
  problem's first second on, as long as it likes.
- Times beyond 1e8 (UNIX time) are counted from the first second that any window names, and written
  back as they came; then every vehicle must have a time window.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.formats import vroom_fields as fields
from dispatch.formats.vroom_fields import Window
from dispatch.model import Break, Crew, Objective, Order
from dispatch.problem import UNREACHABLE_S, Problem
from dispatch.refused import LONGEST_S, demand

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class VroomProblem:
    """A problem read from VROOM's input, and what is needed to answer in its shape."""

    problem: Problem
    jobs: Mapping[str, Json]
    """Order id -> the job as given."""
    vehicles: Mapping[str, Json]
    """Crew id -> the vehicle as given."""
    zero_s: int
    """What is added to our times to give theirs."""
    distances: NDArray[np.int32] | None
    warm_start: Mapping[str, Sequence[str]]
    """Crew id -> order ids of the vehicles' `steps`; empty when none were given."""
    notes: tuple[str, ...]
    """What is served a little more strictly than VROOM would, in sentences."""

    def places(self) -> list[tuple[float, float]] | None:
        """Return one point per place for drawing; None when any used place has no coordinates."""
        points: dict[int, tuple[float, float]] = {}
        for each in (*self.jobs.values(), *self.vehicles.values()):
            for index, spot in fields.located(each):
                if spot is None:
                    return None
                points[index] = (float(spot[0]), float(spot[1]))
        if not points:
            return None
        # A degree of longitude is shorter than one of latitude: true shapes need less of it.
        narrow = math.cos(math.radians(sum(lat for _, lat in points.values()) / len(points)))
        spots = [points.get(place, (0.0, 0.0)) for place in range(len(self.problem.travel))]
        return [(lon * narrow, lat) for lon, lat in spots]


def read_vroom(given: Any) -> VroomProblem:
    """Return the problem that VROOM's JSON states.

    Raises `ProblemRefused`, naming the field, for anything that would have to be ignored.
    """
    root = fields.root(given)
    jobs = {str(job["id"]): job for job in root.jobs}
    vehicles = {str(vehicle["id"]): vehicle for vehicle in root.vehicles}
    fields.unique("job", len(root.jobs), len(jobs))
    fields.unique("vehicle", len(root.vehicles), len(vehicles))
    clock = _clock(root)
    shared = _shared(root)
    price = _prices(root)
    travel, anywhere = _with_anywhere(root)
    problem = Problem(
        orders=tuple(
            _order(job, clock, job["location_index"] in shared, price) for job in root.jobs
        ),
        crews=tuple(_crew(vehicle, clock, anywhere) for vehicle in root.vehicles),
        travel=travel,
        objective=Objective(overtime_per_mille=0, move=0, spread_per_mille=0),
    )
    return VroomProblem(
        problem=problem,
        jobs=jobs,
        vehicles=vehicles,
        zero_s=clock.zero_s,
        distances=root.distances,
        warm_start=_warm_start(root, jobs),
        notes=tuple(_notes(root, shared)),
    )


class _Clock(NamedTuple):
    """How their times become ours: minus `zero_s`, and none later than `horizon_s`."""

    zero_s: int
    horizon_s: int

    def window(self, given: Window | None) -> Window | None:
        """The window in our times; an end that no route can reach is the horizon."""
        if given is None:
            return None
        return given[0] - self.zero_s, min(given[1] - self.zero_s, self.horizon_s)


def _clock(root: fields.Root) -> _Clock:
    rests = [rest for vehicle in root.vehicles for rest in vehicle["breaks"]]
    windows = [each["time_window"] for each in (*root.jobs, *root.vehicles, *rests)]
    opens = [window[0] for window in windows if window]
    zero_s = min(opens) if max(opens, default=0) >= LONGEST_S // 2 else 0
    for vehicle in root.vehicles:
        demand(
            zero_s == 0 or vehicle["time_window"] is not None,
            "time_window_missing",
            f"vehicle {vehicle['id']} has no time_window, and other times are beyond 5e7.",
            "Give every vehicle a time_window, or count times from a nearer zero.",
        )
    busy = sum(job["setup"] + job["service"] for job in root.jobs)
    busy += sum(rest["service"] for rest in rests) + (len(root.jobs) + 2) * _longest(root)
    return _Clock(zero_s, max(opens, default=0) - zero_s + busy + 1)


def _longest(root: fields.Root) -> int:
    driven = root.durations[root.durations < UNREACHABLE_S]
    return int(driven.max()) if driven.size else 0


def _shared(root: fields.Root) -> set[int]:
    """Locations where set-up may fall away: more than one job, or a vehicle's start."""
    counts = Counter(job["location_index"] for job in root.jobs)
    starts = {vehicle["start_index"] for vehicle in root.vehicles}
    return {place for place, count in counts.items() if count > 1 or place in starts}


def _prices(root: fields.Root) -> tuple[int, int]:
    """(unit, k) of the price of leaving out a job; see the module's text."""
    highest = max((job["priority"] for job in root.jobs), default=0)
    longest = _longest(root)
    above_all = (len(root.jobs) + 2 * len(root.vehicles)) * longest + 1
    least = 2 * longest + 1
    k = len(root.jobs) + 1
    if highest:
        k = max(1, min(k, ((LONGEST_S - 1) // least - 1) // highest))
    return min(above_all, (LONGEST_S - 1) // (1 + k * highest)), k


def _with_anywhere(root: fields.Root) -> tuple[NDArray[np.int32], int]:
    """The matrix, grown by a place from which everything is near if a vehicle has no start."""
    size = len(root.durations)
    if all(vehicle["start_index"] is not None for vehicle in root.vehicles):
        return root.durations, size
    grown = np.full((size + 1, size + 1), UNREACHABLE_S, dtype=np.int32)
    grown[:size, :size] = root.durations
    grown[size, :] = 0
    return grown, size


def _order(job: Json, clock: _Clock, shared: bool, price: tuple[int, int]) -> Order:
    unit, k = price
    window = clock.window(job["time_window"])
    setup_s = job["setup"]
    if window is not None and setup_s:
        closes = window[1] if shared else window[1] + setup_s
        demand(
            window[0] + setup_s <= closes,
            "window_too_short_for_setup",
            f"job {job['id']}: time_windows is shorter than its setup, at a shared location.",
            "Widen the window, or add the setup to the service.",
        )
        window = (window[0] + setup_s, closes)
    return Order(
        id=str(job["id"]),
        place=job["location_index"],
        service_s=job["service"],
        setup_s=setup_s,
        building=f"@{job['location_index']}",
        priority_penalty=unit * (1 + k * job["priority"]),
        window=window,
        skills=tuple((str(skill), 1) for skill in job["skills"]),
    )


def _crew(vehicle: Json, clock: _Clock, anywhere: int) -> Crew:
    shift = clock.window(vehicle["time_window"]) or (0, clock.horizon_s)
    start = vehicle["start_index"]
    rests = [_break(vehicle, rest, shift, clock) for rest in vehicle["breaks"]]
    return Crew(
        id=str(vehicle["id"]),
        start_place=anywhere if start is None else start,
        end_place=vehicle["end_index"],
        in_building=None if start is None else f"@{start}",
        shift=shift,
        breaks=tuple(sorted(rests, key=lambda rest: rest.earliest_s)),
        skills={str(skill): 1 for skill in vehicle["skills"]},
    )


def _break(vehicle: Json, rest: Json, shift: Window, clock: _Clock) -> Break:
    window = clock.window(rest["time_window"]) or shift
    earliest_s = max(window[0], shift[0])
    latest_s = min(window[1], shift[1] - rest["service"])
    demand(
        earliest_s <= latest_s,
        "break_outside_shift",
        f"vehicle {vehicle['id']}: break {rest['id']} does not fit into its time_window.",
        "Move the break, or take it out of this vehicle.",
    )
    return Break(earliest_s=earliest_s, latest_s=latest_s, duration_s=rest["service"])


def _warm_start(root: fields.Root, jobs: Mapping[str, Json]) -> dict[str, list[str]]:
    sequences = {}
    for vehicle in root.vehicles:
        named = [str(step["id"]) for step in vehicle["steps"]]
        for name in named:
            demand(
                name in jobs,
                "step_unknown",
                f"vehicle {vehicle['id']}: a step names job {name}, which does not exist.",
                "Name a job of the input.",
            )
        if named:
            sequences[str(vehicle["id"])] = named
    return sequences


def _notes(root: fields.Root, shared: set[int]) -> Iterator[str]:
    narrowed = [
        str(job["id"])
        for job in root.jobs
        if job["setup"] and job["time_window"] and job["location_index"] in shared
    ]
    if narrowed:
        which = ", ".join(narrowed)
        yield f"jobs {which} share a location: their time_windows open later by their setup"
    if any(job["setup"] for job in root.jobs) and any(each["breaks"] for each in root.vehicles):
        yield "a crew may finish its setup before a break that precedes the service"
