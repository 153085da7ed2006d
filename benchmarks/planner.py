"""Our planner beside VROOM and PyVRP, on the work field repair is, and on the classic sets.

    make bench-planner                      # every section that these sources have not yet
    make bench-planner QUICK=1              # a little of everything, under five minutes
    python -m benchmarks.planner --only rich_1s --again
    python -m benchmarks.planner --table    # what has been measured, and when

Each solver gets the same seconds and the same two cores, one after the other in one run. Sections
are measured one by one and written to `out/planner.json` after each, so that a run may be broken
off and taken up again. A group (`classic`, `rich`, `machine`) stands for its sections.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import danger, insert, planner_city, planner_classic, planner_day, planner_rich
from benchmarks.classic_sets import classic_sets
from benchmarks.planner_ours import first_answer_s, peak_mb, warm_up
from benchmarks.planner_pyvrp import PyVrp
from benchmarks.planner_record import OUT, Figures, Record

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
    "fresh_worst": 1.0 + planner_rich.TIE,
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


DAYS: Final = range(20, 38)
"""Seeds of the simulated days of a family. Eighteen, since a day lived twice differs by some 5 %
from chance alone, and none that a policy was chosen on (docs/benchmarks.md)."""


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


Part = Callable[[Asked, Peers], Figures]


def _classic(name: str, step: int, seconds: float, asked: Asked, peers: Peers) -> Figures:
    """Mean gaps to the best known, of every `step`-th instance of the set."""
    folder = asked.data / "vrptw"
    if not folder.is_dir():
        return {"not_run": f"there is no {folder.name} in the data folder"}
    cases = classic_sets(folder, name)[:: step * (28 if asked.quick else 1)]
    spent = min(seconds, 2.0) if asked.quick else seconds
    result = planner_classic.compare(cases, spent, asked.seeds[0], peers.pyvrp)
    return {**result, f"{name}_gap_percent": result["ours"], "seeds": [asked.seeds[0]]}


def solomon(asked: Asked, peers: Peers) -> Figures:
    """All 56 of Solomon's."""
    return _classic("solomon", 1, 5.0, asked, peers)


def gh200(asked: Asked, peers: Peers) -> Figures:
    """Ten of 200 customers."""
    return _classic("gh200", 6, 15.0, asked, peers)


def _rich(seconds: float, asked: Asked, peers: Peers) -> Figures:
    """J on the given instances over the best peer's."""
    folder = asked.data / "rich"
    if not folder.is_dir():
        return {"not_run": f"there is no {folder.name} in the data folder"}
    names = asked.instances
    if asked.quick and not names:
        names = ("tight-N50-M4-s1", "tight-N50-M4-s1-H", "tight-N200-M14-s1", "relaxed-N200-M25-s1")
    rows = planner_rich.compare(
        planner_rich.given(folder, names), seconds, asked.seeds, peers.pyvrp, routing=asked.routing
    )
    result = planner_rich.summary(rows)
    print(
        f"  {seconds:g} s beside VROOM by level: {result['by_level']}, best of all eight plans:"
        f" {result['geomean_hardest']}"
    )
    found = {f"rich_{seconds:g}s_{name}": value for name, value in result.items()}
    return {"rows": rows, "instances": list(names) or "all", **found}


def rich_1s(asked: Asked, peers: Peers) -> Figures:
    """J on the given instances over the best peer's, at 1 s."""
    return _rich(1.0, asked, peers)


def rich_5s(asked: Asked, peers: Peers) -> Figures:
    """J on the given instances over the best peer's, at 5 s."""
    return _rich(5.0, asked, peers)


def rich_20s(asked: Asked, peers: Peers) -> Figures:
    """J on the given instances over the best peer's, at 20 s."""
    return _rich(20.0, asked, peers)


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
    return {
        "rows": result["rows"],
        "gained": result["gained"],
        "fair_geomean": result["geomean"],
    }


def city(asked: Asked, _: Peers) -> Figures:
    """J of a city whose stations lend crews over the sum of separate stations."""
    seconds = asked.seconds[0] if asked.seconds else 0.5 if asked.quick else 3.0
    sizes = (4, 9) if asked.quick else (10, 100)
    result = planner_city.measure(sizes, seconds, asked.seeds[0])
    return {**result, "city_ratio": result["ratio"], "seeds": [asked.seeds[0]]}


