"""Every order left out says why, in numbers and in two languages."""

from dataclasses import replace

import pytest

from dispatch import (
    UNREACHABLE_S,
    Insertions,
    Plan,
    Problem,
    Reason,
    explain,
    reasons,
    replan,
    solve,
)
from dispatch.wording import _SENTENCES
from tests.dispatch.instances import (
    EIGHT,
    HOUR,
    PLAIN,
    QUICK,
    SIXTEEN,
    crew,
    line,
    order,
    problem,
    scattered,
)

PH = (("PH", 1),)


def reason_for(question: Problem) -> Reason:
    """The first reason of the order called x, which must have stayed out."""
    plan = solve(question, QUICK)
    assert reasons(question, plan, "x") == plan.unassigned["x"]
    return plan.unassigned["x"][0]


class TestReasons:
    def test_a_skill_that_nobody_has(self) -> None:
        why = reason_for(problem([order("x", skills=(("PH", 1),))]))
        assert (why.code, why.detail) == ("no_skill", {"skills": ["PH"]})
        assert "PH" in why.zh and "PH" in why.en

    def test_people_enough_but_in_no_single_crew(self) -> None:
        teams = [crew("a", size=2, skills={"HN": 2}), crew("b", size=3, skills={"HN": 3, "HW": 1})]
        why = reason_for(problem([order("x", skills=(("HN", 6), ("HW", 1)), crew_size=7)], teams))
        assert why.code == "crew_too_small"
        assert why.detail["crew_id"] == "b"
        assert why.detail["missing"] == {"HN": 3, "crew_size": 4}

    def test_no_crew_is_on_shift_when_the_order_opens(self) -> None:
        why = reason_for(problem([order("x", earliest_s=SIXTEEN)]))
        assert (why.code, why.detail) == ("no_crew_on_shift", {"qualified_crews": ["c1"]})

    def test_the_window_closed_before_anybody_was_free(self) -> None:
        why = reason_for(problem([order("x", window=(0, EIGHT - 90))]))
        assert (why.code, why.detail["short_s"]) == ("window_closed", 90)
        assert " 2 min" in why.en and " 2 分钟" in why.zh

    def test_the_nearest_crew_is_too_far_away(self) -> None:
        why = reason_for(problem([order("x", 30, window=(0, EIGHT + 600))]))
        assert (why.code, why.detail) == ("out_of_reach", {"crew_id": "c1", "short_s": 1200})

    def test_no_road_leads_there(self) -> None:
        travel = line()
        travel[:, 10] = UNREACHABLE_S
        question = Problem(orders=(order("x"),), crews=(crew(),), travel=travel, objective=PLAIN)
        assert reason_for(question).code == "no_road"

    def test_every_crew_is_forbidden(self) -> None:
        why = reason_for(problem([order("x", forbidden_crews=frozenset({"c1"}))]))
        assert why.code == "only_forbidden_crews"

    @pytest.mark.parametrize(
        ("pin", "because"), [("c1", "no_skill"), ("off sick", "no_crew_on_shift")]
    )
    def test_the_pinned_crew_cannot(self, pin: str, because: str) -> None:
        teams = [crew("c1"), crew("ph", skills={"PH": 1})]
        question = problem([order("x", skills=(("PH", 1),), pinned_crew=pin)], teams)
        first, second, fix = solve(question, QUICK).unassigned["x"]
        assert first.code == "pinned_crew_cannot"
        assert first.detail == {"crew_id": pin, "because": because}
        assert second.code == because
        assert (fix.code, fix.detail["crew_id"], fix.detail["price_s"]) == (
            "fix_release",
            "ph",
            1200,
        )

    def test_a_full_crew_names_the_smallest_fix(self) -> None:
        big = order("big", 0, service_s=8 * HOUR - 600, priority_penalty=99999)
        why = reason_for(problem([big, order("x", 0, service_s=1200)]))
        assert why.code == "no_capacity"
        assert why.detail["overtime_more_s"] == 600
        assert why.detail["others_later_s"] == {}

    def test_a_fix_tells_how_much_later_the_window_must_close(self) -> None:
        window = (EIGHT, EIGHT + 600)
        one = order("one", 0, window=window, service_s=HOUR, priority_penalty=99999)
        why = reason_for(problem([one, order("x", 0, window=window, service_s=HOUR)]))
        assert why.code == "no_capacity"
        assert why.detail["window_later_s"] == 3000
        assert (why.detail["after_order"], why.detail["others_later_s"]) == ("one", {})

    def test_a_fix_may_be_another_orders_window(self) -> None:
        one = order("one", 0, window=(EIGHT, EIGHT + 600), service_s=HOUR, priority_penalty=99999)
        why = reason_for(problem([one, order("x", 0, window=(EIGHT, EIGHT), service_s=1200)]))
        assert why.code == "no_capacity"
        assert why.detail["window_later_s"] == 0
        assert why.detail["others_later_s"] == {"one": 600}

    def test_an_order_that_costs_more_than_it_is_worth(self) -> None:
        why = reason_for(problem([order("x", 30, priority_penalty=1000)]))
        assert why.code == "not_worth_it"
        assert why.detail == {"crew_id": "c1", "added_price_s": 3600, "penalty_s": 1000}

    def test_an_order_of_another_problem_is_a_mistake(self) -> None:
        question = problem([])
        with pytest.raises(KeyError):
            reasons(question, replan(question, {}), "ghost")

    def test_every_sentence_is_there_in_both_languages(self) -> None:
        for zh, en in _SENTENCES.values():
            assert zh.endswith("。") and en.endswith((".", "again"))


