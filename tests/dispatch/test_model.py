"""Construction refuses nonsense, and says what to do about it."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from dispatch import UNREACHABLE_S, Break, Budget, Objective, Order, Problem, ProblemRefused, solve
from tests.dispatch.instances import EIGHT, QUICK, SIXTEEN, crew, line, order, problem

NOON = Break(earliest_s=12 * 3600, latest_s=13 * 3600, duration_s=1800)


def copied[T](thing: T) -> T:
    """What arrives on the other side of a process boundary."""
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own bytes


class TestOrder:
    @pytest.mark.parametrize(
        ("code", "given"),
        [
            ("seconds_out_of_range", {"service_s": -1}),
            ("seconds_out_of_range", {"due_s": 10**9}),
            ("not_whole_seconds", {"service_s": 0.5}),
            ("not_whole_seconds", {"setup_s": True}),
            ("window_reversed", {"window": (10, 9)}),
            ("skill_count", {"skills": (("PL", 0),)}),
            ("skill_count", {"skills": (("PL", 1), ("PL", 2))}),
            ("crew_size_below_one", {"crew_size": 0}),
            ("waiting_with_deadline", {"due_s": 60, "waiting_per_mille": 1}),
            ("seconds_out_of_range", {"income": -1}),
        ],
    )
    def test_a_contradiction_is_refused_with_its_code(self, code: str, given: dict) -> None:
        with pytest.raises(ProblemRefused) as refused:
            order("x", **given)
        assert refused.value.code == code
        assert refused.value.cause and refused.value.action


class TestCrew:
    @pytest.mark.parametrize(
        ("code", "given"),
        [
            ("shift_reversed", {"shift": (SIXTEEN, EIGHT)}),
            ("crew_size_below_one", {"size": 0}),
            ("breaks_overlap", {"breaks": (NOON, NOON)}),
            ("break_outside_shift", {"shift": (EIGHT, 12 * 3600), "breaks": (NOON,)}),
            ("skill_count", {"skills": {"PL": 0}}),
            ("seconds_out_of_range", {"area_cost": {"a": -1}}),
            ("seconds_out_of_range", {"income": -1}),
        ],
    )
    def test_a_contradiction_is_refused_with_its_code(self, code: str, given: dict) -> None:
        with pytest.raises(ProblemRefused) as refused:
            crew(**given)
        assert refused.value.code == code

    def test_a_break_that_cannot_be_taken_is_refused(self) -> None:
        with pytest.raises(ProblemRefused, match="break_reversed"):
            Break(earliest_s=10, latest_s=9, duration_s=60)


class TestProblem:
    @pytest.mark.parametrize(
        ("code", "orders", "crews"),
        [
            ("id_repeated", [order("x"), order("x")], [crew()]),
            ("id_repeated", [], [crew(), crew()]),
            ("id_empty", [order("")], [crew()]),
            ("place_unknown", [order("x", 61)], [crew()]),
            ("place_unknown", [], [crew(available_at=99)]),
            ("locked_order_unknown", [], [crew(locked=("x",))]),
            ("id_repeated", [order("x")], [crew("a", locked=("x",)), crew("b", locked=("x",))]),
            ("sequenced_order_unknown", [], [crew(sequence=("x",))]),
            ("id_repeated", [order("x")], [crew(sequence=("x", "x"))]),
            ("sequenced_and_locked", [order("x")], [crew(locked=("x",), sequence=("x",))]),
            ("sequenced_elsewhere", [order("x", pinned_crew="b")], [crew(sequence=("x",))]),
            (
                "sequenced_elsewhere",
                [order("x", forbidden_crews=frozenset({"c1"}))],
                [crew(sequence=("x",))],
            ),
            ("locked_and_pinned_elsewhere", [order("x", pinned_crew="b")], [crew(locked=("x",))]),
        ],
    )
    def test_parts_that_do_not_fit_are_refused(self, code: str, orders: list, crews: list) -> None:
        with pytest.raises(ProblemRefused) as refused:
            problem(orders, crews)
        assert refused.value.code == code

    @pytest.mark.parametrize(
        ("code", "travel"),
        [
            ("matrix_not_int32", line().astype(np.int64)),
            ("matrix_not_square", line()[:, :3]),
            ("matrix_negative", -line()),
        ],
    )
    def test_a_bad_matrix_is_refused(self, code: str, travel: np.ndarray) -> None:
        with pytest.raises(ProblemRefused) as refused:
            Problem(orders=(), crews=(), travel=travel)
        assert refused.value.code == code

    def test_accepted_work_without_a_road_is_refused(self) -> None:
        travel = line()
        travel[0, 10] = UNREACHABLE_S
        with pytest.raises(ProblemRefused, match="locked_out_of_reach"):
            Problem(orders=(order("x"),), crews=(crew(locked=("x",)),), travel=travel)

    def test_a_crew_that_is_out_needs_a_road_home(self) -> None:
        travel = line()
        travel[0, 10] = UNREACHABLE_S
        with pytest.raises(ProblemRefused, match="home_out_of_reach"):
            Problem(orders=(), crews=(crew(available_at=0, end_place=10),), travel=travel)

    def test_problem_plan_and_refusal_survive_another_process(self) -> None:
        question = copied(problem([order("x")]))
        plan = solve(question, QUICK)
        assert copied(plan) == plan
        error = copied(ProblemRefused("a", "b", "c"))
        assert (error.code, error.cause, error.action) == ("a", "b", "c")


class TestBudget:
    @pytest.mark.parametrize(
        "given",
        [{"seconds": 0}, {"seconds": 1, "solutions": 0}, {"seconds": 1, "iterations": 0}],
    )
    def test_no_time_at_all_is_refused(self, given: dict) -> None:
        with pytest.raises(ProblemRefused, match="budget_out_of_range"):
            Budget(**given)


class TestObjective:
    @pytest.mark.parametrize("given", [{"most_moves": -1}, {"income_spread_per_mille": 0.5}])
    def test_nonsense_is_refused(self, given: dict) -> None:
        with pytest.raises(ProblemRefused):
            Objective(**given)


class TestImport:
    @pytest.mark.parametrize("heavy", ["ortools", "numba"])
    def test_importing_the_package_loads_nothing_heavy(self, heavy: str) -> None:
        script = f"import sys, dispatch; sys.exit({heavy!r} in sys.modules)"
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    def test_an_order_opens_at_the_later_of_window_and_availability(self) -> None:
        both = Order(id="x", place=0, service_s=1, priority_penalty=1, window=(5, 9), earliest_s=7)
        assert both.opens_s == 7
