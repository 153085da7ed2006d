"""Which due visit goes to which crew now."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch import Candidate, ProblemRefused, choose_commits


def pair(order_id: str, crew_id: str, cost_s: int, urgent: bool = False) -> Candidate:
    return Candidate(order_id=order_id, crew_id=crew_id, cost_s=cost_s, urgent=urgent)


class TestChooseCommits:
    def test_nothing_due_sends_nobody(self) -> None:
        assert choose_commits([]) == {}

    def test_the_cheapest_assignment_as_a_whole_is_taken(self) -> None:
        pairs = [pair("x", "a", 10), pair("x", "b", 15), pair("y", "a", 20), pair("y", "b", 60)]
        assert choose_commits(pairs) == {"x": "b", "y": "a"}

    def test_a_crew_gets_one_visit_unless_told_otherwise(self) -> None:
        pairs = [pair("x", "a", 10), pair("y", "a", 20)]
        assert choose_commits(pairs) == {"x": "a"}
        assert choose_commits(pairs, {"a": 2}) == {"x": "a", "y": "a"}
        assert choose_commits(pairs, {"a": 0}) == {}

    def test_more_visits_go_before_lower_cost(self) -> None:
        pairs = [pair("x", "a", 0), pair("x", "b", 9000), pair("y", "a", 9000)]
        assert choose_commits(pairs) == {"x": "b", "y": "a"}

    def test_an_urgent_visit_goes_before_any_other(self) -> None:
        pairs = [pair("x", "a", 0), pair("hot", "a", 9000, urgent=True)]
        assert choose_commits(pairs) == {"hot": "a"}

    @pytest.mark.parametrize(
        ("code", "pairs", "capacity"),
        [
            ("candidate_repeated", [pair("x", "a", 1), pair("x", "a", 2)], {}),
            ("cost_negative", [pair("x", "a", -1)], {}),
            ("capacity_negative", [pair("x", "a", 1)], {"a": -1}),
        ],
    )
    def test_nonsense_is_refused(self, code: str, pairs: list, capacity: dict) -> None:
        with pytest.raises(ProblemRefused) as refused:
            choose_commits(pairs, capacity)
        assert refused.value.code == code

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(
        st.dictionaries(
            st.tuples(st.sampled_from("xyz"), st.sampled_from("abc")),
            st.integers(0, 5000),
            max_size=7,
        ),
        st.sets(st.sampled_from("xyz")),
    )
    def test_no_other_choice_is_better(self, costs: dict, urgent: set) -> None:
        pairs = [pair(o, c, cost, o in urgent) for (o, c), cost in costs.items()]
        chosen = choose_commits(pairs)

        def rank(picked: dict[str, str]) -> tuple[int, int, int]:
            cost = sum(costs[item] for item in picked.items())
            return (-len(picked.keys() & urgent), -len(picked), cost)

        choices = (
            dict(some)
            for size in range(len(costs) + 1)
            for some in itertools.combinations(costs, size)
            if len({o for o, _ in some}) == len({c for _, c in some}) == size
        )
        assert rank(chosen) == min(rank(choice) for choice in choices)
