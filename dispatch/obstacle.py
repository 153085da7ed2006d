"""The first rule that stands between an order and the crews, before anybody's plan counts."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch.fit import earliest_start, lacking, reachable
from dispatch.insertions import Insertions
from dispatch.model import Crew, Order
from dispatch.plan import Reason
from dispatch.problem import Problem
from dispatch.wording import reason


def obstacle(
    insertions: Insertions, order: Order, crews: Sequence[Crew] | None = None
) -> Reason | None:
    """Return the rule that keeps all these crews from the order; None when one could do it.

    "Could" takes no other work into account but what is accepted. All crews by default, and only
    its own for an order that is pinned to one.
    """
    problem = insertions.problem
    asked = problem.crews if crews is None else crews
    pin = pinned_to(problem, order)
    if crews is None and pin is not None:
        asked = [crew for crew in asked if crew.id == pin]
    if not asked:
        return reason("no_crew_on_shift")
    free = [crew for crew in asked if crew.id not in order.forbidden_crews]
    if not free:
        return reason("only_forbidden_crews", forbidden=sorted(order.forbidden_crews))
    fit = [crew for crew in free if not lacking(order, crew)]
    if not fit:
        return _unfit(order, free)
    if any(reachable(problem, order, crew) for crew in fit):
        return None
    return _unreachable(problem, order, fit)


def pinned_to(problem: Problem, order: Order) -> str | None:
    """Return the one crew that may have the order, if it is pinned or in a crew's sequence."""
    if order.pinned_crew is not None:
        return order.pinned_crew
    return next((crew.id for crew in problem.crews if order.id in crew.sequence), None)


def barrier(problem: Problem, order: Order, crew: Crew) -> Reason | None:
    """Return why this one crew can never have the order, or None when only room decides."""
    accepted = problem.locked_crew.get(order.id)
    if accepted not in (None, crew.id):
        return reason("accepted_elsewhere", crew_id=accepted)
    pin = pinned_to(problem, order)
    if pin not in (None, crew.id):
        return reason("pinned_elsewhere", crew_id=pin)
    if crew.id in order.forbidden_crews:
        return reason("crew_forbidden", crew_id=crew.id)
    missing = lacking(order, crew)
    if missing:
        return reason("crew_lacks", crew_id=crew.id, missing=missing)
    if reachable(problem, order, crew):
        return None
    return _unreachable(problem, order, [crew])


def _unfit(order: Order, crews: Sequence[Crew]) -> Reason:
    """A skill that nobody has, or enough of everything but in no single crew."""
    nowhere = [skill for skill, _ in order.skills if not any(c.skills.get(skill) for c in crews)]
    if nowhere:
        return reason("no_skill", skills=nowhere)
    nearest = min(crews, key=lambda crew: sum(lacking(order, crew).values()))
    needed = {"crew_size": order.crew_size, **dict(order.skills)}
    missing = lacking(order, nearest)
    return reason("crew_too_small", crew_id=nearest.id, missing=missing, needed=needed)


def _unreachable(problem: Problem, order: Order, fit: Sequence[Crew]) -> Reason:
    """Off shift, or free only after the window, or too far away, whichever comes first."""
    on_shift = [
        crew
        for crew in fit
        if max(order.opens_s, crew.ready_s) + order.service_s <= crew.hard_end_s
    ]
    if not on_shift:
        return reason("no_crew_on_shift", qualified_crews=[crew.id for crew in fit])
    first = min(on_shift, key=lambda crew: crew.ready_s)
    if order.window is not None and first.ready_s > order.window[1]:
        short_s = first.ready_s - order.window[1]
        return reason(
            "window_closed",
            crew_id=first.id,
            free_s=first.ready_s,
            closes_s=order.window[1],
            short_s=short_s,
        )
    late = [(short, crew.id) for crew in on_shift if (short := _short(problem, order, crew))]
    if not late:
        return reason("no_road", qualified_crews=[crew.id for crew in on_shift])
    short_s, crew_id = min(late)
    return reason("out_of_reach", crew_id=crew_id, short_s=short_s)


def _short(problem: Problem, order: Order, crew: Crew) -> int:
    """Seconds by which the crew, going straight there, misses window or shift; 0 without a road."""
    start = earliest_start(problem, order, crew)
    if start is None:
        return 0
    home = 0 if crew.end_place is None else problem.legs[order.place][crew.end_place]
    over = start + order.service_s + home - crew.hard_end_s
    return max(over, 0 if order.window is None else start - order.window[1])
