"""What moved between two plans, why, and what it saved; numbers worked out by hand."""

from dataclasses import replace

import pytest

from dispatch import TERMS, Objective, compare, replan
from dispatch.wording_plans import TERM_NAMES
from tests.dispatch.instances import EIGHT, HOUR, crew, order, problem, scattered


class TestCompare:
    def test_a_move_says_from_where_to_where_and_which_term_it_saved(self) -> None:
        crews = [crew("a", end_place=None), crew("b", end_place=None, start_place=30)]
        question = problem([order("x", 25), order("y", 5)], crews)
        before = replan(question, {"a": ["y", "x"]})
        after = replan(question, {"a": ["y"], "b": ["x"]})
        told = compare(question, before, after)
        (move,) = told.moved
        assert (move.order_id, move.from_crew, move.to_crew) == ("x", "a", "b")
        assert (move.start_before_s, move.start_after_s) == (EIGHT + 3300, EIGHT + 300)
        assert {t: s for t, s in move.saved.items() if s} == {"travel": 900}
        assert (move.gain, move.because) == (900, "travel")
        assert "900" in move.zh and "行车" in move.zh and "driving" in move.en
        assert (told.gain, told.unchanged, told.shifted) == (900, 1, ())
        assert {t: s for t, s in told.together.items() if s} == {}

    def test_orders_come_in_and_fall_out(self) -> None:
        question = problem([order("in", 10, priority_penalty=5000), order("out", 0)])
        told = compare(
            question, replan(question, {"c1": ["out"]}), replan(question, {"c1": ["in"]})
        )
        first, second = told.moved
        assert (first.order_id, first.from_crew, first.to_crew) == ("in", None, "c1")
        assert (first.saved["unserved"], first.saved["travel"]) == (5000, -1200)
        assert (second.order_id, second.to_crew, second.because) == ("out", None, None)
        assert second.gain == -36000
        assert "make room" in second.en and "腾出" in second.zh
        assert told.gain == 5000 - 1200 - 36000

    def test_what_only_starts_at_another_time_is_listed_apart(self) -> None:
        question = problem([order("a", 10), order("b", 20), order("c", 30)])
        before = replan(question, {"c1": ["a", "b", "c"]})
        after = replan(question, {"c1": ["b", "a", "c"]})
        told = compare(question, before, after)
        assert told.moved == ()
        assert [(s.order_id, s.start_after_s - s.start_before_s) for s in told.shifted] == [
            ("b", -1800),
            ("a", 3000),
            ("c", 1200),
        ]
        assert told.gain == told.together["travel"] == -1200
        assert "rose by 1200" in told.en

    @pytest.mark.parametrize("seed", range(4))
    def test_the_savings_add_up_term_by_term(self, seed: int) -> None:
        day = replace(scattered(24, 4, seed), objective=Objective(income_spread_per_mille=100))
        names = [each.id for each in day.orders]
        before = replan(day, {f"c{n}": names[n::4] for n in range(4)})
        after = replan(day, {f"c{3 - n}": names[n::5] for n in range(4)})
        told = compare(day, before, after)
        assert told.saved == {t: before.price[t] - after.price[t] for t in TERMS}
        assert told.gain == before.total - after.total == sum(told.saved.values())
        for term in TERMS:
            moves = sum(move.saved[term] for move in told.moved)
            assert told.saved[term] == moves + told.together[term]
        assert all(move.gain == sum(move.saved.values()) for move in told.moved)
        moved = {n for n in names if before.crew_of.get(n) != after.crew_of.get(n)}
        assert {move.order_id for move in told.moved} == moved
        assert len(moved) + len(told.shifted) + told.unchanged == len(
            moved | set(before.crew_of) & set(after.crew_of)
        )

    def test_a_plan_against_itself_differs_in_nothing(self) -> None:
        day = scattered(12, 2, seed=1)
        plan = replan(day, {"c0": [each.id for each in day.orders]})
        told = compare(day, plan, plan)
        assert (told.moved, told.shifted, told.gain) == ((), (), 0)
        assert told.before == told.after == dict(plan.price)

    def test_what_the_problem_does_not_know_is_named_and_left_out(self) -> None:
        old = problem([order("a"), order("done", 0, service_s=HOUR)], [crew(), crew("off")])
        question = problem([order("a")])
        before = replan(old, {"c1": ["done", "a"]})
        told = compare(question, before, replan(question, {"c1": ["a"]}))
        assert told.unknown == ("done", "off")
        assert (told.moved, told.gain, told.unchanged) == ((), 0, 1)

    def test_every_term_has_a_name_in_both_languages(self) -> None:
        assert set(TERM_NAMES) == set(TERMS)
