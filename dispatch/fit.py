"""Which crew may be asked at all: skills, size, pins, and whether it can be there in time."""

from __future__ import annotations

from dispatch.model import Crew, Order
from dispatch.problem import UNREACHABLE_S, Problem


def lacking(order: Order, crew: Crew) -> dict[str, int]:
    """Return what the crew is short of: skill -> missing holders, and `crew_size` -> members."""
    short = {
        skill: count - crew.skills.get(skill, 0)
        for skill, count in order.skills
        if crew.skills.get(skill, 0) < count
    }
    if crew.size < order.crew_size:
        short["crew_size"] = order.crew_size - crew.size
    return short


def allowed(problem: Problem, order: Order, crew: Crew) -> bool:
    """True when lock, pin and ban leave this crew open to the order."""
    locked = problem.locked_crew.get(order.id)
    if locked is not None:
        return locked == crew.id
    pinned = problem.pinned_crew.get(order.id)
    return pinned in (None, crew.id) and crew.id not in order.forbidden_crews


def qualified(problem: Problem, order: Order, crew: Crew) -> bool:
    """True when the crew is allowed and has the skills and people; an accepted order is a fact."""
    if not allowed(problem, order, crew):
        return False
    return order.id in problem.locked_crew or not lacking(order, crew)


def earliest_start(problem: Problem, order: Order, crew: Crew) -> int | None:
    """When the crew could start this order if it went there at once; None when no road leads there.

    With accepted orders in between only the time is known at which the crew is ready. Travel times
    that break the triangle inequality may make this a few minutes too late.
    """
    rows = problem.legs
    if crew.end_place is not None and rows[order.place][crew.end_place] >= UNREACHABLE_S:
        return None
    if crew.locked:
        return max(order.opens_s, crew.ready_s)
    drive = rows[crew.ready_place][order.place]
    if drive >= UNREACHABLE_S:
        return None
    inside = order.building is not None and order.building == crew.in_building
    return max(order.opens_s, crew.ready_s + drive + (0 if inside else order.setup_s))


def reachable(problem: Problem, order: Order, crew: Crew) -> bool:
    """False only when the crew cannot make it in time even with nothing else to do."""
    if order.id in problem.locked_crew:
        return True
    start = earliest_start(problem, order, crew)
    if start is None or (order.window is not None and start > order.window[1]):
        return False
    home = 0 if crew.end_place is None else problem.legs[order.place][crew.end_place]
    return start + order.service_s + home <= crew.hard_end_s


def candidates(problem: Problem) -> dict[str, list[int]]:
    """Order id -> positions of the crews that could serve it, in the problem's order."""
    return {
        order.id: [
            position
            for position, crew in enumerate(problem.crews)
            if qualified(problem, order, crew) and reachable(problem, order, crew)
        ]
        for order in problem.orders
    }
