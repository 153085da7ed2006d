"""How long one order waits for its proposals: 500 crews with 10 stops each.

A SIMULATED city; the plan is full, crews have a lunch, a third of the waiting orders need a
certificate, three tenths of the orders have no deadline but a price of waiting. Each sample asks
for one order that the plan does not hold: the filter over all 5,500 gaps, exact timing of the best
eight, price per term. For emergencies it is the best six (up to eight where breaks leave a doubt),
and ejection comes on top.

`insert_*` asks a plan whose arrays are ready: `dispatch.propose` on `Insertions`, which are made
once (`prepare_ms`, in no other figure). `insert_public_*` is `dispatch.insert`, call after call on
the same problem and plan, with whatever it makes ready or finds ready. `insert_unprepared_*` is the
same call on a problem and a plan that nobody has asked before.

    python -m benchmarks.insert [--crews 500] [--stops 10] [--orders 300]
"""

import argparse
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import numpy as np

from dispatch import Break, Crew, Order, Plan, Problem, check
from dispatch.insert import applied, insert, propose
from dispatch.insertions import Insertions
from dispatch.price import priced_plan
from dispatch.slots import slots
from dispatch.timing import time_route
from dispatch.wording import reason

OUT: Final = Path(__file__).parent / "out" / "insert.json"
HOUR: Final = 3600
PLACES: Final = 2000
SKILLS: Final = ("PL", "EL", "PH")
WARM: Final = 5
PUBLIC: Final = 200
UNPREPARED: Final = 60
"""Orders asked for in each of these ways."""


def measure(
    *, crews: int = 500, stops: int = 10, orders: int = 300, seed: int = 1
) -> dict[str, Any]:
    """Time proposals, slots and preparation; times in milliseconds of wall clock."""
    problem, plan = full_city(crews, stops, orders, seed)
    began = time.perf_counter()
    insertions = Insertions(problem, plan)
    prepare_s = time.perf_counter() - began
    waiting = [order for order in problem.orders if order.id in plan.unassigned]
    normal, normal_cpu = _asked(insertions, [o for o in waiting if not o.emergency])
    danger, danger_cpu = _asked(insertions, [o for o in waiting if o.emergency])
    _demand_honest(problem, plan, waiting[0])
    public = _called([(problem, plan)] * PUBLIC, waiting)
    unprepared = _called(_unprepared(problem, plan), waiting)
    return {
        "simulated": True,
        "crews": crews,
        "stops_per_crew": stops,
        "orders_asked": len(normal) + len(danger),
        "prepare_ms": round(1000 * prepare_s, 1),
        "insert_p50_ms": _percentile(normal + danger, 50),
        "insert_p99_ms": _percentile(normal + danger, 99),
        "insert_normal_p99_ms": _percentile(normal, 99),
        "insert_emergency_p99_ms": _percentile(danger, 99),
        "insert_cpu_p99_ms": _percentile(normal_cpu + danger_cpu, 99),
        "insert_public_asked": len(public),
        "insert_public_p50_ms": _percentile(public, 50),
        "insert_public_p99_ms": _percentile(public, 99),
        "insert_unprepared_asked": len(unprepared),
        "insert_unprepared_p50_ms": _percentile(unprepared, 50),
        "insert_unprepared_p99_ms": _percentile(unprepared, 99),
        "slots_30x100_ms": _slots_ms(seed),
        "load_average": round(os.getloadavg()[0], 1),
    }


def full_city(crews: int, stops: int, extra: int, seed: int) -> tuple[Problem, Plan]:
    """A city whose crews all have their stops, and `extra` orders, a fifth of them emergencies."""
    dice = np.random.default_rng(seed)
    xy = dice.uniform(0, 2400, size=(PLACES, 2)).astype(np.float32)
    travel = np.hypot(*(xy[:, None, :] - xy[None, :, :]).transpose(2, 0, 1)).astype(np.int32)
    depots = dice.integers(0, PLACES, size=crews)
    near = [np.argsort(travel[depot], kind="stable")[: 8 * stops] for depot in depots]
    planned = [
        [
            _order(f"{crew}.{stop}", dice, int(dice.choice(near[crew])), stop)
            for stop in range(stops)
        ]
        for crew in range(crews)
    ]
    waiting = [_order(f"new{n}", dice, int(dice.integers(0, PLACES)), n) for n in range(extra)]
    problem = Problem(
        orders=tuple(order for day in planned for order in day) + tuple(waiting),
        crews=tuple(_crew(number, int(depot)) for number, depot in enumerate(depots)),
        travel=travel,
    )
    routes = []
    for crew, day in zip(problem.crews, planned, strict=True):
        route = time_route(problem, crew, [order.id for order in day])
        assert route is not None
        routes.append(route)
    left_out = {order.id: (reason("no_crew_on_shift"),) for order in waiting}
    return problem, priced_plan(problem, routes, left_out)


