"""The classic sets beside VROOM and PyVRP: the mean gap to the best known distances."""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks import planner_ours, planner_vroom
from benchmarks.classic_sets import Classic
from benchmarks.planner_pyvrp import PyVrp


def compare(
    cases: Sequence[Classic], seconds: float, seed: int, pyvrp: PyVrp | None
) -> dict[str, Any]:
    """Mean gap per solver in per cent, and the rows; a solver without a plan has None."""
    rows = []
    for case in cases:
        row: dict[str, Any] = {
            "instance": case.name,
            "ours": _gap(case, partial(planner_ours.plan_classic, case, seconds, seed)),
            "vroom": _gap(case, partial(planner_vroom.plan_classic, case, seconds)),
        }
        if pyvrp is not None:
            row["pyvrp"] = _gap(case, partial(pyvrp.plan_classic, case, seconds, seed))
        print(f"  {row}", flush=True)
        rows.append(row)
    names = [name for name in ("ours", "vroom", "pyvrp") if name in rows[0]]
    return {"seconds": seconds, "rows": rows, **{name: _mean(rows, name) for name in names}}


def _gap(case: Classic, plan: Callable[[], list[list[int]]]) -> float | None:
    """Per cent above the best known; None when the solver has no plan that keeps all rules."""
    try:
        return round(100 * case.gap(plan()), 3)
    except ValueError as why:
        print(f"  {why}")
    return None


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    """The mean over all rows; None when one is lacking, so that nobody gains by failing."""
    gaps = [row[name] for row in rows]
    return None if None in gaps else round(statistics.mean(gaps), 3)
