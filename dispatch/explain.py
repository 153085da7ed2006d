"""Why an order is not in the plan: the first rule that no crew can meet, or the smallest fix."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from dispatch.fit import earliest_start, lacking, reachable
from dispatch.insertion import Place, Tour, positions
from dispatch.model import Crew, Order
from dispatch.plan import Plan, Reason, Route
from dispatch.price import route_price
from dispatch.problem import UNREACHABLE_S, Problem
from dispatch.timing import time_route
from dispatch.wording import reason

FIXES_TRIED = 12
"""Positions at which an order that fits nowhere is timed without limits."""


def reasons(problem: Problem, plan: Plan, order_id: str) -> tuple[Reason, ...]:
    """Return the coded reasons why the plan leaves this order out; never empty.

    For an order pinned to a crew the first reason says so and the second why that crew cannot.
    Raises KeyError for an order that the problem does not hold.
    """
    return explain(problem, plan, [order_id])[order_id]


def explain(
    problem: Problem, plan: Plan, order_ids: Iterable[str]
) -> dict[str, tuple[Reason, ...]]:
    """Return the reasons of several orders at once; see `reasons`."""
    routes = {route.crew_id: route for route in plan.routes}
    tour = Tour(problem)
    for number, crew in enumerate(problem.crews):
        if crew.id in routes:
            tour.put(Place(number, routes[crew.id], 0))
    return {order_id: _reasons(tour, problem.order_by_id[order_id]) for order_id in order_ids}


def _reasons(tour: Tour, order: Order) -> tuple[Reason, ...]:
    crews = tour.problem.crews
    pin = order.pinned_crew
    if pin is None:
        return (_first(tour, order, crews),)
    pinned = [crew for crew in crews if crew.id == pin]
    inner = _first(tour, order, pinned)
    if inner.code in ("no_capacity", "not_worth_it"):
        return (inner, reason("pinned_crew_cannot", crew_id=pin, because=inner.code))
    return (reason("pinned_crew_cannot", crew_id=pin, because=inner.code), inner)


def _first(tour: Tour, order: Order, crews: Sequence[Crew]) -> Reason:
    if not crews:
        return reason("no_crew_on_shift")
    crews = [crew for crew in crews if crew.id not in order.forbidden_crews]
    if not crews:
        return reason("only_forbidden_crews", forbidden=sorted(order.forbidden_crews))
    fit = [crew for crew in crews if not lacking(order, crew)]
    if not fit:
        return _unfit(order, crews)
    near = [crew for crew in fit if reachable(tour.problem, order, crew)]
    if not near:
        return _unreachable(tour.problem, order, fit)
    return _full(tour, order, {crew.id for crew in near})


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


def _full(tour: Tour, order: Order, near: set[str]) -> Reason:
    """It fits but costs more than leaving it out, or only when somebody gives some time."""
    numbers = [n for n, crew in enumerate(tour.problem.crews) if crew.id in near]
    place = tour.cheapest(order, numbers)
    if place is not None:
        return _possible(order, tour.problem.crews[place.crew], place.added)
    fixes = [fix for fix in _fixes(tour, order, numbers) if fix is not None]
    if not fixes:
        return reason("no_road", qualified_crews=sorted(near))
    return min(fixes, key=lambda fix: fix[0])[1]


def _possible(order: Order, crew: Crew, added: int) -> Reason:
    """It fits: it costs too much, or the search ran out of time before it looked there."""
    dear = added >= 1000 * order.priority_penalty
    return reason(
        "not_worth_it" if dear else "not_tried",
        crew_id=crew.id,
        added_price_s=-(-added // 1000),
        penalty_s=order.priority_penalty,
    )


def _fixes(
    tour: Tour, order: Order, numbers: Sequence[int]
) -> Iterable[tuple[tuple[int, int, int], Reason] | None]:
    tries = heapq.nsmallest(
        FIXES_TRIED,
        (
            (detour + max(0, start - (order.window[1] if order.window else start)), number, index)
            for number in numbers
            for index, detour, start in positions(
                tour.problem, tour.problem.crews[number], tour.routes[number], order
            )
            if detour < UNREACHABLE_S // 2
        ),
    )
    return (_fix(tour, order, number, index) for _, number, index in tries)


def _fix(
    tour: Tour, order: Order, number: int, index: int
) -> tuple[tuple[int, int, int], Reason] | None:
    """What it takes to put the order there: (seconds, those of others, price) and the reason."""
    problem, crew, old = tour.problem, tour.problem.crews[number], tour.routes[number]
    ids = [visit.order_id for visit in old.visits]
    route = time_route(problem, crew, [*ids[:index], order.id, *ids[index:]], limits=False)
    if route is None:
        return None
    broken = _broken_windows(problem, crew, route)
    own_s = broken.pop(order.id, 0)
    over_s = max(0, route.end_s - crew.hard_end_s)
    short_s = max([own_s, over_s, *broken.values()])
    added = route_price(problem, crew, route) - route_price(problem, crew, old)
    if short_s == 0:
        return (0, 0, added), _possible(order, crew, added)
    others_s = sum(broken.values())
    return (own_s + over_s + others_s, others_s, added), reason(
        "no_capacity",
        crew_id=crew.id,
        after_order=ids[index - 1] if index else None,
        start_s=route.visits[index].start_s,
        window_later_s=own_s,
        overtime_more_s=over_s,
        others_later_s=broken,
        added_price_s=-(-added // 1000),
        short_s=short_s,
    )


def _broken_windows(problem: Problem, crew: Crew, route: Route) -> dict[str, int]:
    """Order id -> seconds after its window's end, of all that are not accepted yet."""
    late: Mapping[str, int] = {
        visit.order_id: visit.start_s - window[1]
        for visit in route.visits
        if (window := problem.order_by_id[visit.order_id].window) is not None
        and visit.order_id not in crew.locked
    }
    return {order_id: seconds for order_id, seconds in late.items() if seconds > 0}
