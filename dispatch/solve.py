"""Find a plan: cheapest insertion first, then OR-Tools' routing search from the best start.

Whatever the search returns is timed and priced again by `timing` and `price`, so the answer never
costs more than its warm start, nor than plain insertion, and a search that finds nothing costs
nothing but its seconds. A second engine can stand beside `_searched`: plans in, a plan out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from dispatch.explain import explain
from dispatch.fit import candidates
from dispatch.insertion import SORTS, Tour, build, mend
from dispatch.model import Budget
from dispatch.moves import within_moves
from dispatch.plan import Plan
from dispatch.price import priced_plan
from dispatch.problem import Problem
from dispatch.routing_model import RoutingModel

Sequences = Mapping[str, Sequence[str]]

INSERTION_SHARE = 0.4
"""Share of the budget after which no further insertion is begun before the search."""
SEARCH_UNTIL = 0.85
"""Share of the budget at which the search ends: what it found must be mended and explained."""
SECONDS_PER_ORDER_SQUARED = 0.02
"""Small problems are searched through long before the budget ends: the limit for n orders."""


def solve(
    problem: Problem,
    budget: Budget,
    *,
    seed: int = 0,
    warm_start: Plan | Sequences | None = None,
) -> Plan:
    """Return the best plan found within the budget, never worse than its warm start.

    Every order is in the plan or in `unassigned` with coded reasons. A warm start may come from an
    older problem: unknown orders and what breaks a hard rule now are left out of it. With
    `budget.solutions` and ample seconds the answer depends on the seed alone.
    """
    began = time.monotonic()
    may = candidates(problem)
    best = _incumbent(problem, may, warm_start, began + INSERTION_SHARE * budget.seconds)
    left = SEARCH_UNTIL * budget.seconds - (time.monotonic() - began)
    if left > 0 and any(may.values()):
        best = min(best, _searched(problem, may, best, left, budget.solutions, seed), key=_total)
    return priced_plan(
        problem,
        best.routes,
        explain(problem, best, best.unassigned),
    )


def replan(problem: Problem, sequences: Sequences) -> Plan:
    """Time and price given sequences as they are, leaving out what breaks a hard rule.

    For showing a plan that a person made; its unassigned orders carry their reasons.
    """
    tour = Tour(problem)
    tour.follow(sequences)
    plan = _settled(problem, tour.plan())
    return priced_plan(problem, plan.routes, explain(problem, plan, plan.unassigned))


def _settled(problem: Problem, plan: Plan, may: Mapping[str, list[int]] | None = None) -> Plan:
    """The plan with no more moves than may be, which insertion does not know about."""
    if problem.objective.most_moves is None:
        return plan
    kept = within_moves(problem, plan.sequences)
    tour = Tour(problem, may)
    tour.follow(kept)
    return tour.plan()


def _total(plan: Plan) -> int:
    return plan.total


def _incumbent(
    problem: Problem,
    may: Mapping[str, list[int]],
    warm_start: Plan | Sequences | None,
    deadline: float,
) -> Plan:
    plans = []
    if warm_start is not None:
        given = warm_start.sequences if isinstance(warm_start, Plan) else warm_start
        tour = Tour(problem, may)
        tour.follow(given)
        plans += [tour.plan(), mend(problem, may, given, deadline)]
    plans.append(build(problem, may, deadline))
    for sort in range(1, len(SORTS)):
        if time.monotonic() < deadline:
            plans.append(build(problem, may, deadline, sort))
    return min((_settled(problem, plan, may) for plan in plans), key=_total)


def _searched(
    problem: Problem,
    may: Mapping[str, list[int]],
    start: Plan,
    seconds: float,
    solutions: int | None,
    seed: int,
) -> Plan:
    began = time.monotonic()
    model = RoutingModel(problem, may, start, Tour(problem, may).routes)
    enough = SECONDS_PER_ORDER_SQUARED * len(model.orders) ** 2
    left = min(seconds - (time.monotonic() - began), enough)
    if left <= 0:
        return start
    found = model.search(start, left, solutions, seed)
    if found is None:
        return start
    mended = mend(problem, may, model.sequences(found), time.monotonic() + seconds)
    return _settled(problem, mended, may)
