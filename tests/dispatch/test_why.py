"""Why this crew and no other, in prices; numbers worked out by hand."""

from dataclasses import replace

import pytest

from dispatch import UNREACHABLE_S, Objective, ProblemRefused, check, replan, why
from tests.dispatch.instances import (
    EIGHT,
    HOUR,
    PLAIN,
    crew,
    line,
    order,
    problem,
    scattered,
)

PH = (("PH", 1),)


class TestWhy:
    def test_its_crew_and_the_next_three_are_priced_term_by_term(self) -> None:
        rates = Objective(spread_per_mille=0, move=200)
        crews = [
            crew(
                f"c{n}",
                end_place=None,
                start_place=place,
                area_cost={"north": 50} if n == 2 else {},
            )
            for n, place in enumerate((18, 10, 25, 40, 60))
        ]
        x = order("x", 20, area="north", current_crew="c0", due_s=EIGHT, late_per_mille=1000)
        question = problem([x], crews, rates)
        told = why(question, replan(question, {"c0": ["x"]}), "x")
        assert (told.chosen.crew_id, told.chosen.price, told.chosen.dearer) == ("c0", 240, 0)
        assert {t: p for t, p in told.chosen.terms.items() if p} == {"late": 120, "travel": 120}
        assert [(c.crew_id, c.price, c.dearer) for c in told.others] == [
            ("c2", 850, 610),
            ("c1", 1400, 1160),
            ("c3", 2600, 2360),
        ]
        assert {t: p for t, p in told.others[0].terms.items() if p} == {
            "late": 300,
            "travel": 300,
            "move": 200,
            "area": 50,
        }
        assert (told.penalty_s, told.accepted, dict(told.cannot)) == (36000, False, {})
        assert "c2" in told.en and "610" in told.en and "c2" in told.zh and "改派" in told.zh

    def test_crews_that_cannot_say_why(self) -> None:
        crews = [
            crew("has", skills={"PH": 1}),
            crew("no paper"),
            crew("banned", skills={"PH": 1}),
            crew("away", skills={"PH": 1}, start_place=60, end_place=None),
            crew("late", skills={"PH": 1}, available_from_s=12 * HOUR),
            crew("gone", skills={"PH": 1}, available_from_s=18 * HOUR),
            crew("full", skills={"PH": 1}),
        ]
        busy = order("busy", 0, window=(EIGHT, EIGHT), service_s=4 * HOUR)
        x = order(
            "x", 5, skills=PH, window=(EIGHT, 9 * HOUR), forbidden_crews=frozenset({"banned"})
        )
        tight = replace(x, window=(EIGHT, EIGHT + 1800))
        question = problem([busy, tight], crews)
        told = why(question, replan(question, {"has": ["x"], "full": ["busy"]}), "x")
        assert {name: why_not.code for name, why_not in told.cannot.items()} == {
            "no paper": "crew_lacks",
            "banned": "crew_forbidden",
            "away": "out_of_reach",
            "late": "window_closed",
            "gone": "no_crew_on_shift",
            "full": "crew_full",
        }
        assert told.others == ()
        assert "没有其他班组" in told.zh

    def test_pins_and_spent_moves_are_reasons_too(self) -> None:
        jobs = [
            order("pinned", pinned_crew="c1"),
            order("gone", current_crew="c1"),
            order("kept", current_crew="c1"),
        ]
        rates = replace(PLAIN, most_moves=1)
        question = problem(jobs, [crew(), crew("c2")], rates)
        plan = replan(question, {"c1": ["pinned", "kept"], "c2": ["gone"]})
        assert why(question, plan, "pinned").cannot["c2"].code == "pinned_elsewhere"
        spent = why(question, plan, "kept").cannot["c2"]
        assert (spent.code, spent.detail) == ("moves_spent", {"crew_id": "c1", "most_moves": 1})

    def test_accepted_work_stays_whatever_the_price(self) -> None:
        question = problem([order("x", 20)], [crew(locked=("x",)), crew("c2", start_place=20)])
        told = why(question, replan(question, {}), "x")
        assert (told.accepted, told.others) == (True, ())
        assert told.cannot["c2"].code == "accepted_elsewhere"
        assert told.chosen.price == 2400

    def test_a_cheaper_crew_is_not_kept_secret(self) -> None:
        question = problem([order("x", 20)], [crew(), crew("c2", start_place=20, end_place=20)])
        told = why(question, replan(question, {"c1": ["x"]}), "x")
        assert [(c.crew_id, c.price, c.dearer) for c in told.others] == [("c2", 0, -2400)]
        assert "2400 less" in told.en

    def test_the_price_is_what_the_plan_costs_more_with_it(self) -> None:
        day = scattered(30, 4, seed=6)
        names = [each.id for each in day.orders]
        plan = replan(day, {f"c{n}": names[n::4] for n in range(4)})
        assert check(day, plan) == []
        for name in list(plan.crew_of)[:8]:
            without = replan(
                day, {c: [n for n in s if n != name] for c, s in plan.sequences.items()}
            )
            told = why(day, plan, name)
            more = {t: plan.price[t] - without.price[t] for t in plan.price if t != "unserved"}
            assert dict(told.chosen.terms) == more
            for other in told.others:
                taken = {c: list(s) for c, s in without.sequences.items()}
                taken[other.crew_id].insert(other.position, name)
                instead = replan(day, taken)
                assert other.price == instead.total - without.total + told.penalty_s

    def test_an_order_left_out_is_refused(self) -> None:
        question = problem([order("x")])
        with pytest.raises(ProblemRefused, match="order_not_planned"):
            why(question, replan(question, {}), "x")

    def test_a_route_that_needs_the_order_for_its_road_is_refused(self) -> None:
        travel = line()
        travel[0, 20] = UNREACHABLE_S
        jobs, teams = [order("x", 10), order("y", 20)], [crew(locked=("x", "y"))]
        question = replace(problem(jobs, teams), travel=travel)
        with pytest.raises(ProblemRefused, match="no_road_without_it"):
            why(question, replan(question, {}), "x")