def fixes_for(question: Problem, plan: Plan) -> dict[str, Reason]:
    """The fixes told for the order called x, by code, the smallest first."""
    return {
        each.code: each for each in reasons(question, plan, "x") if each.code.startswith("fix_")
    }


def demand_least(question: Problem, plan: Plan, name: str, fix: Reason) -> None:
    """The order fits where the fix says with its window moved, and not with a minute less."""
    asked, by_s, position = question.order_by_id[name], fix.detail["by_s"], fix.detail["position"]
    assert asked.window is not None and isinstance(by_s, int) and isinstance(position, int)
    opens, closes = asked.window
    number = [team.id for team in question.crews].index(str(fix.detail["crew_id"]))
    for amount_s, fits in ((by_s, True), (max(0, by_s - 60), False)):
        earlier = fix.code == "fix_window_earlier"
        window = (opens - amount_s, closes) if earlier else (opens, closes + amount_s)
        found = Insertions(question, plan).at(replace(asked, window=window), number, position)
        assert (found is not None) == fits


class TestFixes:
    def test_the_window_opens_earlier_by_no_more_than_it_must(self) -> None:
        next_one = order("next", 0, window=(10 * HOUR, 10 * HOUR), service_s=6 * HOUR)
        x = order("x", 0, window=(9 * HOUR + 1000, 9 * HOUR + 1800), service_s=HOUR, skills=PH)
        question = problem([next_one, x], [crew(skills={"PH": 1})])
        plan = replan(question, {"c1": ["next"]})
        first, fix, *_ = reasons(question, plan, "x")
        assert first.code == "no_capacity"
        assert "PH" in first.zh and "it needs PH" in first.en
        assert fix.code == "fix_window_earlier"
        assert (fix.detail["by_s"], fix.detail["price_s"]) == (1000, 1000)
        assert (fix.detail["crew_id"], fix.detail["start_s"]) == ("c1", 9 * HOUR)
        assert " 17 min earlier" in fix.en and " 17 分钟" in fix.zh

    def test_the_window_closes_later(self) -> None:
        one = order("one", 0, window=(EIGHT, EIGHT), service_s=HOUR, priority_penalty=99999)
        x = order("x", 0, window=(EIGHT, EIGHT + 600))
        question = problem([one, x])
        fix = fixes_for(question, replan(question, {"c1": ["one"]}))["fix_window_later"]
        assert (fix.detail["by_s"], fix.detail["price_s"]) == (3000, 3000)

    def test_overtime_is_priced_at_its_rate(self) -> None:
        big = order("big", 0, service_s=8 * HOUR - 600, priority_penalty=99999)
        question = problem([big, order("x", 0, service_s=1200)])
        told = fixes_for(question, replan(question, {"c1": ["big"]}))
        fix = told["fix_overtime"]
        assert (fix.detail["more_s"], fix.detail["price_s"]) == (600, 1200)
        assert list(told) == ["fix_overtime"], "leaving the big one out costs more than x is worth"

    def test_the_cheapest_crew_gives_its_time_though_another_would_give_less(self) -> None:
        """Crew near gives 20 min for x; far only 18, but drives two hours more."""
        near = order("near", 0, service_s=8 * HOUR - 600, priority_penalty=99999)
        far = order("far", 60, service_s=8 * HOUR - 7920, priority_penalty=99999)
        teams = [crew("a"), crew("b", start_place=60, end_place=60)]
        question = problem([near, far, order("x", 0, service_s=1800)], teams)
        plan = replan(question, {"a": ["near"], "b": ["far"]})
        fix = fixes_for(question, plan)["fix_overtime"]
        assert (fix.detail["crew_id"], fix.detail["more_s"]) == ("a", 1200)
        assert fix.detail["price_s"] == 2400

    def test_another_order_moves_to_tomorrow_or_to_another_crew(self) -> None:
        small = order("small", 0, service_s=7 * HOUR, priority_penalty=4000)
        question = problem(
            [small, order("x", 0, service_s=7 * HOUR, skills=PH)],
            [
                crew(skills={"PH": 1}),
            ],
        )
        plan = replan(question, {"c1": ["small"]})
        fix = fixes_for(question, plan)["fix_move_out"]
        assert (fix.detail["other"], fix.detail["price_s"]) == ("small", 4000)
        helped = replace(question, crews=(*question.crews, crew("c2", start_place=10)))
        fix = fixes_for(helped, replan(helped, {"c1": ["small"]}))["fix_move_crew"]
        assert (fix.detail["to_crew"], fix.detail["price_s"]) == ("c2", 600)
        assert "c2" in fix.zh and "small" in fix.en

    def test_another_order_moves_within_its_crews_day(self) -> None:
        loose = order("loose", 0, service_s=3 * HOUR)
        early = order("early", 0, window=(12 * HOUR, 12 * HOUR), service_s=600)
        x = order("x", 0, window=(EIGHT, EIGHT), service_s=3 * HOUR)
        question = problem([loose, early, x])
        fix = fixes_for(question, replan(question, {"c1": ["loose", "early"]}))["fix_move_within"]
        assert (fix.detail["other"], fix.detail["to_crew"], fix.detail["price_s"]) == (
            "loose",
            "c1",
            0,
        )
        assert fix.detail["other_start_s"] == 12 * HOUR + 600

    def test_a_window_moved_as_told_is_enough_and_a_minute_less_is_not(self) -> None:
        seen = 0
        for seed in range(6):
            day = scattered(40, 3, seed)
            names = [each.id for each in day.orders]
            plan = replan(day, {f"c{n}": names[n::3] for n in range(3)})
            for name, told in explain(day, plan, plan.unassigned).items():
                for fix in told:
                    if fix.code in ("fix_window_later", "fix_window_earlier"):
                        demand_least(day, plan, name, fix)
                        seen += 1
        assert seen > 3

    def test_what_was_not_searched_is_said(self) -> None:
        window = (EIGHT, EIGHT + 600)
        jobs = [order(name, 0, window=window, service_s=HOUR) for name in ("one", "x", "y")]
        jobs[2] = replace(jobs[2], priority_penalty=99)
        question = problem(jobs)
        plan = replan(question, {"c1": ["one"]})
        told = explain(question, plan, ["y", "x"], work=1)
        assert list(told) == ["y", "x"]
        codes = ["no_capacity", "fix_window_later", "fixes_cut_short"]
        assert [each.code for each in told["y"]] == codes, "time is priced, nobody's leaving"
        assert "fixes_cut_short" not in [each.code for each in told["x"]]
