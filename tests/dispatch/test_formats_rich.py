"""The rich format: our price in minutes is its evaluator's J, and nothing is read loosely."""

import copy
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks.rich_generator import generate
from benchmarks.rich_price import PlanBroken, price
from dispatch import Budget, ProblemRefused, check, replan, solve
from dispatch.formats import read_rich, write_rich

RICH = Path(__file__).resolve().parents[3] / "shared" / "data" / "rich"
GIVEN = ["tight-N50-M4-s1", "tight-N50-M4-s1-H", "relaxed-N200-M25-s1", "tight-N500-M36-s1"]
NINE, TWELVE = 32_400, 43_200


def tiny() -> dict[str, Any]:
    """Three places in a row ten minutes apart, one technician with lunch, one without a skill."""
    travel = [[abs(a - b) * 600 for b in range(3)] for a in range(3)]

    def order(place: int, **given: Any) -> dict[str, Any]:
        wish = {"svc": 3600, "skills": [1], "a": NINE, "b": 64_800, "d": 64_800, "w": 0.0}
        return {"loc": place, "pr": "N", "P": 7200} | wish | given

    return {
        "name": "tiny",
        "T": travel,
        "xy": [[0, 0], [1, 0], [2, 0]],
        "techs": [
            {
                "loc": 0,
                "skills": [0, 1],
                "v0": 28_800,
                "v1": 54_000,
                "lunch": [TWELVE, 47_000, 2700],
            },
            {"loc": 0, "skills": [0], "v0": 28_800, "v1": 54_000, "lunch": None},
        ],
        "orders": [
            order(1),
            order(2, a=TWELVE, d=TWELVE, w=0.5, pr="E", P=36_000),
            order(2, skills=[0], svc=1800),
            order(1, skills=[7]),
        ],
    }


def minutes(instance: dict[str, Any], routes: list[list[int]], fairness: float = 0.0) -> float:
    """Our price of given routes."""
    question = read_rich(instance, fairness=fairness)
    plan = replan(
        question, {str(n): [str(each) for each in route] for n, route in enumerate(routes)}
    )
    assert write_rich(question, plan) == routes
    assert check(question, plan) == []
    return plan.total / 60


def test_tiny_is_priced_as_worked_out_by_hand() -> None:
    # Order 0 at nine, done at ten; at order 1 before twelve. Lunch before it would make it late by
    # 2700 s at half price; after it, it costs nothing: lateness 0. Driving 600 + 600 + 1200 s and
    # the second technician's 2 x 1200 s; order 3 asks for a skill that nobody has: 7200 s.
    routes = [[0, 1], [2]]
    assert minutes(tiny(), routes) == (2400 + 2400 + 7200) / 60
    assert price(tiny(), routes).j == (2400 + 2400 + 7200) / 60


def test_lunch_that_must_come_first_makes_late() -> None:
    instance = tiny()
    # Now lunch must have begun before order 1 can be done: 2700 s after twelve, at half price.
    instance["techs"][0]["lunch"] = [TWELVE, TWELVE, 2700]
    instance["orders"][1]["a"] = TWELVE + 1
    late = 0.5 * 2700
    assert price(instance, [[1], [2]]).late == late
    assert minutes(instance, [[1], [2]]) == (late + 2 * 2400 + 2 * 7200) / 60


def test_fairness_is_priced_as_in_jf() -> None:
    routes = [[0, 1], [2]]
    assert minutes(tiny(), routes, fairness=0.1) == price(tiny(), routes).jf


@pytest.mark.parametrize("hard", [False, True])
def test_solved_instance_costs_what_the_rules_say(hard: bool) -> None:
    instance = generate(30, "tight", 4, hard=hard)
    question = read_rich(instance)
    plan = solve(question, Budget(seconds=0.3))
    assert check(question, plan) == []
    cost = price(instance, write_rich(question, plan))
    assert cost.j == pytest.approx(plan.total / 60, abs=0.1)
    assert cost.missed == len(plan.unassigned)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("svc", 12.5, "not_whole_number"),
        ("w", 0.00051, "rate_too_fine"),
        ("w", float("nan"), "rate_too_fine"),
        ("a", 64_801, "window_reversed"),
        ("loc", 3, "place_unknown"),
        ("b", None, "not_whole_number"),
        ("vip", True, "field_not_served"),
    ],
)
def test_an_order_that_cannot_be_read_is_refused(field: str, value: Any, code: str) -> None:
    instance = tiny()
    instance["orders"][0][field] = value
    with pytest.raises(ProblemRefused) as refused:
        read_rich(instance)
    assert refused.value.code == code


def test_lunch_before_the_shift_is_taken_from_its_start() -> None:
    instance = tiny()
    instance["techs"][0]["v0"] = TWELVE + 600
    assert read_rich(instance).crews[0].breaks[0].earliest_s == TWELVE + 600
    instance["techs"][0]["v0"] = 47_001
    with pytest.raises(ProblemRefused, match="lunch_impossible"):
        read_rich(instance)


@pytest.mark.parametrize(
    "routes", [[[0, 1, 2, 3], []], [[], [0]], [[0, 0], []], [[1, 0]], [[1, 2, 0, 0], []]]
)
def test_our_evaluator_refuses_broken_plans(routes: list[list[int]]) -> None:
    with pytest.raises(PlanBroken):
        price(tiny(), routes)


def test_reading_changes_nothing_in_what_was_given() -> None:
    instance = tiny()
    before = copy.deepcopy(instance)
    read_rich(instance)
    assert instance == before


def evaluator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rich_evaluate", RICH / "evaluate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not RICH.is_dir(), reason="the rich instances are not here (shared/data/rich)")
@pytest.mark.parametrize("name", GIVEN)
def test_given_instances_are_priced_as_their_evaluator_does(name: str) -> None:
    instance = json.loads((RICH / f"{name}.json").read_text("utf-8"))
    routes = greedy(instance)
    theirs = evaluator().evaluate(instance, routes)
    assert sum(map(len, routes)) > len(instance["techs"])
    assert minutes(instance, routes) == pytest.approx(theirs["J"], abs=0.06)
    assert minutes(instance, routes, fairness=0.1) == pytest.approx(theirs["JF"], abs=0.07)
    assert price(instance, routes).jf == pytest.approx(theirs["JF"], abs=0.06)


def greedy(instance: dict[str, Any]) -> list[list[int]]:
    """A plan with lateness and lunches, made by no search: each order at the end of a first fit."""
    routes: list[list[int]] = [[] for _ in instance["techs"]]
    for number, order in enumerate(instance["orders"][:150]):
        for technician, route in zip(instance["techs"], routes, strict=True):
            alone = {**instance, "techs": [technician], "orders": instance["orders"]}
            if len(route) < 5 and set(order["skills"]) <= set(technician["skills"]):
                try:
                    price(alone, [[*route, number]])
                except PlanBroken:
                    continue
                route.append(number)
                break
    return routes