def _order(name: str, dice: np.random.Generator, place: int, number: int) -> Order:
    urgent = name.startswith("new") and number % 5 == 0
    due_s: int | None = 8 * HOUR + int(dice.integers(0, 8)) * HOUR
    if urgent:
        due_s = 9 * HOUR
    elif number % 3 == 2:
        due_s = None
    return Order(
        id=name,
        place=place,
        service_s=int(dice.integers(15, 50)) * 60,
        priority_penalty=10 * HOUR * (4 if urgent else 1),
        setup_s=300,
        building=f"b{place}",
        due_s=due_s,
        late_per_mille=3000 if urgent else 500,
        waiting_per_mille=10 if due_s is None else 0,
        skills=(("PL", 1),) if name.startswith("new") and number % 3 == 0 else (),
        area=f"a{place % 7}",
        emergency=urgent,
    )


def _crew(number: int, depot: int) -> Crew:
    return Crew(
        id=f"c{number}",
        start_place=depot,
        end_place=depot,
        shift=(8 * HOUR, 18 * HOUR),
        overtime_s=4 * HOUR,
        breaks=(Break(earliest_s=12 * HOUR, latest_s=14 * HOUR, duration_s=1800),),
        skills={"PL": 1} if number % 2 else {},
        area_cost={f"a{number % 7}": 300},
    )


def _asked(insertions: Insertions, orders: Sequence[Order]) -> tuple[list[float], list[float]]:
    """Milliseconds per order, by the clock on the wall and of this thread's processor time.

    A few go first unmeasured, as in a process that has been running.
    """
    for order in orders[:WARM]:
        propose(insertions, order)
    wall, busy = [], []
    for order in orders:
        began, began_busy = time.perf_counter(), time.thread_time()
        found = propose(insertions, order)
        wall.append(1000 * (time.perf_counter() - began))
        busy.append(1000 * (time.thread_time() - began_busy))
        assert found
    return wall, busy


def _called(plans: Iterable[tuple[Problem, Plan]], orders: Sequence[Order]) -> list[float]:
    """Milliseconds on the wall of `dispatch.insert` with each of these, a few calls unmeasured."""
    took = []
    for (problem, plan), order in zip(plans, cycle(orders), strict=False):
        began = time.perf_counter()
        found = insert(problem, plan, order.id)
        took.append(1000 * (time.perf_counter() - began))
        assert found
    return took[WARM:]


def _unprepared(problem: Problem, plan: Plan) -> Iterator[tuple[Problem, Plan]]:
    """Equal ones without what the library has kept of them."""
    for _ in range(UNPREPARED):
        yield replace(problem), replace(plan)


def _slots_ms(seed: int) -> float:
    """Thirty windows of an hour for one order, 100 crews; the median of five, arrays included."""
    problem, plan = full_city(100, 8, 6, seed)
    windows = [(8 * HOUR + n * 1200, 9 * HOUR + n * 1200) for n in range(30)]
    samples = []
    for order in problem.orders[-6:]:
        began = time.perf_counter()
        slots(problem, plan, order, windows)
        samples.append(1000 * (time.perf_counter() - began))
    return _percentile(samples[1:], 50)


def _demand_honest(problem: Problem, plan: Plan, order: Order) -> None:
    """What was timed is a plan that the independent check accepts, at the price told."""
    best = insert(problem, plan, order.id)[0]
    after = applied(problem, plan, best)
    assert check(problem, after) == []
    assert after.total - plan.total == best.net


def _percentile(samples: Sequence[float], share: float) -> float:
    return round(float(np.percentile(samples, share)), 2)


def main() -> None:
    """Measure, print and write `benchmarks/out/insert.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crews", type=int, default=500)
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--orders", type=int, default=300)
    asked = parser.parse_args()
    figures = measure(crews=asked.crews, stops=asked.stops, orders=asked.orders)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    for name, value in figures.items():
        print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
