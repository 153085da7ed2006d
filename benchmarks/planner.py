"""Our planner beside VROOM and PyVRP, on the work field repair is, and on the classic sets.

    make bench-planner                      # everything: about an hour and a half
    make bench-planner QUICK=1              # a little of everything, under five minutes
    python -m benchmarks.planner --only rich --seconds 1

Each solver gets the same seconds and the same two cores, one after the other in one run. Parts:
classic, rich, fresh, fair, city, insert, day, danger, machine. Writes `out/planner.json`; a part
that ran alone replaces only itself there.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import danger, insert, planner_city, planner_classic, planner_day, planner_rich
from benchmarks.classic_sets import classic_sets
from benchmarks.planner_ours import first_answer_s, peak_mb, warm_up
from benchmarks.planner_pyvrp import PyVrp

OUT: Final = Path(__file__).parent / "out" / "planner.json"
DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Optional data, see docs/benchmarks.md; parts that need it say so when it is absent."""
LIMITS: Final = {
    "solomon_gap_percent": 0.5,
    "gh200_gap_percent": 1.0,
    "rich_1s_geomean": 0.85,
    "rich_5s_geomean": 0.86,
    "rich_1s_worst": 1.0 + planner_rich.TIE,
    "rich_5s_worst": 1.0 + planner_rich.TIE,
    "rich_20s_worst": 1.0 + planner_rich.TIE,
    "fresh_geomean": 0.90,
    "fair_geomean": 0.95,
    "city_ratio": 0.98,
    "insert_p99_ms": 10.0,
    "first_answer_s": 3.0,
    "day_over_hindsight": 1.3,
    "day_churn_over_scratch": 1 / 3,
    "day_j_over_scratch": 1.03,
    "danger_p99_s": 1.0,
    "memory_mb": 600.0,
}
"""What each figure may be at most."""


class Asked(NamedTuple):
    """What the command line wants."""

    quick: bool
    seconds: tuple[float, ...]
    seeds: tuple[int, ...]
    instances: tuple[str, ...]
    routing: bool
    data: Path


class Peers:
    """PyVRP's processes, started by the first part that needs them."""

    def __init__(self) -> None:
        self._pyvrp: PyVrp | None = None

    @property
    def pyvrp(self) -> PyVrp:
        """Two waiting processes."""
        self._pyvrp = self._pyvrp or PyVrp()
        return self._pyvrp

    def close(self) -> None:
        """End them."""
        if self._pyvrp is not None:
            self._pyvrp.close()


Figures = dict[str, Any]
Part = Callable[[Asked, Peers], Figures]


def classic(asked: Asked, peers: Peers) -> Figures:
    """Mean gaps to the best known: all Solomon, ten of 200 customers."""
    folder = asked.data / "vrptw"
    if not folder.is_dir():
        return {"not_run": f"there is no {folder.name} in the data folder"}
    found: Figures = {}
    quick_step = 28 if asked.quick else 1
    for name, kind, step, seconds in (
        ("solomon", "solomon", quick_step, 5.0),
        ("gh200", "gh200", 60 if asked.quick else 6, 15.0),
    ):
        cases = classic_sets(folder, kind)[::step]
        spent = min(seconds, 2.0) if asked.quick else seconds
        result = planner_classic.compare(cases, spent, asked.seeds[0], peers.pyvrp)
        found[name] = result
        found[f"{name}_gap_percent"] = result["ours"]
    return found


def rich(asked: Asked, peers: Peers) -> Figures:
    """J on the given instances over the best peer's."""
    folder = asked.data / "rich"
    if not folder.is_dir():
        return {"not_run": f"there is no {folder.name} in the data folder"}
    names = asked.instances
    if asked.quick and not names:
        names = ("tight-N50-M4-s1", "tight-N50-M4-s1-H", "tight-N200-M14-s1", "relaxed-N200-M25-s1")
    instances = planner_rich.given(folder, names)
    found: Figures = {}
    for seconds in asked.seconds or ((1.0,) if asked.quick else (1.0, 5.0, 20.0)):
        rows = planner_rich.compare(
            instances, seconds, asked.seeds, peers.pyvrp, routing=asked.routing
        )
        result = planner_rich.summary(rows)
        found[f"rich_{seconds:g}s"] = rows
        found[f"rich_{seconds:g}s_geomean"] = result["geomean"]
        found[f"rich_{seconds:g}s_worst"] = result["worst"]
        found[f"rich_{seconds:g}s_geomean_plain"] = result["geomean_plain"]
        print(f"  {seconds:g} s beside VROOM's plain mapping alone: {result['geomean_plain']}")
    return found


def fresh(asked: Asked, peers: Peers) -> Figures:
    """J on instances of our generator over the best peer's, at 5 s."""
    seconds = asked.seconds[0] if asked.seconds else 1.0 if asked.quick else 5.0
    instances = list(planner_rich.fresh(4 if asked.quick else 20))
    rows = planner_rich.compare(instances, seconds, asked.seeds, peers.pyvrp)
    result = planner_rich.summary(rows)
    return {"rows": rows, **{f"fresh_{name}": value for name, value in result.items()}}


