"""Which orders want the crew that had them before: pure rules over jobs."""

from dataclasses import replace

from app.planning import policy
from app.planning.reading import wishes
from tests.app.planning.test_nearby import job


class TestWishes:
    def test_a_crew_is_wished_for_no_more_often_than_it_may_lose_orders(self) -> None:
        waiting = [replace(job("x"), wanted_crew="A1") for _ in range(policy.MOST_MOVES + 2)]
        other = replace(job("x"), wanted_crew="A2")
        found = wishes([*waiting, other], {})
        assert [each.wanted_crew for each in found] == ["A1"] * policy.MOST_MOVES + [
            None,
            None,
            "A2",
        ]

    def test_a_visit_in_the_plan_in_force_always_counts(self) -> None:
        planned = [replace(job("x"), wanted_crew="A1") for _ in range(policy.MOST_MOVES + 2)]
        wish = replace(job("x"), wanted_crew="A1")
        assert wishes([*planned, wish], {each.id for each in planned}) == [*planned, wish]
