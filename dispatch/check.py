"""An independent look at a finished plan: does it keep every rule, and does it add up?

Shares no code with the search, the insertion, the timing or the pricing; it reads the plain fields
of problem and plan and does its own sums. Run it on every plan before anyone acts on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from dispatch.model import Break, Crew, Order
from dispatch.plan import Plan, Route, TakenBreak, Visit
from dispatch.problem import UNREACHABLE_S, Problem


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: a stable code, where, and the numbers in words."""

    code: str
    crew_id: str | None
    order_id: str | None
    detail: str


def check(problem: Problem, plan: Plan) -> list[Violation]:
    """Return every violation found; an empty list means the plan may leave the planner."""
    found = list(_coverage(problem, plan))
    if any(v.code in ("order_unknown", "crew_unknown", "route_repeated") for v in found):
        return found  # nothing else can be computed about a plan for another problem
    crews = {crew.id: crew for crew in problem.crews}
    orders = {order.id: order for order in problem.orders}
    for route in plan.routes:
        crew = crews[route.crew_id]
        chosen = [orders[visit.order_id] for visit in route.visits]
        found += _may(crew, chosen)
        found += _units(crew, chosen)
        found += _locks(crew, route)
        found += _sequence(problem, crew, route)
        found += _times(problem, crew, route, chosen)
        found += _rests(crew, route)
    found += _moves(problem, plan, orders)
    found += _price(problem, plan, crews, orders)
    return found


