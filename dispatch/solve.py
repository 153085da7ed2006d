"""Find a plan: insertion, the compiled search, the master problem; or OR-Tools' routing engine.

Whatever an engine returns is timed and priced again by `timing` and `price`, so the answer never
costs more than its warm start, and a part that finds nothing costs nothing but its seconds.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from dispatch.budget import Budget
from dispatch.check import check
from dispatch.explain import explain
from dispatch.insertion import Tour
from dispatch.master import improved
from dispatch.moves import within_moves
from dispatch.plan import Plan
from dispatch.price import priced_plan
from dispatch.problem import Problem
from dispatch.routing_engine import routed
from dispatch.timing import time_route

Sequences = Mapping[str, Sequence[str]]
Engine = Literal["search", "routing"]
CP_SAT = "ortools.sat.python.cp_model"
LOAD_S = 1.0
"""Loading CP-SAT takes about as long, beside the search: below this budget a process that has not
loaded it goes without."""


class PlanBroken(Exception):
    """A plan breaks a rule that its maker knows: a fault of this library, never of the problem."""


def solve(
    problem: Problem,
    budget: Budget,
    *,
    seed: int = 0,
    warm_start: Plan | Sequences | None = None,
    engine: Engine = "search",
) -> Plan:
    """Return the best plan found within the budget, never worse than its warm start.

    Every order is in the plan or in `unassigned` with coded reasons, which are found after the
    budget's seconds. A warm start may come from an older problem: unknown orders and what breaks a
    hard rule now are left out of it. The independent check has seen every plan that is returned;
    should it find anything, PlanBroken is raised. With `budget.iterations` and ample seconds the
    answer depends on the seed alone. A process's first search loads the kernels before its seconds
    begin (see `warm`). On a machine without numba every engine is "routing".
    """
    began = time.monotonic()
    given = warm_start.sequences if isinstance(warm_start, Plan) else warm_start
    start = None if given is None else _kept(problem, given)
    if engine == "search" and find_spec("numba") is not None:
        found = _searched(problem, start, budget, seed)
    else:
        found = routed(problem, start, budget, seed, began)
    if start is not None and start.total <= found.total:
        found = replace(start, parts=found.parts)
    return _explained(problem, found)


def replan(problem: Problem, sequences: Sequences) -> Plan:
    """Time and price given sequences as they are, leaving out what breaks a hard rule.

    For showing a plan that a person made; its unassigned orders carry their reasons.
    """
    return _explained(problem, _kept(problem, sequences))


def _explained(problem: Problem, plan: Plan) -> Plan:
    """The plan with its reasons, when the independent check finds nothing; else PlanBroken."""
    told = replace(plan, unassigned=explain(problem, plan, plan.unassigned))
    broken = check(problem, told)
    if broken:
        raise PlanBroken(f"{len(broken)} violations, the first: {broken[0]}")
    return told


def _kept(problem: Problem, sequences: Sequences) -> Plan:
    """The plan of the sequences without what is unknown, breaks a rule or moves too many."""
    tour = Tour(problem)
    tour.follow(sequences)
    plan = tour.plan()
    if problem.objective.most_moves is None:
        return plan
    kept = Tour(problem)
    kept.follow(within_moves(problem, plan.sequences))
    return kept.plan()


def _searched(problem: Problem, start: Plan | None, budget: Budget, seed: int) -> Plan:
    share = master_share(problem, budget)
    if share > 0:  # the search leaves the interpreter free, so the import costs no wall time
        threading.Thread(target=import_module, args=(CP_SAT,), daemon=True).start()
    from dispatch.search import search
    from dispatch.search import warm as load

    load()
    until = time.monotonic() + budget.seconds
    given = None if start is None else start.sequences
    found = search(problem, given, budget, seed=seed, until=until - share * budget.seconds)
    plan = _timed(problem, found.sequences)
    gained = 0
    if share > 0:
        limit = until if budget.iterations is None else None
        sequences, gained = improved(problem, plan, found.pool, seed, limit)
        plan = _timed(problem, sequences) if gained > 0 else plan
    parts = {
        "insertion": (found.seated - found.opened) // 1000,
        "search": (found.opened - found.price) // 1000,
        **({"master": gained // 1000} if share > 0 else {}),
        "rounds": found.rounds,
        "searches": found.searches,
    }
    return replace(plan, parts=parts)


def master_share(problem: Problem, budget: Budget) -> float:
    """The share of the seconds that CP-SAT gets: more where it has more to decide.

    None for a short budget in a process that would have to load OR-Tools first.
    """
    rates = problem.objective
    if budget.seconds < LOAD_S and CP_SAT not in sys.modules:
        return 0.0
    together = rates.spread_per_mille or rates.income_spread_per_mille
    return 0.1 if together or rates.most_moves is not None else 0.04


def _timed(problem: Problem, sequences: Sequences) -> Plan:
    """The plan of sequences that keep every rule, timed exactly."""
    routes = [time_route(problem, crew, sequences[crew.id]) for crew in problem.crews]
    timed = [route for route in routes if route is not None]
    if len(timed) < len(routes):  # the search and `timing` disagree: believe `timing`
        return _kept(problem, sequences)
    return priced_plan(problem, timed)


def warm() -> None:
    """Load CP-SAT and every kernel: once, before any request.

    A cold compilation takes about half a minute, loading what was compiled about two seconds.
    """
    import_module(CP_SAT)
    if find_spec("numba") is not None:
        import_module("dispatch.search").warm()
