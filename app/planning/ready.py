"""The plan in force, timed on the state of now and ready for questions about one more order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import dispatch
from app.planning import policy

Sequences = Mapping[str, Sequence[str]]


def ready(problem: dispatch.Problem, published: Sequences) -> dispatch.Insertions:
    """The published visits as they can be kept today; orders without one are left out.

    A visit that breaks a hard rule by now is left out, too: the next run deals with it.
    """
    planned = {name for names in published.values() for name in names}
    plan = dispatch.replan(narrowed(problem, planned), published)
    return dispatch.Insertions(problem, plan)


def narrowed(problem: dispatch.Problem, names: Collection[str]) -> dispatch.Problem:
    """The problem of these orders alone; accepted and sequenced ones must be among them."""
    kept = tuple(order for order in problem.orders if order.id in names)
    return replace(problem, orders=kept)


def fill(insertions: dispatch.Insertions, orders: Sequence[dispatch.Order]) -> None:
    """Put orders that have no visit yet where they fit, the dearest to leave out first.

    What is promised to them is no room for another one, although no run has come to them yet.
    """
    ranked = sorted(orders, key=lambda order: (-order.priority_penalty, order.id))
    for order in ranked[: policy.MOST_WAITING]:
        best = next(iter(insertions.best(order, most=1).proposals), None)
        if best is not None and best.net < 0:
            dispatch.place(insertions, best)