def fair(asked: Asked, _: Peers) -> Figures:
    """JF of the search with fairness priced over the search without."""
    seconds = asked.seconds[0] if asked.seconds else 1.0 if asked.quick else 10.0
    folder = asked.data / "rich"
    instances = planner_rich.given(folder, asked.instances) if folder.is_dir() else []
    instances = [each for each in instances if not each["name"].endswith("-H")]
    instances = instances or list(planner_rich.fresh(2))
    if asked.quick:
        instances = instances[:2]
    result = planner_rich.fairness(instances, seconds, asked.seeds)
    return {"rows": result["rows"], "fair_geomean": result["geomean"]}


def city(asked: Asked, _: Peers) -> Figures:
    """J of a city whose stations lend crews over the sum of separate stations."""
    seconds = asked.seconds[0] if asked.seconds else 1.0 if asked.quick else 3.0
    sizes = (4, 9) if asked.quick else (10, 100)
    result = planner_city.measure(sizes, seconds, asked.seeds[0])
    return {**result, "city_ratio": result["ratio"]}


def inserting(asked: Asked, _: Peers) -> Figures:
    """How long one order waits for its proposals."""
    return insert.measure(orders=100 if asked.quick else 1000)


def day(asked: Asked, _: Peers) -> Figures:
    """A day that half the orders arrive in."""
    seconds = asked.seconds[0] if asked.seconds else 0.3
    orders, every_s, hindsight_s = (60, 900, 3.0) if asked.quick else (200, 300, 20.0)
    result = planner_day.measure(orders, every_s, seconds, hindsight_s, asked.seeds)
    names = ("over_hindsight", "churn_over_scratch", "j_over_scratch")
    return {**result, **{f"day_{name}": result[name] for name in names}}


def dangers(asked: Asked, _: Peers) -> Figures:
    """From a danger order's HTTP intake to the push provider, while plans are solved."""
    if asked.quick:
        return danger.measure(orders=200, dangers=10, solve_s=5.0)
    return danger.measure()


def machine(asked: Asked, _: Peers) -> Figures:
    """Memory, and the time to a first answer."""
    return {
        "memory_mb": round(peak_mb(2.0 if asked.quick else 10.0), 1),
        "first_answer_s": round(first_answer_s(), 2),
    }


PARTS: Final[Mapping[str, Part]] = {
    "classic": classic,
    "rich": rich,
    "fresh": fresh,
    "fair": fair,
    "city": city,
    "insert": inserting,
    "day": day,
    "danger": dangers,
    "machine": machine,
}


def run(asked: Asked, only: Sequence[str]) -> Figures:
    """Run the parts and write what they found after each."""
    told: Figures = json.loads(OUT.read_text("utf-8")) if only and OUT.exists() else {}
    parts: Figures = told.get("parts", {})
    warmed_s = warm_up()
    peers = Peers()
    try:
        for name in only or PARTS:
            print(f"{name}: {PARTS[name].__doc__}", flush=True)
            began = time.monotonic()
            found = PARTS[name](asked, peers)
            parts[name] = {**found, "quick": asked.quick, "took_s": round(time.monotonic() - began)}
            told = _whole(parts, warmed_s)
            OUT.parent.mkdir(exist_ok=True)
            OUT.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    finally:
        peers.close()
    return told


def _whole(parts: Figures, warmed_s: float) -> Figures:
    figures = {name: found[name] for name in LIMITS for found in parts.values() if name in found}
    measured = {name: value for name, value in figures.items() if value is not None}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
            **{name: version(name) for name in ("ortools", "pyvroom", "pyvrp")},
        },
        "warm_up_s": round(warmed_s, 1),
        "figures": measured,
        "limits": LIMITS,
        "missed": [name for name, value in measured.items() if value > LIMITS[name]],
        "not_measured": [name for name in LIMITS if name not in measured],
        "parts": parts,
    }


def table(told: Figures) -> str:
    """The figures beside their limits."""
    lines = [f"{'figure':26} {'measured':>10} {'at most':>10}"]
    for name, limit in LIMITS.items():
        value = told["figures"].get(name)
        verdict = "not measured" if value is None else "MISSED" if value > limit else "kept"
        shown = "" if value is None else f"{value:.4g}"
        lines.append(f"{name:26} {shown:>10} {limit:>10.4g}  {verdict}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write the JSON."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--only", action="append", choices=PARTS, default=[])
    ask.add_argument("--quick", action="store_true")
    ask.add_argument("--seconds", type=float, action="append", default=[])
    ask.add_argument("--seeds", type=int, help="how many; 3 without --quick")
    ask.add_argument("--instance", action="append", default=[], help="of the given rich ones")
    ask.add_argument("--routing", action="store_true", help="engine routing beside the others")
    ask.add_argument("--data", type=Path, default=DATA)
    given = ask.parse_args()
    asked = Asked(
        quick=given.quick,
        seconds=tuple(given.seconds),
        seeds=tuple(range(given.seeds or (1 if given.quick else 3))),
        instances=tuple(given.instance),
        routing=given.routing,
        data=given.data,
    )
    told = run(asked, given.only)
    print(table(told))
    print(f"written to {OUT.relative_to(OUT.parents[2])}")


if __name__ == "__main__":
    main()
