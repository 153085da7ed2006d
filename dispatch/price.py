"""What a plan costs, term by term; inside, prices are integers in thousandths of a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dispatch.model import Crew, Order
from dispatch.plan import TERMS, Plan, Reason, Route
from dispatch.problem import Problem


def move_price(problem: Problem, order: Order) -> int:
    """What giving the order to another crew than its own costs, in seconds."""
    return problem.objective.move if order.move_s is None else order.move_s


def route_terms(problem: Problem, crew: Crew, route: Route) -> dict[str, int]:
    """Price in thousandths of what this route costs by itself: all terms but three."""
    late = waiting = moves = area = 0
    for visit in route.visits:
        order = problem.order_by_id[visit.order_id]
        late += order.late_per_mille * visit.late_s
        if order.waiting_per_mille:
            waiting += order.waiting_per_mille * max(0, visit.start_s - order.opens_s)
        area += crew.area_cost.get(order.area or "", 0)
        if order.current_crew is not None and order.current_crew != crew.id:
            moves += move_price(problem, order)
    return {
        "late": late,
        "waiting": waiting,
        "travel": problem.objective.travel_per_mille * route.travel_s,
        "overtime": problem.objective.overtime_per_mille * route.overtime_s,
        "move": 1000 * moves,
        "area": 1000 * area,
    }


def route_price(problem: Problem, crew: Crew, route: Route) -> int:
    """Sum of `route_terms`, in thousandths."""
    return sum(route_terms(problem, crew, route).values())


def spread_price(problem: Problem, loads: Sequence[int]) -> int:
    """Price in thousandths of the sum over crews of |workload - mean workload|.

    `loads` holds one total per crew, what it had done before included.
    """
    count, total = len(loads), sum(loads)
    if count == 0:
        return 0
    spread = sum(abs(count * load - total) for load in loads)
    return problem.objective.spread_per_mille * spread // count


def income_price(problem: Problem, incomes: Sequence[int]) -> int:
    """Price in thousandths of the sum over crews of |expected income - its mean|.

    `incomes` holds one total per crew in hundredths of points, what it had earned included.
    """
    count, total = len(incomes), sum(incomes)
    if count == 0:
        return 0
    spread = sum(abs(count * income - total) for income in incomes)
    return problem.objective.income_spread_per_mille * spread // count


def route_income(problem: Problem, crew: Crew, route: Route) -> int:
    """What the crew will have earned after this route, in hundredths of points."""
    return crew.income + sum(problem.order_by_id[v.order_id].income for v in route.visits)


def plan_price(
    problem: Problem, routes: Sequence[Route], left_out: Iterable[str]
) -> dict[str, int]:
    """Price of every term in whole seconds, each rounded down."""
    terms = dict.fromkeys(TERMS, 0)
    for route in routes:
        crew = problem.crew_by_id[route.crew_id]
        for term, value in route_terms(problem, crew, route).items():
            terms[term] += value
    terms["unserved"] = 1000 * sum(
        problem.order_by_id[order_id].priority_penalty for order_id in left_out
    )
    loads = [problem.crew_by_id[route.crew_id].load_s + route.load_s for route in routes]
    terms["spread"] = spread_price(problem, loads)
    incomes = [route_income(problem, problem.crew_by_id[r.crew_id], r) for r in routes]
    terms["income"] = income_price(problem, incomes)
    return {term: value // 1000 for term, value in terms.items()}


def priced_plan(
    problem: Problem,
    routes: Sequence[Route],
    reasons: Mapping[str, tuple[Reason, ...]] | None = None,
) -> Plan:
    """Return the plan of these routes; orders in none of them are left out, so far unexplained."""
    planned = {visit.order_id for route in routes for visit in route.visits}
    left_out = [order.id for order in problem.orders if order.id not in planned]
    price = plan_price(problem, routes, left_out)
    known = reasons or {}
    return Plan(
        routes=tuple(routes),
        unassigned={order_id: known.get(order_id, ()) for order_id in left_out},
        price=price,
        total=sum(price.values()),
    )
