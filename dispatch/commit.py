"""The short-horizon decision: which of the due visits goes to which crew now.

The plan says who would serve what; at the moment of sending, several crews may stand ready for the
same visit. OR-Tools CP-SAT settles it at once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatch.refused import demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One visit that one crew could be sent to now.

    `cost_s` is in seconds of price: the drive, lateness, workload; lower is better.
    """

    order_id: str
    crew_id: str
    cost_s: int
    urgent: bool = False


def choose_commits(
    candidates: Sequence[Candidate],
    capacity: Mapping[str, int] | None = None,
    *,
    seconds: float = 2.0,
) -> dict[str, str]:
    """Return order id -> crew id: as many urgent visits as can be, then as many, then cheapest.

    `capacity` is how many visits a crew may be sent now (1 when it is not named). The answer is
    optimal unless `seconds` run out, which assignments of this size never came near; then it is
    the best found. Ties are broken by a fixed seed. Raises `ProblemRefused` for a pair given twice
    or a capacity below zero.
    """
    limits = capacity or {}
    _demand(candidates, limits)
    if not candidates:
        return {}
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    chosen = [model.new_bool_var(f"{c.order_id} by {c.crew_id}") for c in candidates]
    for order_id in dict.fromkeys(c.order_id for c in candidates):
        pairs = zip(candidates, chosen, strict=True)
        model.add_at_most_one(var for c, var in pairs if c.order_id == order_id)
    for crew_id in dict.fromkeys(c.crew_id for c in candidates):
        mine = [v for c, v in zip(candidates, chosen, strict=True) if c.crew_id == crew_id]
        model.add(sum(mine) <= limits.get(crew_id, 1))
    gains = _gains(candidates)
    model.maximize(sum(gain * var for gain, var in zip(gains, chosen, strict=True)))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return {}
    pairs = zip(candidates, chosen, strict=True)
    return {c.order_id: c.crew_id for c, var in pairs if solver.boolean_value(var)}


def _gains(candidates: Sequence[Candidate]) -> list[int]:
    """One more visit outweighs all costs; one more urgent visit outweighs all other visits."""
    orders = {c.order_id for c in candidates}
    urgent = {c.order_id for c in candidates if c.urgent}
    visit = 1 + len(orders) * max(c.cost_s for c in candidates)
    first = visit * (1 + len(orders))
    return [(first if c.order_id in urgent else visit) - c.cost_s for c in candidates]


def _demand(candidates: Sequence[Candidate], limits: Mapping[str, int]) -> None:
    pairs = {(c.order_id, c.crew_id) for c in candidates}
    demand(
        len(pairs) == len(candidates),
        "candidate_repeated",
        "An order and a crew were paired twice.",
        "Give each pair once, with its lowest cost.",
    )
    demand(
        all(c.cost_s >= 0 for c in candidates),
        "cost_negative",
        "A candidate's cost is negative.",
        "Give costs in seconds from zero.",
    )
    demand(
        all(limit >= 0 for limit in limits.values()),
        "capacity_negative",
        "A crew's capacity is negative.",
        "Give 0 for a crew that must get nothing now.",
    )
