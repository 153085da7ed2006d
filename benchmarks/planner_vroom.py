"""VROOM's model of the rich instances and of the classic sets, as well as it can be put.

Lunch is a break with its window, skills are skills, a hard window is the job's window. What is left
out is penalised by priority: 100, 40 and 20 keep the ratio of the penalties 36,000, 14,400 and
7,200 s, and VROOM maximises their sum before anything else, which is nearly always right here,
since a penalty is worth hours of driving.

A *deadline that only costs* cannot be said to VROOM. A window that ends some time after the
deadline bounds the lateness instead, and anything later is as good as unserved: at most P / w
seconds, when leaving the order out is cheaper. `SLACKS` are the two shares of P / w that did best
on the given instances: the deadline as it stands, and 2 % of P / w after it. Each is given
all the seconds and both cores, and the better plan counts.
"""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import numpy as np

from benchmarks.classic_sets import Classic
from benchmarks.rich_price import Instance

SLACKS: Final = (0.0, 0.02)
"""Shares of P / w by which the window goes on after a deadline."""
DEFAULT_LEVEL: Final = 5
"""VROOM's own default of exploration."""
LEVELS: Final = (0, 1, 3, DEFAULT_LEVEL)
"""A higher level begins from more solutions, each with a share of the time: large instances within
seconds are better served by a low one, small ones by a high one."""
THREADS: Final = 2
Plans = dict[tuple[float, int], list[list[int]]]


def plans_rich(instance: Instance, seconds: float) -> Plans:
    """VROOM's plan by each (mapping, exploration level), each searched for all the `seconds`."""
    soft = any(order["w"] for order in instance["orders"])
    slacks = SLACKS if soft else SLACKS[:1]
    kinds = [(slack, level) for slack in slacks for level in LEVELS]
    return {kind: _rich(instance, seconds, *kind) for kind in kinds}


def _rich(instance: Instance, seconds: float, slack: float, level: int) -> list[list[int]]:
    import vroom

    began = time.monotonic()
    asked = vroom.Input()
    asked.set_durations_matrix("car", np.array(instance["T"], dtype=np.uint32))
    for number, technician in enumerate(instance["techs"]):
        lunch = technician["lunch"]
        window = vroom.TimeWindow(lunch[0], lunch[1]) if lunch else None
        rests = [vroom.Break(1, [window], service=lunch[2])] if lunch else []
        asked.add_vehicle(
            vroom.Vehicle(
                number,
                start=technician["loc"],
                end=technician["loc"],
                skills=set(technician["skills"]),
                time_window=(technician["v0"], technician["v1"]),
                breaks=rests,
            )
        )
    for number, order in enumerate(instance["orders"]):
        asked.add_job(
            vroom.Job(
                number,
                location=order["loc"],
                default_service=order["svc"],
                skills=set(order["skills"]),
                priority=min(100, round(order["P"] / 360)),
                time_windows=[vroom.TimeWindow(order["a"], closes(order, slack))],
            )
        )
    left_s = seconds - (time.monotonic() - began)
    return _routes(asked, left_s, len(instance["techs"]), level)


def closes(order: Any, slack: float) -> int:
    """The end of the window that stands for a deadline."""
    if not order["w"] or order["d"] >= order["b"]:
        return int(order["b"])
    return int(min(order["b"], order["d"] + slack * order["P"] / order["w"]))


def plan_classic(case: Classic, seconds: float) -> list[list[int]]:
    """Return routes of customers 1.. from the depot 0."""
    import vroom

    began = time.monotonic()
    asked = vroom.Input()
    asked.set_durations_matrix("car", np.asarray(case.travel, dtype=np.uint32))
    for number in range(case.vehicles):
        asked.add_vehicle(
            vroom.Vehicle(
                number, start=0, end=0, capacity=[case.capacity], time_window=case.windows[0]
            )
        )
    for number in range(1, len(case.demands)):
        asked.add_job(
            vroom.Job(
                number,
                location=number,
                default_service=case.services[number],
                delivery=[case.demands[number]],
                time_windows=[vroom.TimeWindow(*case.windows[number])],
            )
        )
    routes = _routes(asked, seconds - (time.monotonic() - began), case.vehicles)
    return [route for route in routes if route]


def _routes(
    asked: Any, seconds: float, vehicles: int, level: int = DEFAULT_LEVEL
) -> list[list[int]]:
    limit = timedelta(seconds=max(0.01, seconds))
    found = asked.solve(exploration_level=level, nb_threads=THREADS, timeout=limit)
    routes: list[list[int]] = [[] for _ in range(vehicles)]
    for vehicle, job in _visits(found):
        routes[vehicle].append(job)
    return routes


def _visits(found: Any) -> Iterator[tuple[int, int]]:
    table = found.routes
    jobs = table[table["type"] == "job"]
    yield from zip(jobs["vehicle_id"].astype(int), jobs["id"].astype(int), strict=True)
