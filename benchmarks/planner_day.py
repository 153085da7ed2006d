"""A SIMULATED day that half the orders only arrive in, planned as it goes.

Driving and work take as long as planned. Every few minutes, and the moment an emergency arrives,
the crews' plans are made anew from what is known. A crew sets out for its next order as late as
that order's start allows; then it is bound to it. A crew that nothing is planned for takes its
break as soon as it may. The way home counts in plans only late in a shift, in the day's cost
always. `day_calls` says when orders become known.

Three ways are compared: *rolling* (an emergency is inserted into the published plan, the search
goes on from there, and each order moved to another crew has the service's price), *from scratch*
(at the same moments for the same seconds, nothing remembered), and *hindsight* (all orders known in
the morning, though none may begin before it arrives: the best of several searches, and of the days
lived, which are plans of its problem too). *Churn* is how often an order not set out for changes
crews.
"""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from app.planning import policy
from benchmarks.day_calls import appointed, arrivals
from benchmarks.day_rules import demand_honest
from benchmarks.planner_ours import planned
from benchmarks.rich_generator import DAY, Family, generate
from dispatch import Crew, Objective, Order, Plan, Problem, Route, Visit, check, replan
from dispatch.formats import read_rich
from dispatch.insert import applied, insert

HOMEWARD_S: Final = 5 * 3_600
"""So long before the end of its shift a crew's way home counts in a plan. Earlier plans do not know
which visit will be its last. The service's crews have no end place: it counts none at any hour."""
SEARCHES: Final = 3
"""Searches for hindsight's plan: two of the same seconds differ by some per cent."""


@dataclass
class Day:
    """What has happened so far, and what is planned."""

    problem: Problem
    """All orders of the day, none opening before it arrives."""
    arrives_s: dict[str, int]
    plan: Plan | None = None
    done: dict[str, list[Visit]] = field(default_factory=dict)
    """Crew id -> the visits that it is bound to, started or not."""
    rested: dict[str, int] = field(default_factory=dict)
    """Crew id -> when its break was over."""
    moves: int = 0

    def known(self, now_s: int) -> list[Order]:
        """Orders that have arrived and that nobody is bound to."""
        bound = {visit.order_id for visits in self.done.values() for visit in visits}
        return [
            order
            for order in self.problem.orders
            if order.id not in bound and self.arrives_s[order.id] <= now_s
        ]

    def crew_now(self, crew: Crew, now_s: int) -> Crew:
        """The crew as the planner sees it at this second."""
        visits = self.done.get(crew.id, [])
        last = visits[-1] if visits else None
        free_s = max(now_s, last.finish_s if last else 0, self.rested.get(crew.id, 0))
        homeward = now_s >= crew.shift[1] - HOMEWARD_S
        return replace(
            crew,
            end_place=crew.end_place if homeward else None,
            available_from_s=free_s,
            available_at=self.problem.order_by_id[last.order_id].place if last else None,
            breaks=() if crew.id in self.rested else crew.breaks,
            load_s=sum(visit.travel_s + visit.finish_s - visit.start_s for visit in visits),
        )


def simulate(
    day: Day, *, every_s: int, seconds: float, seed: int, rolling: bool
) -> dict[str, float]:
    """Live through the day; return J in minutes and churn per order."""
    for now_s in _moments(day, every_s):
        if day.plan is not None:
            _set_out(day, now_s)
        question = _question(day, now_s, rolling=rolling)
        warm = None
        if rolling and day.plan is not None:
            urgent = [o for o in question.orders if o.emergency and day.arrives_s[o.id] == now_s]
            warm = _inserted(question, day.plan, urgent) if urgent else day.plan
        plan = planned(question, seconds, seed, warm_start=warm)
        day.moves += _moved(day.plan, plan)
        day.plan = plan
    _set_out(day, DAY[1] * 2)
    demand_honest(day.problem, day.done)
    return {"j": round(_j(day), 1), "churn": round(day.moves / len(day.problem.orders), 3)}


