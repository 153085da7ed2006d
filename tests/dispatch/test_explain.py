"""Every order left out says why, in numbers and in two languages."""

import pytest

from dispatch import UNREACHABLE_S, Problem, Reason, reasons, replan, solve
from dispatch.wording import _SENTENCES
from tests.dispatch.instances import EIGHT, HOUR, PLAIN, QUICK, SIXTEEN, crew, line, order, problem


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
