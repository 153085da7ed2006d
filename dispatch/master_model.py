"""Set partitioning with global terms as a CP-SAT model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ortools.sat.python import cp_model

if TYPE_CHECKING:
    from dispatch.master import Priced
    from dispatch.problem import Problem


def choose(
    problem: Problem,
    incumbent: Sequence[Priced],
    columns: Sequence[Priced],
    seconds: float,
    *,
    counted: bool,
) -> list[Priced] | None:
    """Return one column per crew among `columns`, or None when CP-SAT has no answer.

    `incumbent` is the whole plan; crews without columns keep their routes. Every order is covered
    at most once. With `counted` the limit is CP-SAT's deterministic time.
    """
    model = cp_model.CpModel()
    picked = [model.new_bool_var("") for _ in columns]
    for column, var in zip(columns, picked, strict=True):
        model.add_hint(var, column is incumbent[column.crew])
    inside = sorted({column.crew for column in columns})
    for crew in inside:
        model.add_exactly_one(
            var for column, var in zip(columns, picked, strict=True) if column.crew == crew
        )
    covered: dict[int, list[Any]] = {}
    for column, var in zip(columns, picked, strict=True):
        for x in column.orders:
            covered.setdefault(x, []).append(var)
    for vars_of in covered.values():
        model.add_at_most_one(vars_of)
    _limit_moves(model, problem, incumbent, columns, picked)
    count = len(incumbent)
    prices = [column.price - 1000 * _worth(problem, column) for column in columns]
    cost: Any = sum(count * price * var for price, var in zip(prices, picked, strict=True))
    rates = problem.objective
    for rate, totals, fixed in (
        (rates.spread_per_mille, [c.load_s for c in columns], [c.load_s for c in incumbent]),
        (rates.income_spread_per_mille, [c.income for c in columns], [c.income for c in incumbent]),
    ):
        if rate > 0:
            cost += rate * _apart(model, columns, picked, totals, fixed, set(inside))
    model.minimize(cost)
    return _solved(model, columns, picked, seconds, counted=counted)


def _worth(problem: Problem, column: Priced) -> int:
    return sum(problem.orders[x].priority_penalty for x in column.orders)


def _limit_moves(
    model: cp_model.CpModel,
    problem: Problem,
    incumbent: Sequence[Priced],
    columns: Sequence[Priced],
    picked: Sequence[Any],
) -> None:
    """No crew loses more published orders than may move."""
    most = problem.objective.most_moves
    if most is None:
        return
    inside = {column.crew for column in columns}
    lost: dict[str, Any] = {}
    fixed = [(column, 1) for column in incumbent if column.crew not in inside]
    for column, var in [*fixed, *zip(columns, picked, strict=True)]:
        for x in column.orders:
            order = problem.orders[x]
            if problem.counts_as_moved(order, problem.crews[column.crew].id):
                owner = str(order.current_crew)
                lost[owner] = lost.get(owner, 0) + var
    for total in lost.values():
        if not isinstance(total, int):
            model.add(total <= most)


def _apart(
    model: cp_model.CpModel,
    columns: Sequence[Priced],
    picked: Sequence[Any],
    totals: Sequence[int],
    fixed: Sequence[int],
    inside: set[int],
) -> Any:
    """The sum over all crews of |count * total - sum of totals|, as `dispatch.price` has it."""
    count = len(fixed)
    mine: list[Any] = [
        sum(
            total * var
            for total, column, var in zip(totals, columns, picked, strict=True)
            if column.crew == crew
        )
        if crew in inside
        else value
        for crew, value in enumerate(fixed)
    ]
    everything = sum(mine)
    highest = count * (max([*totals, *fixed]) + 1)
    distances = []
    for value in mine:
        distance = model.new_int_var(0, highest, "")
        model.add(distance >= count * value - everything)
        model.add(distance >= everything - count * value)
        distances.append(distance)
    return sum(distances)


def _solved(
    model: cp_model.CpModel,
    columns: Sequence[Priced],
    picked: Sequence[Any],
    seconds: float,
    *,
    counted: bool,
) -> list[Priced] | None:
    solver = cp_model.CpSolver()
    if counted:
        solver.parameters.max_deterministic_time = seconds
    else:
        solver.parameters.max_time_in_seconds = max(0.01, seconds)
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return [
        column for column, var in zip(columns, picked, strict=True) if solver.boolean_value(var)
    ]
