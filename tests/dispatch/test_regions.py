"""A city planned in steps: everyone alone, then neighbours in pairs, nobody's order twice."""

import pytest

from dispatch import City, Crew, ProblemRefused, Region, check
from dispatch.regions import Step
from tests.dispatch.instances import crew, order, problem, solved

MOST = (100, 10)


def region(name: str, orders: int, crews: int) -> Region:
    return Region(
        id=name,
        orders=tuple(f"{name}{n}" for n in range(orders)),
        crews=tuple(f"crew {name}{n}" for n in range(crews)),
    )


class TestSteps:
    def test_half_the_seconds_alone_half_in_pairs_by_size(self) -> None:
        city = City([region("a", 2, 1), region("b", 6, 1)])
        assert list(city.steps([("a", "b")], 16.0, most=MOST)) == [
            Step(("a",), 2.0),
            Step(("b",), 6.0),
            Step(("a", "b"), 8.0),
        ]

    def test_without_a_border_all_of_the_seconds_are_spent_alone(self) -> None:
        city = City([region("a", 1, 1), region("b", 1, 1)])
        assert [step.seconds for step in city.steps([], 4.0, most=MOST)] == [2.0, 2.0]

    def test_no_region_is_in_two_pairs_of_a_round(self) -> None:
        city = City([region(name, 1, 1) for name in "abcd"])
        borders = [("a", "b"), ("b", "c"), ("c", "d")]
        pairs = [s.regions for s in city.steps(borders, 1.0, most=MOST) if len(s.regions) == 2]
        assert pairs == [("a", "b"), ("c", "d"), ("b", "c")]

    def test_pairs_that_are_too_large_stay_apart(self) -> None:
        city = City([region("a", 3, 1), region("b", 3, 1), region("c", 1, 9)])
        borders = [("a", "b"), ("b", "c")]
        assert all(len(step.regions) == 1 for step in city.steps(borders, 1.0, most=(5, 9)))

    def test_a_region_with_crews_alone_only_lends(self) -> None:
        city = City([region("a", 3, 0), region("b", 0, 2), region("c", 0, 0)])
        steps = city.steps([("a", "b"), ("b", "c")], 1.0, most=MOST)
        assert [step.regions for step in steps] == [("a", "b")]

    def test_an_order_of_two_regions_is_refused(self) -> None:
        with pytest.raises(ProblemRefused) as refused:
            City([region("a", 1, 1), Region(id="b", orders=("a0",), crews=())])
        assert refused.value.code == "in_two_regions"


class TestGroups:
    def test_what_a_neighbour_took_is_its_own_until_both_are_planned_again(self) -> None:
        city = City([region("a", 2, 1), region("b", 1, 1)])
        city.take({"crew b0": ["a1", "b0", "accepted"]})
        assert city.group(["a"]).orders == {"a0"}
        assert city.group(["b"]).orders == {"a1", "b0"}
        assert city.group(["a", "b"]).orders == {"a0", "a1", "b0"}
        assert city.group(["b"]).warm_start == {"crew b0": ("a1", "b0", "accepted")}
        assert city.sequences == {"crew a0": (), "crew b0": ("a1", "b0", "accepted")}

    def test_a_region_without_crews_is_served_by_its_neighbour(self) -> None:
        jobs = {name: order(name, 5 + number) for number, name in enumerate(("a0", "a1", "b0"))}
        city = City([region("a", 2, 0), region("b", 1, 1)])
        served: set[str] = set()
        for step in city.steps([("a", "b")], 1.0, most=MOST):
            group = city.group(step.regions)
            asked = problem([jobs[name] for name in sorted(group.orders)], _teams(group.crews))
            plan = solved(asked, warm_start=group.warm_start)
            assert check(asked, plan) == []
            city.take(plan.sequences)
            served = {name for names in city.sequences.values() for name in names}
        assert served == set(jobs)


def _teams(names: tuple[str, ...]) -> list[Crew]:
    return [crew(name) for name in names]
