"""Our own planner, asked as the peers are: an instance and seconds in, sequences out."""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.classic_sets import Classic
from benchmarks.rich_generator import generate
from benchmarks.rich_price import Instance
from dispatch import Budget, Crew, Objective, Order, Plan, Problem, check, solve
from dispatch.formats import read_rich, write_rich
from dispatch.solve import Engine

HEAVY: Final = 20_000_000
"""Tenths of price of leaving out a customer of a classic instance: more than any route."""


def planned(
    problem: Problem,
    seconds: float,
    seed: int,
    *,
    engine: Engine = "search",
    warm_start: Any = None,
) -> Plan:
    """Return a plan that the independent check accepts; raises ValueError for any other."""
    budget = Budget(seconds=seconds)
    plan = solve(problem, budget, seed=seed, warm_start=warm_start, engine=engine)
    broken = check(problem, plan)
    if broken:
        raise ValueError(f"{len(broken)} violations, the first: {broken[0]}")
    return plan


def plan_rich(
    instance: Instance,
    seconds: float,
    seed: int,
    *,
    engine: Engine = "search",
    fairness: float = 0.0,
) -> list[list[int]]:
    """Return one list of order numbers per technician; reading the instance counts as time."""
    began = time.monotonic()
    problem = read_rich(instance, fairness=fairness)
    left = max(0.05, seconds - (time.monotonic() - began))
    return write_rich(problem, planned(problem, left, seed, engine=engine))


def plan_classic(case: Classic, seconds: float, seed: int) -> list[list[int]]:
    """Return routes of customers 1.. from the depot 0."""
    orders = [
        Order(
            id=str(number),
            place=number,
            service_s=case.services[number],
            priority_penalty=HEAVY,
            window=case.windows[number],
            units=case.demands[number],
        )
        for number in range(1, len(case.demands))
    ]
    crews = [
        Crew(
            id=str(number),
            start_place=0,
            end_place=0,
            shift=case.windows[0],
            capacity=case.capacity,
        )
        for number in range(case.vehicles)
    ]
    problem = Problem(
        orders=tuple(orders),
        crews=tuple(crews),
        travel=case.travel,
        objective=Objective(overtime_per_mille=0, move=0, spread_per_mille=0),
    )
    plan = planned(problem, seconds, seed)
    return [[int(name) for name in names] for names in plan.sequences.values() if names]


def warm_up() -> float:
    """Plan something small, so that nothing is loaded or compiled later; seconds it took."""
    began = time.monotonic()
    engines: tuple[Engine, ...] = ("search", "routing")
    for engine in engines:
        plan_rich(generate(12, "tight", 1, crews=2), 0.2, 0, engine=engine)
    return time.monotonic() - began


def peak_mb(seconds: float) -> float:
    """Megabytes of the largest process that plans 1000 orders with 125 crews for `seconds`."""
    return float(
        subprocess.check_output([sys.executable, "-m", "benchmarks.planner_ours", str(seconds)])
    )


def first_answer_s() -> float:
    """Seconds from the start of `paigong solve` to its plan of a small day, caches being warm.

    The median of three, with 0.2 s of search: too little for CP-SAT, which is not loaded then.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "day.json", Path(folder) / "plan.json"
        file.write_text(json.dumps(generate(50, "tight", 1)), "utf-8")
        command: list[str | Path] = [
            Path(sys.executable).with_name("paigong"),
            "solve",
            file,
            "--out",
            out,
        ]
        took = []
        for _ in range(3):
            out.unlink(missing_ok=True)
            began = time.monotonic()
            subprocess.run([*command, "--seconds", "0.2"], check=True, capture_output=True)
            took.append(time.monotonic() - began)
        return statistics.median(took)


def _measure_memory() -> None:
    plan_rich(generate(1000, "relaxed", 1), float(sys.argv[1]), 0)
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    print(max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024)


if __name__ == "__main__":
    _measure_memory()
