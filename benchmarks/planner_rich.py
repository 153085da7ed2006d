"""J on the rich instances, the given ones and fresh ones, beside VROOM and PyVRP; and JF."""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import planner_ours, planner_vroom
from benchmarks.planner_pyvrp import PyVrp
from benchmarks.rich_generator import FAMILIES, generate
from benchmarks.rich_price import Instance, Routes, price

TIE: Final = 0.01
"""Differences of 1 % are ties."""
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
    """One row per instance: mean J of each solver, and ours over the best peer's."""
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
    row["vroom"] = min(vroom.values())
    row["vroom_kind"] = min(vroom, key=lambda kind: vroom[kind])
    row["vroom_default"] = min(
        j for (_, level), j in vroom.items() if level == planner_vroom.DEFAULT_LEVEL
    )
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
    for ratio, vroom_row in (("ratio", "vroom"), ("ratio_default", "vroom_default")):
        best = min(row[peer] for peer in (vroom_row, "pyvrp") if peer in row)
        row[ratio] = round(row["ours"] / best, 4)
    _say(row)
    return row


def _priced(instance: Instance, plan: Callable[[], Routes]) -> tuple[float, float]:
    """J in minutes and the seconds it took; a broken plan raises."""
    began = time.monotonic()
    routes = plan()
    took = time.monotonic() - began
    return price(instance, routes).j, round(took, 2)


def _mean(results: Sequence[tuple[float, ...]], place: int) -> float:
    return round(statistics.mean(result[place] for result in results), 1)


def _say(row: dict[str, Any]) -> None:
    shown = "  ".join(
        f"{name} {row[name]:>8}" for name in ("ours", "vroom", "pyvrp", "routing") if name in row
    )
    print(
        f"  {row['instance']:26} {row['seconds']:>4} s  {shown}  ratio {row['ratio']}", flush=True
    )


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Geometric mean and worst of the ratios; the mean beside VROOM's default level, too."""
    ratios = [row["ratio"] for row in rows]
    default = [row.get("ratio_default", row["ratio"]) for row in rows]
    return {
        "geomean": round(statistics.geometric_mean(ratios), 4),
        "worst": max(ratios),
        "geomean_default": round(statistics.geometric_mean(default), 4),
    }


def fairness(instances: Sequence[Instance], seconds: float, seeds: Sequence[int]) -> dict[str, Any]:
    """JF of the search with its fairness parts over JF of the search without them."""
    rows = []
    for instance in instances:
        both = [
            statistics.mean(
                price(instance, planner_ours.plan_rich(instance, seconds, seed, fairness=rate)).jf
                for seed in seeds
            )
            for rate in (0.1, 0.0)
        ]
        rows.append(
            {
                "instance": instance["name"],
                "with": round(both[0], 1),
                "without": round(both[1], 1),
                "ratio": round(both[0] / both[1], 4),
            }
        )
        print(f"  JF {instance['name']:26} {both[0]:9.1f} {both[1]:9.1f}", flush=True)
    return {"rows": rows, **summary(rows)}
