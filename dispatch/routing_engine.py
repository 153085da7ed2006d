"""The second engine: cheapest insertion, then OR-Tools' routing search from the best start."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dispatch.budget import Budget
from dispatch.insertion import SORTS, Tour, build, mend
from dispatch.moves import within_moves
from dispatch.plan import Plan
from dispatch.problem import Problem
from dispatch.reach import candidates
from dispatch.routing_model import RoutingModel

INSERTION_SHARE = 0.4
"""Share of the budget after which no further insertion is begun before the search."""
SEARCH_UNTIL = 0.85
"""Share of the budget at which the search ends: what it found must be mended."""
SECONDS_PER_ORDER_SQUARED = 0.02
"""Small problems are searched through long before the budget ends: the limit for n orders."""


def routed(problem: Problem, start: Plan | None, budget: Budget, seed: int, began: float) -> Plan:
    """Return the best plan found; `began` is the monotonic instant from which seconds count."""
    may = candidates(problem)
    deadline = began + INSERTION_SHARE * budget.seconds
    best = _inserted(problem, may, start, deadline)
    before = best.total
    left = SEARCH_UNTIL * budget.seconds - (time.monotonic() - began)
    if left > 0 and any(may.values()):
        found = _walked(problem, may, best, left, budget.solutions or budget.iterations, seed)
        best = min(best, found, key=_total)
    return _with_parts(best, before)


def _with_parts(plan: Plan, before: int) -> Plan:
    return Plan(
        routes=plan.routes,
        unassigned=plan.unassigned,
        price=plan.price,
        total=plan.total,
        parts={"routing": before - plan.total},
    )


def _total(plan: Plan) -> int:
    return plan.total


def _inserted(
    problem: Problem, may: Mapping[str, list[int]], start: Plan | None, deadline: float
) -> Plan:
    plans = []
    if start is not None:
        plans += [start, mend(problem, may, start.sequences, deadline)]
    plans.append(build(problem, may, deadline))
    for sort in range(1, len(SORTS)):
        if time.monotonic() < deadline:
            plans.append(build(problem, may, deadline, sort))
    return min((_settled(problem, may, plan) for plan in plans), key=_total)


def _settled(problem: Problem, may: Mapping[str, list[int]], plan: Plan) -> Plan:
    """The plan with no more moves than may be, which insertion does not know about."""
    if problem.objective.most_moves is None:
        return plan
    tour = Tour(problem, may)
    tour.follow(within_moves(problem, plan.sequences))
    return tour.plan()


def _walked(
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
    return _settled(problem, may, mended)
