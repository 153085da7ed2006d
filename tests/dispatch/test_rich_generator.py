"""Fresh instances: the same for the same arguments, plannable, and like the given ones."""

from collections import Counter
from typing import Any

import pytest

from benchmarks.rich_generator import FAMILIES, Family, generate
from benchmarks.rich_price import price
from dispatch.formats import read_rich


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("hard", [False, True])
def test_same_arguments_give_the_same_readable_instance(family: Family, hard: bool) -> None:
    instance = generate(60, family, 5, hard=hard)
    assert instance == generate(60, family, 5, hard=hard)
    assert instance["orders"] != generate(60, family, 6, hard=hard)["orders"]
    question = read_rich(instance)
    assert (len(question.orders), len(question.crews)) == (60, len(instance["techs"]))
    nobody: list[list[int]] = [[] for _ in instance["techs"]]
    assert price(instance, nobody).j == sum(order["P"] for order in instance["orders"]) / 60


def test_hard_is_the_same_day_without_deadlines_and_lunch() -> None:
    soft, hard = generate(200, "relaxed", 1), generate(200, "relaxed", 1, hard=True)
    assert soft["T"] == hard["T"]
    for one, two in zip(soft["orders"], hard["orders"], strict=True):
        same = ("loc", "svc", "skills", "a", "pr", "P")
        assert [one[name] for name in same] == [two[name] for name in same]
        assert (two["w"], two["d"]) == (0.0, two["b"])
        assert one["d"] <= two["b"] <= one["b"]
    for one, two in zip(soft["techs"], hard["techs"], strict=True):
        assert two["lunch"] is None
        assert one["v1"] - two["v1"] == one["lunch"][2]


def test_statistics_are_those_of_the_given_instances() -> None:
    """The ranges hold the given days of 200 to 1000 orders, with room for the draw."""
    instance = generate(1000, "tight", 3)
    orders = instance["orders"]
    priorities = Counter(order["pr"] for order in orders)
    assert 70 < priorities["E"] < 130
    assert 250 < priorities["H"] < 350
    assert 2300 < sum(order["svc"] for order in orders) / 1000 < 2500
    assert 0.04 < share(orders, lambda order: len(order["skills"]) == 2) < 0.10
    assert 0.24 < share(orders, lambda order: order["b"] - order["a"] == 7200) < 0.36
    buildings = Counter(order["loc"] for order in orders)
    assert 400 < len(buildings) < 520
    assert 8 < max(buildings.values()) < 40
    travel = [second for row in instance["T"] for second in row if second]
    assert 1100 < sum(travel) / len(travel) < 1500
    assert len(instance["techs"]) == 71


def share(orders: list[dict[str, Any]], holds: Any) -> float:
    return sum(map(holds, orders)) / len(orders)


def test_first_technicians_hold_every_skill() -> None:
    techs = generate(10, "tight", 9, crews=2)["techs"]
    assert {skill for tech in techs for skill in tech["skills"]} == {0, 1, 2, 3}


def test_a_day_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        generate(9, "tight", 1)
