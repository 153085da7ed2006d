"""The fields of VROOM's JSON input, one by one: checked, defaulted, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.formats.fields import known_fields, listed, matrix, wanted, whole
from dispatch.refused import ProblemRefused, demand

Window = tuple[int, int]
Json = dict[str, Any]

_ACTION = "Not served here; take it out, or solve this input with VROOM."
_ROOT = ("jobs", "vehicles", "matrices", "shipments", "options")
_JOB = (
    "id", "description", "location", "location_index", "setup", "service", "skills", "priority",
    "time_windows", "delivery", "pickup", "amount", "setup_per_type", "service_per_type",
)  # fmt: skip
_VEHICLE = (
    "id", "description", "profile", "start", "start_index", "end", "end_index", "skills",
    "time_window", "breaks", "steps", "capacity", "costs", "speed_factor", "max_tasks",
    "max_travel_time", "max_distance", "type",
)  # fmt: skip
_BREAK = ("id", "description", "time_windows", "service", "max_load")
_STEP = ("type", "id", "service_at", "service_after", "service_before")
_DEFAULT_COSTS = {"fixed": 0, "per_hour": 3600, "per_km": 0, "per_task_hour": 0}


class Root(NamedTuple):
    """The whole input, every field present and of its type."""

    jobs: list[Json]
    vehicles: list[Json]
    durations: NDArray[np.int32]
    distances: NDArray[np.int32] | None


def root(given: Any) -> Root:
    """Return the checked input; raises `ProblemRefused` naming what is wrong or not served."""
    whole_input = known_fields("the input", given, _ROOT, _ACTION)
    _nothing("the input", "shipments", whole_input.get("shipments"))
    for name, value in (whole_input.get("options") or {}).items():
        _nothing("options", name, value)
    jobs = [_job(each) for each in listed("jobs", whole_input.get("jobs", []))]
    asked = listed("vehicles", wanted("the input", whole_input, "vehicles"))
    vehicles = [_vehicle(each, len(jobs)) for each in asked]
    durations, distances = _matrices(whole_input, vehicles)
    return Root(jobs, vehicles, durations, distances)


def located(given: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    """Each (place, coordinates or None) that a job or a vehicle names."""
    names = (
        ("location_index", "location"),
        ("start_index", "start"),
        ("end_index", "end"),
    )
    for index, spot in names:
        if given.get(index) is not None:
            yield given[index], given.get(spot)


def unique(kind: str, given: int, different: int) -> None:
    """Refuse two jobs or two vehicles of one id."""
    demand(given == different, "id_repeated", f"Two {kind}s have the same id.", "Number them.")


def _job(given: Any) -> Json:
    name = f"job {given.get('id') if isinstance(given, Mapping) else given!r}"
    job = known_fields(name, given, _JOB, _ACTION)
    for field in ("delivery", "pickup", "amount"):
        _nothing(name, field, [amount for amount in job.get(field) or () if amount])
    for field in ("setup_per_type", "service_per_type"):
        _nothing(name, field, job.get(field))
    priority = whole(f"{name}: priority", job.get("priority", 0))
    demand(0 <= priority <= 100, "priority_range", f"{name}: {priority}.", "Give 0 to 100.")
    return {
        "id": whole(f"{name}: id", wanted(name, job, "id")),
        "description": job.get("description"),
        "location": job.get("location"),
        "location_index": _index(name, job, "location_index", "location"),
        "setup": whole(f"{name}: setup", job.get("setup", 0)),
        "service": whole(f"{name}: service", job.get("service", 0)),
        "skills": _skills(name, job),
        "priority": priority,
        "time_window": _one_window(name, job),
    }


def _vehicle(given: Any, jobs: int) -> Json:
    name = f"vehicle {given.get('id') if isinstance(given, Mapping) else given!r}"
    vehicle = known_fields(name, given, _VEHICLE, _ACTION)
    _limits(name, vehicle, jobs)
    window = vehicle.get("time_window")
    shift = None if window is None else _window(name, "time_window", window)
    _demand_reachable(name, vehicle, shift)
    ends = [_index(name, vehicle, f"{end}_index", end, needed=False) for end in ("start", "end")]
    demand(ends != [None, None], "no_start_nor_end", f"{name}.", "Give start_index or end_index.")
    return {
        "id": whole(f"{name}: id", wanted(name, vehicle, "id")),
        "description": vehicle.get("description"),
        "profile": vehicle.get("profile", "car"),
        "start": vehicle.get("start"),
        "end": vehicle.get("end"),
        "start_index": ends[0],
        "end_index": ends[1],
        "skills": _skills(name, vehicle),
        "time_window": shift,
        "breaks": [_break(name, rest) for rest in listed(name, vehicle.get("breaks", []))],
        "steps": _steps(name, listed(name, vehicle.get("steps", []))),
    }


def _limits(name: str, vehicle: Json, jobs: int) -> None:
    """Refuse what would bind a route beyond times and skills."""
    _nothing(name, "type", vehicle.get("type"))
    # A capacity limits nothing here, since no job that is served has an amount.
    most = vehicle.get("max_tasks")
    costs = {**_DEFAULT_COSTS, **(vehicle.get("costs") or {})}
    for field, free in (
        ("max_distance", vehicle.get("max_distance") is None),
        ("max_tasks", most is None or most >= jobs),
        ("speed_factor", vehicle.get("speed_factor", 1) == 1),
        ("costs", costs == _DEFAULT_COSTS),
    ):
        demand(free, "field_not_served", f"{name}: {field}.", _ACTION)


def _demand_reachable(name: str, vehicle: Json, shift: Window | None) -> None:
    """A limit of driving that is as long as the shift asks for nothing; others are refused."""
    limit = vehicle.get("max_travel_time")
    if limit is None:
        return
    seconds = whole(f"{name}: max_travel_time", limit)
    free = shift is not None and seconds >= shift[1] - shift[0]
    demand(free, "field_not_served", f"{name}: max_travel_time.", _ACTION)


def _break(owner: str, given: Any) -> Json:
    name = f"{owner}: break {given.get('id') if isinstance(given, Mapping) else given!r}"
    rest = known_fields(name, given, _BREAK, _ACTION)
    _nothing(name, "max_load", rest.get("max_load"))
    service = whole(f"{name}: service", rest.get("service", 0))
    demand(service > 0, "break_empty", f"{name} has service 0.", "Give it a length, or drop it.")
    return {
        "id": whole(f"{name}: id", wanted(name, rest, "id")),
        "description": rest.get("description"),
        "service": service,
        "time_window": _one_window(name, rest),
    }


def _steps(owner: str, given: Any) -> list[Json]:
    """The jobs among a vehicle's steps: a warm start."""
    steps = [known_fields(f"{owner}: step", step, _STEP, _ACTION) for step in given]
    for step in steps:
        for field in ("service_at", "service_after", "service_before"):
            _nothing(f"{owner}: step", field, step.get(field))
        kind = step.get("type")
        served = kind in ("start", "job", "break", "end")
        demand(served, "field_not_served", f"{owner}: a step of type {kind}.", _ACTION)
    jobs = [step for step in steps if step["type"] == "job"]
    return [{"id": whole(f"{owner}: step", wanted(f"{owner}: step", each, "id"))} for each in jobs]