def _moments(day: Day, every_s: int) -> Iterator[int]:
    """When plans are made, whichever way: every few minutes and as emergencies arrive."""
    ticks = set(range(DAY[0], DAY[1], every_s))
    urgent = {day.arrives_s[order.id] for order in day.problem.orders if order.emergency}
    yield from sorted(ticks | urgent)


def _question(day: Day, now_s: int, *, rolling: bool) -> Problem:
    """What the planner is asked now."""
    orders = [_unhurried(order) for order in day.known(now_s)]
    if day.plan is not None and rolling:
        visits = {v.order_id: (r.crew_id, v) for r in day.plan.routes for v in r.visits}
        orders = [_published(order, visits, now_s) for order in orders]
    crews = [day.crew_now(crew, now_s) for crew in day.problem.crews]
    rates = Objective(
        overtime_per_mille=0,
        move=policy.MOVE_S if rolling else 0,
        most_moves=policy.MOST_MOVES if rolling else None,
        spread_per_mille=0,
    )
    return Problem(
        orders=tuple(orders),
        crews=tuple(crews),
        travel=day.problem.travel,
        objective=rates,
    )


def _unhurried(order: Order) -> Order:
    """What may be done all day: its waiting has the price that it has for the service."""
    assert order.due_s is not None
    if order.emergency or appointed(order) or order.due_s < DAY[1]:
        return order
    rate = policy.waiting_rate(order.service_s)
    return replace(order, due_s=None, late_per_mille=0, waiting_per_mille=rate)


def _published(order: Order, visits: Mapping[str, tuple[str, Visit]], now_s: int) -> Order:
    """The order with the crew of its visit; another one costs what it costs the service."""
    if order.id not in visits:
        return order
    crew_id, visit = visits[order.id]
    return replace(order, current_crew=crew_id, move_s=policy.move_s(visit.start_s - now_s))


def _inserted(question: Problem, plan: Plan, urgent: Sequence[Order]) -> Plan:
    """The published plan with the emergencies in it, each at its best place, if it has any."""
    known = set(question.order_by_id)
    kept = {
        crew: [name for name in names if name in known] for crew, names in plan.sequences.items()
    }
    now = replan(question, kept)
    for order in urgent:
        proposals = insert(question, now, order.id)
        if proposals and proposals[0].net < 0:
            now = applied(question, now, proposals[0])
    assert check(question, now) == []
    return now


def _set_out(day: Day, now_s: int) -> None:
    """Bind every crew to the visits that it had to set out for by now."""
    assert day.plan is not None
    for route in day.plan.routes:
        done = day.done.setdefault(route.crew_id, [])
        bound = {visit.order_id for visit in done}
        for visit in route.visits:
            resting = sum(
                rest.finish_s - rest.start_s
                for rest in route.breaks
                if rest.finish_s <= visit.start_s and not _before(route, visit, rest.start_s)
            )
            if visit.start_s - visit.travel_s - resting > now_s:
                break
            if visit.order_id not in bound:
                done.append(visit)
        for rest in route.breaks:
            reached = bool(done) and rest.finish_s <= done[-1].start_s
            if rest.start_s <= now_s or reached:
                day.rested[route.crew_id] = rest.finish_s
    _rest_idle(day, now_s)


def _rest_idle(day: Day, now_s: int) -> None:
    """Let crews without a planned visit take their break when it opens, or once they are free."""
    assert day.plan is not None
    for crew, route in zip(day.problem.crews, day.plan.routes, strict=True):
        for rest in crew.breaks:
            begins_s = max(rest.earliest_s, route.end_s - route.travel_s)
            idle = not route.visits and crew.id not in day.rested
            if idle and begins_s <= min(now_s, rest.latest_s):
                day.rested[crew.id] = begins_s + rest.duration_s


def _before(route: Route, visit: Visit, at_s: int) -> bool:
    """True when this second lies before the gap that ends at the visit."""
    gone = 0
    for each in route.visits:
        if each.order_id == visit.order_id:
            break
        gone = each.finish_s
    return at_s < gone


