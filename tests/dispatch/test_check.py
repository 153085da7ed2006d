"""The independent check must see every kind of damage: each is done to a good plan by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dispatch import (
    TERMS,
    UNREACHABLE_S,
    Break,
    Objective,
    Order,
    Plan,
    Problem,
    Reason,
    Route,
    TakenBreak,
    check,
    replan,
)
from tests.dispatch.instances import EIGHT, HOUR, SIXTEEN, crew, line, order, problem

NOON = Break(earliest_s=12 * HOUR, latest_s=13 * HOUR, duration_s=1800)


RATES = Objective(income_spread_per_mille=1000)


def question() -> Problem:
    orders = [
        order("a", 10, due_s=EIGHT, late_per_mille=1000, setup_s=300, building="b"),
        order("b", 10, setup_s=300, building="b", service_s=3 * HOUR),
        order("c", 20, window=(12 * HOUR, 15 * HOUR), skills=(("PL", 1),)),
        order("d", 5, current_crew="c1", area="far"),
        order("out", 5, skills=(("moon", 1),)),
    ]
    crews = [
        crew("c1", breaks=(NOON,), skills={"PL": 1}, locked=("a",)),
        crew("c2", overtime_s=HOUR, area_cost={"far": 100}),
    ]
    return problem(orders, crews, RATES)


def good() -> Plan:
    return replan(question(), {"c1": ["a", "b", "c"], "c2": ["d"]})


def with_route(plan: Plan, number: int, **changes: object) -> Plan:
    routes = list(plan.routes)
    routes[number] = replace(routes[number], **changes)
    return replace(plan, routes=tuple(routes))


def with_visit(plan: Plan, number: int, stop: int, **changes: object) -> Plan:
    visits = list(plan.routes[number].visits)
    visits[stop] = visits[stop]._replace(**changes)
    return with_route(plan, number, visits=tuple(visits))


def with_price(plan: Plan, **changes: int) -> Plan:
    return replace(plan, price={**plan.price, **changes})


def codes(asked: Problem, plan: Plan) -> set[str]:
    return {violation.code for violation in check(asked, plan)}


def changed_order(name: str, **changes: object) -> Problem:
    asked = question()
    orders = tuple(replace(o, **changes) if o.id == name else o for o in asked.orders)
    return replace(asked, orders=orders)


def changed_crew(name: str, **changes: object) -> Problem:
    asked = question()
    crews = tuple(replace(c, **changes) if c.id == name else c for c in asked.crews)
    return replace(asked, crews=crews)


DAMAGES: list[tuple[str, Callable[[Plan], Plan]]] = [
    ("times_wrong", lambda p: with_visit(p, 0, 0, arrival_s=EIGHT)),
    ("times_wrong", lambda p: with_visit(p, 0, 1, setup_s=300)),
    ("times_wrong", lambda p: with_visit(p, 0, 0, late_s=0)),
    ("times_wrong", lambda p: with_visit(p, 0, 0, travel_s=1)),
    ("times_wrong", lambda p: with_visit(p, 0, 2, wait_s=-1)),
    ("times_wrong", lambda p: with_visit(p, 0, 0, finish_s=EIGHT)),
    ("too_early", lambda p: with_visit(p, 0, 0, start_s=EIGHT)),
    ("window_broken", lambda p: with_visit(p, 0, 2, start_s=12 * HOUR - 1)),
    ("sums_wrong", lambda p: with_route(p, 0, end_s=0)),
    ("sums_wrong", lambda p: with_route(p, 0, travel_s=0)),
    ("sums_wrong", lambda p: with_route(p, 1, load_s=0)),
    ("sums_wrong", lambda p: with_route(p, 1, overtime_s=5)),
    ("break_missing", lambda p: with_route(p, 0, breaks=())),
    (
        "break_wrong",
        lambda p: with_route(p, 0, breaks=(TakenBreak(start_s=EIGHT, finish_s=EIGHT + 1800),)),
    ),
    (
        "break_wrong",
        lambda p: with_route(
            p, 0, breaks=(TakenBreak(start_s=12 * HOUR, finish_s=12 * HOUR + 60),)
        ),
    ),
    (
        "break_in_work",
        lambda p: with_route(
            p, 0, breaks=(TakenBreak(start_s=12 * HOUR + 60, finish_s=12 * HOUR + 1860),)
        ),
    ),
    ("lock_broken", lambda p: with_route(p, 0, visits=p.routes[0].visits[1:])),
    ("order_missing", lambda p: with_route(p, 1, visits=())),
    ("order_missing", lambda p: replace(p, unassigned={})),
    ("order_repeated", lambda p: with_route(p, 1, visits=p.routes[1].visits * 2)),
    ("order_repeated", lambda p: replace(p, unassigned={**p.unassigned, "a": (Reason(code="x"),)})),
    ("order_unknown", lambda p: with_visit(p, 0, 0, order_id="ghost")),
    ("order_unknown", lambda p: replace(p, unassigned={**p.unassigned, "ghost": ()})),
    ("reason_missing", lambda p: replace(p, unassigned={"out": ()})),
    ("crew_unknown", lambda p: with_route(p, 1, crew_id="ghost")),
    ("route_repeated", lambda p: replace(p, routes=(*p.routes, Route(crew_id="c1")))),
    ("route_missing", lambda p: replace(p, routes=p.routes[:1])),
    ("skill_missing", lambda p: with_route(p, 1, visits=p.routes[0].visits[2:])),
    ("total_wrong", lambda p: replace(p, total=p.total + 1)),
    ("total_wrong", lambda p: with_price(p, invented=0)),
    *[
        ("price_wrong", lambda p, term=term: with_price(p, **{term: p.price[term] + 1}))
        for term in TERMS
    ],
]

NEW_RULES: list[tuple[str, Problem]] = [
    ("crew_too_small", changed_order("b", crew_size=2)),
    ("pin_ignored", changed_order("b", pinned_crew="c2")),
    ("crew_forbidden", changed_order("b", forbidden_crews=frozenset({"c1"}))),
    ("skill_missing", changed_order("d", skills=(("PL", 1),))),
    ("window_broken", changed_order("d", window=(0, EIGHT))),
    ("window_broken", changed_order("d", earliest_s=15 * HOUR)),
    ("shift_broken", changed_crew("c2", shift=(EIGHT, EIGHT + 60), overtime_s=60)),
    ("too_early", changed_crew("c2", available_from_s=9 * HOUR)),
    ("times_wrong", changed_crew("c2", available_at=60)),
    ("price_wrong", changed_crew("c2", load_s=HOUR)),
    ("price_wrong", changed_order("d", income=100)),
    ("price_wrong", changed_order("d", waiting_per_mille=100)),
    ("price_wrong", changed_crew("c1", income=100)),
    (
        "overloaded",
        replace(changed_order("b", units=3), crews=changed_crew("c1", capacity=2).crews),
    ),
    ("sequence_broken", changed_crew("c1", sequence=("c", "b"))),
    ("pin_ignored", changed_crew("c1", sequence=("d",))),
    ("too_many_moves", replace(question(), objective=replace(RATES, most_moves=0))),
    ("price_wrong", changed_order("d", priority_penalty=1, current_crew=None)),
    ("price_wrong", changed_order("d", move_s=1)),
]


class TestCheck:
    def test_the_plan_that_is_damaged_below_is_good(self) -> None:
        plan = good()
        assert check(question(), plan) == []
        assert set(plan.crew_of) == {"a", "b", "c", "d"}
        assert all(plan.price[term] > 0 for term in ("unserved", "late", "move", "area", "spread"))

    @pytest.mark.parametrize(("code", "damage"), DAMAGES)
    def test_damage_to_the_plan_is_found(self, code: str, damage: Callable[[Plan], Plan]) -> None:
        assert code in codes(question(), damage(good()))

    @pytest.mark.parametrize(("code", "asked"), NEW_RULES)
    def test_a_rule_that_came_later_is_found_broken(self, code: str, asked: Problem) -> None:
        assert code in codes(asked, good())

    def test_an_idle_crew_that_is_out_has_to_come_home(self) -> None:
        out = problem([], [crew(available_at=20, available_from_s=SIXTEEN)])
        assert codes(out, replan(out, {})) == set()
        stays = replan(problem([], [crew(available_from_s=SIXTEEN)]), {})
        assert "sums_wrong" in codes(out, stays)
        assert "sums_wrong" in codes(out, with_route(replan(out, {}), 0, overtime_s=0))
        out.travel.setflags(write=True)
        out.travel[20, 0] = UNREACHABLE_S  # a problem without that road is refused
        assert "no_road" in codes(out, stays)

    def test_a_road_that_is_gone_is_found(self) -> None:
        travel = line()
        travel[10, 20] = UNREACHABLE_S
        asked = replace(question(), travel=travel)
        assert "no_road" in codes(asked, good())
        travel = line()
        travel[5, 0] = np.int32(UNREACHABLE_S)
        assert "no_road" in codes(replace(question(), travel=travel), good())

    def test_accepted_work_left_out_is_found(self) -> None:
        job = Order(id="x", place=1, service_s=60, priority_penalty=5)
        plan = replan(problem([job], [crew("c1")]), {})
        assert "lock_broken" in codes(problem([job], [crew("c1", locked=("x",))]), plan)