def _matrices(
    given: Json, vehicles: list[Json]
) -> tuple[NDArray[np.int32], NDArray[np.int32] | None]:
    profiles = sorted({vehicle["profile"] for vehicle in vehicles}) or ["car"]
    demand(len(profiles) == 1, "field_not_served", f"profiles {', '.join(profiles)}.", "Use one.")
    matrices = wanted("the input (no router is asked here)", given, "matrices")
    mine = wanted("matrices", known_fields("matrices", matrices, matrices, _ACTION), profiles[0])
    known = known_fields("matrices", mine, ("durations", "distances", "costs"), _ACTION)
    _nothing("matrices", "costs", known.get("costs"))
    durations = matrix("durations", wanted(f"matrices.{profiles[0]}", known, "durations"))
    far = None if known.get("distances") is None else matrix("distances", known["distances"])
    if far is not None and far.shape != durations.shape:
        raise ProblemRefused(
            "matrix_malformed", "distances and durations differ.", "Give one size."
        )
    return durations, far


def _one_window(name: str, given: Json) -> Window | None:
    windows = listed(f"{name}: time_windows", given.get("time_windows", []))
    _nothing(name, "time_windows (more than one)", windows[1:])
    return _window(name, "time_windows", windows[0]) if windows else None


def _window(name: str, field: str, given: Any) -> Window:
    values = [whole(f"{name}: {field}", each) for each in listed(f"{name}: {field}", given)]
    sound = len(values) == 2 and 0 <= values[0] <= values[1]
    demand(sound, "window_reversed", f"{name}: {field} {given}.", "Give [start, end].")
    return values[0], values[1]


def _index(name: str, given: Json, index: str, spot: str, *, needed: bool = True) -> int | None:
    if given.get(index) is None and not needed and given.get(spot) is None:
        return None
    if given.get(index) is None:
        action = f"Give {index} and a matrix; no router is asked here."
        raise ProblemRefused("field_missing", f"{name} has no {index}.", action)
    return whole(f"{name}: {index}", given[index])


def _skills(name: str, given: Json) -> list[int]:
    skills = listed(f"{name}: skills", given.get("skills", []))
    return sorted({whole(f"{name}: skills", skill) for skill in skills})


def _nothing(owner: str, field: str, value: Any) -> None:
    """Refuse a field whose value asks for something: it is neither null, zero nor empty."""
    demand(not value, "field_not_served", f"{owner}: {field}.", _ACTION)