def _moved(before: Plan | None, after: Plan) -> int:
    if before is None:
        return 0
    now = after.crew_of
    return sum(1 for name, crew in before.crew_of.items() if name in now and now[name] != crew)


def _j(day: Day) -> float:
    """What the day has cost: left out, late, driven."""
    driven = late = 0
    served = set()
    for crew in day.problem.crews:
        visits = day.done.get(crew.id, [])
        driven += sum(visit.travel_s for visit in visits)
        for visit in visits:
            order = day.problem.order_by_id[visit.order_id]
            served.add(order.id)
            late += order.late_per_mille * visit.late_s
        if visits and crew.end_place is not None:
            last = day.problem.order_by_id[visits[-1].order_id].place
            driven += int(day.problem.travel[last, crew.end_place])
    left_out = sum(o.priority_penalty for o in day.problem.orders if o.id not in served)
    return (left_out + driven + late / 1000) / 60


def build(orders: int, seed: int, family: Family = "relaxed") -> Day:
    """A day with half its orders known in the morning, the emergencies not among them."""
    question = read_rich(generate(orders, family, seed))
    arrives = arrivals(question.orders, np.random.default_rng([seed, orders]))
    known_from = tuple(
        replace(order, earliest_s=max(order.opens_s, arrives[order.id]))
        for order in question.orders
    )
    problem = Problem(
        orders=known_from,
        crews=question.crews,
        travel=question.travel,
        objective=question.objective,
    )
    return Day(problem, arrives)


def measure(
    orders: int, every_s: int, seconds: float, hindsight_s: float, seeds: Sequence[int]
) -> dict[str, Any]:
    """J and churn of rolling and from scratch, over hindsight's J: means over both families.

    *Relaxed* days have room for all; on *tight* ones even hindsight leaves a fifth of the orders
    out.
    """
    kinds: tuple[Family, ...] = ("relaxed", "tight")
    days = {
        family: [_compare(orders, every_s, seconds, hindsight_s, seed, family) for seed in seeds]
        for family in kinds
    }
    told: dict[str, Any] = {"simulated": True, "orders": orders, "seconds_per_run": seconds}
    for name in ("over_hindsight", "churn_over_scratch", "j_over_scratch"):
        means = {family: statistics.mean(day[name] for day in days[family]) for family in kinds}
        told[name] = round(statistics.geometric_mean(means.values()), 3)
        told |= {f"{name}_{family}": round(mean, 3) for family, mean in means.items()}
    return {**told, "days": days}


def _compare(
    orders: int, every_s: int, seconds: float, hindsight_s: float, seed: int, family: Family
) -> dict[str, Any]:
    began = time.monotonic()
    first = build(orders, seed, family)
    searched = [
        planned(first.problem, hindsight_s, seed + 1000 * again).total / 60
        for again in range(SEARCHES)
    ]
    found: dict[str, Any] = {"hindsights_j": [round(j, 1) for j in searched]}
    for name in ("rolling", "scratch"):
        day = build(orders, seed, family)
        lived = simulate(
            day, every_s=every_s, seconds=seconds, seed=seed, rolling=name == "rolling"
        )
        found[name] = lived
        print(
            f"  {family:8} {name:8} J {lived['j']:9.1f} of {min(searched):9.1f} in hindsight,"
            f"  churn {lived['churn']:.3f}",
            flush=True,
        )
    rolling, scratch = found["rolling"], found["scratch"]
    best = min(*searched, rolling["j"], scratch["j"])
    return {
        **found,
        "hindsight_j": round(best, 1),
        "arriving": sum(1 for at in first.arrives_s.values() if at),
        "over_hindsight": round(rolling["j"] / best, 3),
        "churn_over_scratch": round(rolling["churn"] / (scratch["churn"] or 1e-9), 3),
        "j_over_scratch": round(rolling["j"] / scratch["j"], 3),
        "wall_s": round(time.monotonic() - began, 1),
    }
