"""What `solve` promises about its answer, whatever the search does."""

from dispatch import Budget, check, replan, solve
from dispatch.insertion import SORTS, build
from dispatch.reach import candidates
from tests.dispatch.instances import (
    EIGHT,
    HOUR,
    QUICK,
    crew,
    order,
    problem,
    scattered,
    solved,
)

FOREVER = 1e18
AMPLE = Budget(seconds=60, iterations=2000)
"""Ends by rounds and not by the clock, so that a busy machine changes nothing."""


class TestSolve:
    def test_an_empty_problem_has_an_empty_plan(self) -> None:
        plan = solved(problem([], []))
        assert (plan.routes, dict(plan.unassigned), plan.total) == ((), {}, 0)

    def test_orders_without_crews_are_left_out_with_a_reason(self) -> None:
        plan = solved(problem([order("x")], []))
        assert [reason.code for reason in plan.unassigned["x"]] == ["no_crew_on_shift"]

    def test_crews_without_orders_stay_where_they_are(self) -> None:
        plan = solved(problem([], [crew("a"), crew("b")]))
        assert [route.crew_id for route in plan.routes] == ["a", "b"]
        assert plan.total == 0

    def test_one_impossible_order_never_empties_a_plan(self) -> None:
        possible = [order(f"x{n}", n) for n in range(8)]
        impossible = [
            order("skill", skills=(("moon", 1),)),
            order("window", window=(0, 1)),
            order("next week", window=(170 * HOUR, 171 * HOUR)),
            order("long", service_s=100 * HOUR),
        ]
        plan = solved(problem([*possible, *impossible]))
        assert set(plan.crew_of) == {job.id for job in possible}

    def test_a_crew_that_can_never_get_home_does_not_spoil_the_others(self) -> None:
        gone = crew("gone", available_from_s=20 * HOUR, available_at=60)
        assert solved(problem([order("x")], [gone, crew("here")])).crew_of == {"x": "here"}

    def test_it_is_never_worse_than_plain_insertion(self) -> None:
        question = scattered(40, 6, seed=3)
        may = candidates(question)
        plain = [build(question, may, FOREVER, sort) for sort in range(len(SORTS))]
        assert solve(question, AMPLE).total <= min(plan.total for plan in plain)

    def test_the_search_improves_on_insertion(self) -> None:
        question = scattered(40, 6, seed=3)
        may = candidates(question)
        plain = min(build(question, may, FOREVER, sort).total for sort in range(len(SORTS)))
        assert solve(question, AMPLE).total < plain

    def test_the_same_seed_and_iterations_give_the_same_plan(self) -> None:
        question = scattered(20, 4, seed=5)
        assert solve(question, AMPLE, seed=1) == solve(question, AMPLE, seed=1)

    def test_solutions_end_the_search(self) -> None:
        question = scattered(40, 6, seed=3)
        plan = solve(question, Budget(seconds=60, iterations=50_000, solutions=3))
        assert check(question, plan) == []
        assert plan.parts["rounds"] < 50_000

    def test_the_routing_engine_answers_too(self) -> None:
        question = scattered(20, 4, seed=5)
        plan = solve(question, Budget(seconds=60, solutions=3), engine="routing")
        assert check(question, plan) == []
        assert set(plan.parts) == {"routing"}

    def test_sixty_orders_and_twelve_crews_are_nearly_all_served(self) -> None:
        question = scattered(60, 12, seed=1)
        plan = solve(question, AMPLE)
        assert check(question, plan) == []
        assert len(plan.crew_of) >= 55


class TestWarmStart:
    def test_the_answer_is_never_worse(self) -> None:
        question = scattered(40, 6, seed=7)
        good = solve(question, AMPLE)
        again = solve(question, Budget(seconds=0.01), warm_start=good)
        assert check(question, again) == []
        assert again.total <= good.total

    def test_sequences_may_be_given_instead_of_a_plan(self) -> None:
        question = scattered(20, 4, seed=7)
        good = solve(question, QUICK)
        assert solved(question, warm_start=good.sequences).total <= good.total

    def test_an_old_plan_loses_what_is_unknown_and_keeps_the_rest(self) -> None:
        old = solved(problem([order("x"), order("gone", 20)]))
        question = problem([order("x"), order("new", 30)])
        assert set(solved(question, warm_start=old).crew_of) == {"x", "new"}

    def test_what_breaks_a_rule_now_is_left_out_of_it(self) -> None:
        question = problem([order("x", window=(0, 1)), order("y")], [crew("a"), crew("b")])
        plan = solved(question, warm_start={"a": ["x", "y"], "b": ["y"], "nobody": ["y"]})
        assert set(plan.crew_of) == {"y"}


class TestReplan:
    def test_a_persons_sequence_is_timed_as_it_is(self) -> None:
        question = problem([order("x", 10), order("y", 20)])
        plan = replan(question, {"c1": ["y", "x"]})
        assert check(question, plan) == []
        assert plan.sequences == {"c1": ("y", "x")}

    def test_what_is_not_named_is_left_out_with_a_reason(self) -> None:
        question = problem([order("x"), order("y", due_s=EIGHT)])
        plan = replan(question, {"c1": ["x"]})
        assert check(question, plan) == []
        assert plan.unassigned["y"][0].code == "not_tried"