def _coverage(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Every crew has one route; every order is planned once, or left out with a reason."""
    routes = Counter(route.crew_id for route in plan.routes)
    known = {crew.id for crew in problem.crews}
    for crew_id, count in routes.items():
        if crew_id not in known:
            yield Violation("crew_unknown", crew_id, None, "a route for no crew")
        elif count > 1:
            yield Violation("route_repeated", crew_id, None, f"{count} routes")
    for crew_id in known - set(routes):
        yield Violation("route_missing", crew_id, None, "the crew has no route, not even empty")
    planned = Counter(visit.order_id for route in plan.routes for visit in route.visits)
    ids = {order.id for order in problem.orders}
    for order_id in (set(planned) | set(plan.unassigned)) - ids:
        yield Violation("order_unknown", None, order_id, "not in the problem")
    for order_id in sorted(ids):
        times, out = planned[order_id], order_id in plan.unassigned
        if times > 1 or (times and out):
            yield Violation("order_repeated", None, order_id, f"{times} visits, left out: {out}")
        if not times and not out:
            yield Violation("order_missing", None, order_id, "neither planned nor left out")
        if out and not plan.unassigned[order_id]:
            yield Violation("reason_missing", None, order_id, "left out without a reason")


def _may(crew: Crew, chosen: list[Order]) -> Iterator[Violation]:
    """Skills, size, pins and bans; what the crew has accepted is exempt."""
    for order in chosen:
        if order.id in crew.locked:
            continue
        for skill, count in order.skills:
            if crew.skills.get(skill, 0) < count:
                yield Violation("skill_missing", crew.id, order.id, f"{count} x {skill}")
        if crew.size < order.crew_size:
            yield Violation("crew_too_small", crew.id, order.id, f"{crew.size} people")
        if order.pinned_crew is not None and order.pinned_crew != crew.id:
            yield Violation("pin_ignored", crew.id, order.id, f"pinned to {order.pinned_crew}")
        if crew.id in order.forbidden_crews:
            yield Violation("crew_forbidden", crew.id, order.id, "this crew must not go")


def _units(crew: Crew, chosen: list[Order]) -> Iterator[Violation]:
    """The vehicle holds what the visits take, unless the crew has accepted all of them."""
    taken = sum(order.units for order in chosen)
    free = all(order.id in crew.locked for order in chosen)
    if crew.capacity is not None and not free and taken > crew.capacity:
        yield Violation("overloaded", crew.id, None, f"{taken} units of {crew.capacity}")


def _locks(crew: Crew, route: Route) -> Iterator[Violation]:
    first = tuple(visit.order_id for visit in route.visits[: len(crew.locked)])
    if first != crew.locked:
        yield Violation("lock_broken", crew.id, None, f"{crew.locked} accepted, {first} first")


def _sequence(problem: Problem, crew: Crew, route: Route) -> Iterator[Violation]:
    """Each crew's sequence is visited by that crew alone, in that order."""
    theirs = {name: other.id for other in problem.crews for name in other.sequence}
    mine = []
    for visit in route.visits:
        owner = theirs.get(visit.order_id)
        if owner == crew.id:
            mine.append(visit.order_id)
        elif owner is not None:
            yield Violation("pin_ignored", crew.id, visit.order_id, f"in {owner}'s sequence")
    if mine != [name for name in crew.sequence if name in mine]:
        yield Violation("sequence_broken", crew.id, None, f"{mine} of {crew.sequence}")


def _moves(problem: Problem, plan: Plan, orders: dict[str, Order]) -> Iterator[Violation]:
    """No crew loses more published orders than may move, not counting what people decided."""
    most = problem.objective.most_moves
    if most is None:
        return
    decided = {name for crew in problem.crews for name in (*crew.locked, *crew.sequence)}
    lost: Counter[str] = Counter()
    for route in plan.routes:
        for visit in route.visits:
            order = orders[visit.order_id]
            owner = order.current_crew
            if owner in (None, route.crew_id) or order.pinned_crew is not None:
                continue
            if order.id not in decided:
                lost[str(owner)] += 1
    for crew in problem.crews:
        if lost[crew.id] > most:
            yield Violation("too_many_moves", crew.id, None, f"loses {lost[crew.id]} of {most}")


def _times(problem: Problem, crew: Crew, route: Route, chosen: list[Order]) -> Iterator[Violation]:
    """Drive the route again and compare every number of every visit."""
    clock = max(crew.shift[0], crew.available_from_s)
    place = crew.start_place if crew.available_at is None else crew.available_at
    building, travel, load = crew.in_building, 0, 0
    for order, visit in zip(chosen, route.visits, strict=True):
        leg = int(problem.travel[place, order.place])
        same = building is not None and building == order.building
        setup = 0 if same else order.setup_s
        here = [r for r in route.breaks if clock <= r.start_s and r.finish_s <= visit.start_s]
        yield from _visit(crew, order, visit, _expected(clock, leg, setup, here, order, visit))
        yield from _window(crew, order, visit)
        if leg >= UNREACHABLE_S:
            yield Violation("no_road", crew.id, order.id, f"{place} to {order.place}")
        clock, place, building = visit.start_s + order.service_s, order.place, order.building
        travel, load = travel + leg, load + setup + order.service_s
    home = 0
    if crew.end_place is not None and (chosen or crew.available_at is not None):
        home = int(problem.travel[place, crew.end_place])
        if home >= UNREACHABLE_S:
            yield Violation("no_road", crew.id, None, f"{place} to {crew.end_place}")
    rests = [rest for rest in route.breaks if rest.start_s >= clock]
    end = clock + home + sum(rest.finish_s - rest.start_s for rest in rests)
    end = max([end, *(rest.finish_s for rest in rests)])
    yield from _end(crew, route, end, travel + home, load + travel + home)


def _expected(
    clock: int, leg: int, setup: int, rests: list[TakenBreak], order: Order, visit: Visit
) -> Visit:
    """What the visit must say, taking its own start for granted."""
    arrival = clock + leg
    for rest in rests:
        if rest.start_s < arrival:
            arrival += rest.finish_s - rest.start_s
    resting = sum(rest.finish_s - rest.start_s for rest in rests)
    due = order.due_s
    return Visit(
        order_id=order.id,
        travel_s=leg,
        arrival_s=arrival,
        setup_s=setup,
        wait_s=visit.start_s - clock - leg - setup - resting,
        start_s=visit.start_s,
        finish_s=visit.start_s + order.service_s,
        late_s=visit.start_s - due if due is not None and visit.start_s > due else 0,
    )


def _visit(crew: Crew, order: Order, visit: Visit, expected: Visit) -> Iterator[Violation]:
    if visit != expected:
        yield Violation("times_wrong", crew.id, order.id, f"{visit} is not {expected}")
    if expected.wait_s < 0:
        yield Violation("too_early", crew.id, order.id, f"starts {-expected.wait_s} s too soon")


def _window(crew: Crew, order: Order, visit: Visit) -> Iterator[Violation]:
    opens = order.earliest_s if order.window is None else max(order.earliest_s, order.window[0])
    if visit.start_s < opens:
        yield Violation("window_broken", crew.id, order.id, f"{visit.start_s} before {opens}")
    if order.window is None or order.id in crew.locked:
        return
    if visit.start_s > order.window[1]:
        late = f"{visit.start_s} after {order.window[1]}"
        yield Violation("window_broken", crew.id, order.id, late)


def _end(crew: Crew, route: Route, end: int, travel: int, load: int) -> Iterator[Violation]:
    drives = route.visits or (crew.available_at is not None and crew.end_place is not None)
    over = max(0, end - crew.shift[1]) if drives else 0
    told = (route.end_s, route.travel_s, route.load_s, route.overtime_s)
    if told != (end, travel, load, over):
        yield Violation("sums_wrong", crew.id, None, f"{told} is not {(end, travel, load, over)}")
    accepted_only = all(visit.order_id in crew.locked for visit in route.visits)
    if not accepted_only and end > crew.shift[1] + crew.overtime_s:
        yield Violation("shift_broken", crew.id, None, f"ends at {end}")


def _rests(crew: Crew, route: Route) -> Iterator[Violation]:
    """A crew with work takes each break still ahead of it, in its window, not during work."""
    free = max(crew.shift[0], crew.available_from_s)
    owed: list[Break] = []
    if route.visits:
        owed = [rest for rest in crew.breaks if rest.latest_s >= free]
    if len(owed) != len(route.breaks):
        yield Violation("break_missing", crew.id, None, f"{len(route.breaks)} of {len(owed)}")
    for rest, taken in zip(owed, route.breaks, strict=False):
        in_time = rest.earliest_s <= taken.start_s <= rest.latest_s and taken.start_s >= free
        if not in_time or taken.finish_s - taken.start_s != rest.duration_s:
            yield Violation("break_wrong", crew.id, None, f"{taken} is not {rest}")
    for taken in route.breaks:
        for visit in route.visits:
            if taken.start_s < visit.finish_s and visit.start_s < taken.finish_s:
                yield Violation("break_in_work", crew.id, visit.order_id, f"{taken}")


def _price(
    problem: Problem, plan: Plan, crews: dict[str, Crew], orders: dict[str, Order]
) -> Iterator[Violation]:
    """Price every term from the visits alone."""
    rates = problem.objective
    unserved = sum(orders[order_id].priority_penalty for order_id in plan.unassigned)
    late = waiting = move = area = driven = over = 0
    loads, incomes = [], []
    for route in plan.routes:
        crew = crews[route.crew_id]
        loads.append(crew.load_s + route.load_s)
        incomes.append(crew.income + sum(orders[v.order_id].income for v in route.visits))
        driven += route.travel_s
        over += route.overtime_s
        for visit in route.visits:
            order = orders[visit.order_id]
            late += order.late_per_mille * visit.late_s
            opens_s = max(order.earliest_s, order.window[0] if order.window else 0)
            waiting += order.waiting_per_mille * max(0, visit.start_s - opens_s)
            away = order.current_crew is not None and order.current_crew != crew.id
            rate = rates.move if order.move_s is None else order.move_s
            move += rate if away else 0
            area += crew.area_cost.get(order.area, 0) if order.area is not None else 0
    crowd = max(1, len(loads))
    apart = sum(abs(crowd * load - sum(loads)) for load in loads)
    unlike = sum(abs(crowd * income - sum(incomes)) for income in incomes)
    expected = {
        "unserved": unserved,
        "late": late // 1000,
        "waiting": waiting // 1000,
        "travel": rates.travel_per_mille * driven // 1000,
        "overtime": rates.overtime_per_mille * over // 1000,
        "move": move,
        "area": area,
        "spread": rates.spread_per_mille * apart // crowd // 1000,
        "income": rates.income_spread_per_mille * unlike // crowd // 1000,
    }
    for term, value in expected.items():
        if plan.price.get(term) != value:
            detail = f"{term} is {plan.price.get(term)}, not {value}"
            yield Violation("price_wrong", None, None, detail)
    if set(plan.price) - set(expected) or plan.total != sum(expected.values()):
        yield Violation("total_wrong", None, None, f"{plan.total} for {dict(plan.price)}")
