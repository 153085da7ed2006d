"""The stability budget: how many published orders one crew may lose to others in one plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from dispatch.problem import Problem

Sequences = Mapping[str, Sequence[str]]


def excess_moves(problem: Problem, sequences: Sequences) -> set[str]:
    """Return the orders to leave out so that no crew loses more than `Objective.most_moves`.

    The cheapest to leave out go first; what people have decided about never counts.
    """
    most = problem.objective.most_moves
    if most is None:
        return set()
    lost: dict[str | None, list[str]] = defaultdict(list)
    for crew_id, names in sequences.items():
        for name in names:
            order = problem.order_by_id[name]
            if problem.counts_as_moved(order, crew_id):
                lost[order.current_crew].append(name)

    def worth(name: str) -> tuple[int, str]:
        return (problem.order_by_id[name].priority_penalty, name)

    return {
        name
        for names in lost.values()
        for name in sorted(names, key=worth)[: max(0, len(names) - most)]
    }


def within_moves(problem: Problem, sequences: Sequences) -> Sequences:
    """Return the sequences without `excess_moves`."""
    excess = excess_moves(problem, sequences)
    if not excess:
        return sequences
    return {
        crew_id: [name for name in names if name not in excess]
        for crew_id, names in sequences.items()
    }
