"""J on the rich instances, the given ones and fresh ones, beside VROOM and PyVRP; and JF."""

import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import planner_ours, planner_vroom
from benchmarks.planner_pyvrp import PyVrp
from benchmarks.rich_generator import FAMILIES, generate
from benchmarks.rich_price import Instance, Routes, price
from dispatch import Budget
from dispatch.formats import read_rich, write_rich
from dispatch.master import WHOLE_S
from dispatch.solve import master_share

TIE: Final = 0.01
"""Differences of 1 % are ties."""
FAIRNESS: Final = 0.1
"""Price of a second by which a crew's work differs from the mean, as JF says."""
FRESH_ORDERS: Final = (50, 75, 100, 150, 200, 250, 300, 400, 500, 1000)
"""Each in both families; every third has hard windows and no lunch."""
FRESH_SEED: Final = 2026


def given(folder: Path, names: Sequence[str] = ()) -> list[Instance]:
    """The instances of the folder, by size; with names only these."""
    files = [file for file in folder.glob("*.json") if not names or file.stem in names]
    found = [json.loads(file.read_text("utf-8")) for file in files]
    return sorted(found, key=lambda instance: (len(instance["orders"]), instance["name"]))


def fresh(count: int) -> Iterator[Instance]:
    """Instances that nobody has tuned for."""
    kinds = [(orders, family) for orders in FRESH_ORDERS for family in FAMILIES]
    for number, (orders, family) in enumerate(kinds[:count]):
        yield generate(orders, family, FRESH_SEED + number, hard=number % 3 == 2)


def compare(
    instances: Sequence[Instance],
    seconds: float,
    seeds: Sequence[int],
    pyvrp: PyVrp | None,
    *,
    routing: bool = False,
) -> list[dict[str, Any]]:
    """One row per instance: mean J of each solver, and ours over the best peer's.

    VROOM's is at its default level; beside each other level and the best of all it is told, too.
    """
    return [_row(instance, seconds, seeds, pyvrp, routing) for instance in instances]


def _row(
    instance: Instance, seconds: float, seeds: Sequence[int], pyvrp: PyVrp | None, routing: bool
) -> dict[str, Any]:
    row: dict[str, Any] = {"instance": instance["name"], "seconds": seconds}
    ours = [
        _priced(instance, partial(planner_ours.plan_rich, instance, seconds, seed))
        for seed in seeds
    ]
    row["ours"] = _mean(ours, 0)
    row["ours_by_seed"] = [round(j, 1) for j, _ in ours]
    row["ours_took_s"] = max(took for _, took in ours)
    began = time.monotonic()
    plans = planner_vroom.plans_rich(instance, seconds)
    row["vroom_took_s"] = round(time.monotonic() - began, 2)
    vroom = {kind: round(price(instance, routes).j, 1) for kind, routes in plans.items()}
    row["vroom_by_level"] = {
        level: min(j for (_, asked), j in vroom.items() if asked == level)
        for level in planner_vroom.LEVELS
    }
    row["vroom"] = row["vroom_by_level"][planner_vroom.DEFAULT_LEVEL]
    row["vroom_hardest"] = min(vroom.values())
    if pyvrp is not None and instance["name"].endswith("-H"):
        theirs = [
            _priced(instance, partial(pyvrp.plan_rich, instance, seconds, seed)) for seed in seeds
        ]
        row["pyvrp"] = _mean(theirs, 0)
        row["pyvrp_took_s"] = max(took for _, took in theirs)
    if routing:
        other = _priced(
            instance,
            partial(planner_ours.plan_rich, instance, seconds, seeds[0], engine="routing"),
        )
        row["routing"], row["routing_took_s"] = round(other[0], 1), other[1]
    row["ratio"] = _beside(row, row["vroom"])
    row["ratio_by_level"] = {level: _beside(row, j) for level, j in row["vroom_by_level"].items()}
    row["ratio_hardest"] = _beside(row, row["vroom_hardest"])
    _say(row)
    return row


def _beside(row: Mapping[str, Any], vroom: float) -> float:
    """Our J over that of the better of PyVRP and VROOM's plan of this J."""
    return round(float(row["ours"]) / min(vroom, row.get("pyvrp", vroom)), 4)


def _priced(instance: Instance, plan: Callable[[], Routes]) -> tuple[float, float]:
    """J in minutes and the seconds it took; a broken plan raises."""
    began = time.monotonic()
    routes = plan()
    took = time.monotonic() - began
    return price(instance, routes).j, round(took, 2)


def _mean(results: Sequence[tuple[float, ...]], place: int) -> float:
    return round(statistics.mean(result[place] for result in results), 1)