def inserting(asked: Asked, _: Peers) -> Figures:
    """How long one order waits for its proposals."""
    return insert.measure(orders=100 if asked.quick else 1000) | {"seeds": []}


def day(asked: Asked, _: Peers) -> Figures:
    """A day that half the orders arrive in."""
    seconds = asked.seconds[0] if asked.seconds else 0.3
    orders, every_s, hindsight_s = (60, 1800, 3.0) if asked.quick else (200, 300, 20.0)
    seeds = DAYS[: len(asked.seeds)] if len(asked.seeds) < SEEDS else DAYS
    result = planner_day.measure(orders, every_s, seconds, hindsight_s, seeds)
    names = ("over_hindsight", "churn_over_scratch", "j_over_scratch")
    told = {f"day_{name}": result[name] for name in names}
    return {**result, **told, "seeds": list(seeds)}


def dangers(asked: Asked, _: Peers) -> Figures:
    """From a danger order's HTTP intake to the push provider, while plans are solved."""
    if asked.quick:
        return danger.measure(orders=200, dangers=10, solve_s=5.0) | {"seeds": []}
    return danger.measure() | {"seeds": []}


def memory(asked: Asked, _: Peers) -> Figures:
    """Megabytes of a process that plans 1000 orders with 125 crews."""
    return {"memory_mb": round(peak_mb(2.0 if asked.quick else 10.0), 1), "seeds": []}


def first_answer(_: Asked, __: Peers) -> Figures:
    """From the start of a process to its first plan, with a warm cache."""
    return {"first_answer_s": round(first_answer_s(), 2), "seeds": []}


SECTIONS: Final[Mapping[str, Part]] = {
    "first_answer": first_answer,
    "memory": memory,
    "insert": inserting,
    "rich_1s": rich_1s,
    "rich_5s": rich_5s,
    "fresh": fresh,
    "day": day,
    "danger": dangers,
    "fair": fair,
    "city": city,
    "solomon": solomon,
    "gh200": gh200,
    "rich_20s": rich_20s,
}
"""The short ones first."""
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "classic": ("solomon", "gh200"),
    "rich": ("rich_1s", "rich_5s", "rich_20s"),
    "machine": ("first_answer", "memory"),
}
SEEDS: Final = 3
"""With fewer a section that is a mean over seeds has no verdict."""
SEEDED: Final = (*GROUPS["rich"], "fresh", "fair", "day")
SKIPPED_QUICKLY: Final = ("rich_5s", "rich_20s")


def run(asked: Asked, record: Record, sections: Iterable[str]) -> None:
    """Measure these sections one after the other."""
    warmed_s = warm_up()
    print(f"loading and warming up took {warmed_s:.1f} s", flush=True)
    peers = Peers()
    try:
        for name in sections:
            print(f"{name}: {SECTIONS[name].__doc__}", flush=True)
            part = partial(SECTIONS[name], asked, peers)
            less = asked.quick or bool(asked.seconds or asked.instances)
            less = less or (name in SEEDED and len(asked.seeds) < SEEDS)
            record.measure(name, part, quick=less, seeds=asked.seeds)
    finally:
        peers.close()


def wanted(asked: Asked, record: Record, only: Iterable[str], *, again: bool) -> list[str]:
    """The sections to measure: those named, else all that these sources lack."""
    named = [section for name in only for section in GROUPS.get(name, (name,))]
    if named and again:
        return named
    if asked.quick:
        return named or [name for name in SECTIONS if name not in SKIPPED_QUICKLY]
    return [name for name in named or SECTIONS if again or not record.has(name)]


def main() -> None:
    """Measure, print the table, write the JSON."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    ask.add_argument("--only", action="append", choices=[*SECTIONS, *GROUPS], default=[])
    ask.add_argument("--again", action="store_true", help="what these sources have already, too")
    ask.add_argument("--table", action="store_true", help="measure nothing")
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
        seeds=tuple(range(given.seeds or (1 if given.quick else SEEDS))),
        instances=tuple(given.instance),
        routing=given.routing,
        data=given.data,
    )
    record = Record(LIMITS)
    sections = [] if given.table else wanted(asked, record, given.only, again=given.again)
    if sections:
        run(asked, record, sections)
    print(record.table())
    print(f"written in {OUT.relative_to(OUT.parents[2])}")


if __name__ == "__main__":
    main()