def _say(row: dict[str, Any]) -> None:
    names = ("ours", "vroom", "vroom_hardest", "pyvrp", "routing")
    shown = "  ".join(f"{name} {row[name]:>8}" for name in names if name in row)
    print(
        f"  {row['instance']:26} {row['seconds']:>4} s  {shown}  ratio {row['ratio']}"
        f" ({row['ratio_hardest']})",
        flush=True,
    )


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Geometric mean and worst of our J over the best peer's.

    The mean is beside VROOM at the one exploration level that does best over these instances, asked
    everywhere with our seconds; `by_level` has all. `geomean_hardest` and the worst are beside the
    best of its eight plans, instance by instance.
    """
    levels = rows[0]["ratio_by_level"]
    by_level = {
        level: _mean_ratio(row["ratio_by_level"][level] for row in rows) for level in levels
    }
    return {
        "geomean": max(by_level.values()),
        "by_level": by_level,
        "geomean_hardest": _mean_ratio(row["ratio_hardest"] for row in rows),
        "worst": max(row["ratio_hardest"] for row in rows),
    }


def _mean_ratio(ratios: Iterable[float]) -> float:
    return round(statistics.geometric_mean(ratios), 4)


def fairness(instances: Sequence[Instance], seconds: float, seeds: Sequence[int]) -> dict[str, Any]:
    """JF of the search with its fairness parts over JF of the search without them.

    What CP-SAT gave stands apart (`Plan.parts`), in minutes of JF. `gained` sums it up: CP-SAT's
    share of JF, and how often it found anything.
    """
    rows = []
    for instance in instances:
        plans = [_fair_plan(instance, seconds, seed) for seed in seeds]
        priced = statistics.mean(price(instance, routes).jf for routes, _ in plans)
        without = statistics.mean(
            price(instance, planner_ours.plan_rich(instance, seconds, seed)).jf for seed in seeds
        )
        row = {
            "instance": instance["name"],
            "with": round(priced, 1),
            "without": round(without, 1),
            "ratio": round(priced / without, 4),
            **_gains([parts for _, parts in plans]),
        }
        print(
            f"  JF {row['instance']:26} {priced:9.1f} {without:9.1f}"
            f"  search -{row['search']}, CP-SAT -{row['cp_sat']}",
            flush=True,
        )
        rows.append(row)
    return {
        "rows": rows,
        "gained": gained(rows, whole_pool_s(seconds)),
        "geomean": _mean_ratio(row["ratio"] for row in rows),
    }


def _fair_plan(instance: Instance, seconds: float, seed: int) -> tuple[Routes, Mapping[str, int]]:
    """The plan with fairness priced, and what each part of the planner took off its price."""
    began = time.monotonic()
    problem = read_rich(instance, fairness=FAIRNESS)
    left = max(0.05, seconds - (time.monotonic() - began))
    plan = planner_ours.planned(problem, left, seed)
    return write_rich(problem, plan), plan.parts


def _gains(parts: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    """Minutes of JF that a part took off, means over seeds; and CP-SAT's by seed."""
    return {
        "search": round(statistics.mean(each.get("search", 0) for each in parts) / 60, 1),
        "cp_sat": round(statistics.mean(each.get("master", 0) for each in parts) / 60, 2),
        "cp_sat_by_seed": [round(each.get("master", 0) / 60, 2) for each in parts],
    }


def whole_pool_s(seconds: float) -> float:
    """Seconds that CP-SAT has of a budget where fairness is priced; from `WHOLE_S` on it tries the
    whole pool before its neighbourhoods, with less the neighbourhoods alone."""
    problem = read_rich(generate(10, "tight", 1), fairness=FAIRNESS)
    return master_share(problem, Budget(seconds=seconds)) * seconds


def gained(rows: Sequence[Mapping[str, Any]], cp_sat_s: float) -> dict[str, Any]:
    """What CP-SAT gave over all instances, and whether the whole pool had its chance."""
    runs = [gain for row in rows for gain in row["cp_sat_by_seed"]]
    told = {
        "cp_sat_s": round(cp_sat_s, 2),
        "whole_pool_tried": cp_sat_s >= WHOLE_S,
        "search_minutes": round(sum(row["search"] for row in rows), 1),
        "cp_sat_minutes": round(sum(row["cp_sat"] for row in rows), 2),
        "cp_sat_percent_of_jf": round(
            100 * statistics.mean(row["cp_sat"] / (row["with"] + row["cp_sat"]) for row in rows), 3
        ),
        "cp_sat_runs": f"{sum(gain > 0 for gain in runs)} of {len(runs)}",
    }
    pool = "whole pool and neighbourhoods" if told["whole_pool_tried"] else "neighbourhoods only"
    print(
        f"  of JF the search took {told['search_minutes']} min, CP-SAT {told['cp_sat_minutes']} min"
        f" ({told['cp_sat_percent_of_jf']} % of JF, in {told['cp_sat_runs']} runs;"
        f" {pool}, {told['cp_sat_s']} s each)",
        flush=True,
    )
    return told
