"""Appointment slots: what each window costs, and why one cannot be had."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import Insertions, Problem, ProblemRefused, applied, check, replan, slots, with_order
from tests.dispatch.instances import EIGHT, HOUR, crew, order, problem
from tests.dispatch.test_insert import least
from tests.dispatch.test_properties import MANY, problems

EARLY, NOON, LATE = (EIGHT, EIGHT + 1800), (12 * HOUR, 13 * HOUR), (15 * HOUR, 16 * HOUR)


def day() -> Problem:
    """One crew: three hours at place 10 from eight, then one at place 20 at noon."""
    jobs = [
        order("a", 10, service_s=3 * HOUR, window=(EIGHT, 9 * HOUR)),
        order("b", 20, service_s=HOUR, window=(12 * HOUR, 12 * HOUR), priority_penalty=7),
    ]
    return problem(jobs, [crew(end_place=None)])


class TestSlots:
    def test_they_are_ranked_by_what_they_cost(self) -> None:
        plan = replan(day(), {"c1": ["a", "b"]})
        found = slots(day(), plan, order("x", 10), [EARLY, LATE, (11 * HOUR, 11 * HOUR + 1200)])
        assert [(s.earliest_s, s.added, s.crew_id) for s in found] == [
            (EIGHT, 0, "c1"),
            (11 * HOUR, 0, "c1"),
            (15 * HOUR, 600, "c1"),
        ]
        assert [s.start_s for s in found] == [EIGHT + 600, 11 * HOUR + 600, 15 * HOUR]
        assert found[2].terms["travel"] == 600 and "unserved" not in found[2].terms
        assert found[0].later == {"a": 1800}

    def test_one_that_does_not_fit_says_why(self) -> None:
        plan = replan(day(), {"c1": ["a", "b"]})
        asked = [(12 * HOUR, 12 * HOUR + 900), (7 * HOUR, EIGHT - 60), (EIGHT, EIGHT + 60), LATE]
        found = slots(day(), plan, order("x", 10), asked)
        assert [s.fits for s in found] == [True, False, False, False]
        told = {s.earliest_s + s.latest_s: s.reason.code for s in found if s.reason}
        assert told == {
            24 * HOUR + 900: "slot_full",
            15 * HOUR - 60: "window_closed",
            16 * HOUR + 60: "out_of_reach",
        }
        assert all(s.reason.zh.endswith("。") for s in found if s.reason)

    def test_a_certificate_that_nobody_has_is_no_matter_of_time(self) -> None:
        plan = replan(day(), {})
        found = slots(day(), plan, order("x", skills=(("PH", 1),)), [NOON, LATE])
        assert [s.reason.code for s in found if s.reason] == ["no_skill", "no_skill"]

    def test_a_slot_can_be_taken_as_it_was_offered(self) -> None:
        plan = replan(day(), {"c1": ["a", "b"]})
        x = order("x", 10)
        slot = slots(day(), plan, x, [LATE])[0]
        question = with_order(day(), replace(x, window=LATE))
        assert slot.proposal is not None
        after = applied(question, plan, slot.proposal)
        assert check(question, after) == []
        assert after.total - plan.total == slot.added

    def test_its_own_window_does_not_count(self) -> None:
        x = order("x", 10, window=(0, 0))
        assert slots(day(), replan(day(), {}), x, [LATE])[0].fits

    def test_nothing_asked_is_nothing_offered(self) -> None:
        assert slots(day(), replan(day(), {}), order("x"), []) == ()

    def test_a_reversed_window_is_refused(self) -> None:
        with pytest.raises(ProblemRefused, match="window_reversed"):
            slots(day(), replan(day(), {}), order("x"), [(9, 8)])

    def test_an_order_with_a_place_in_the_plan_is_refused(self) -> None:
        with pytest.raises(ProblemRefused, match="order_already_planned"):
            slots(day(), replan(day(), {"c1": ["a"]}), day().orders[0], [LATE])


class TestProperties:
    @MANY
    @given(problems(), st.randoms(use_true_random=False))
    def test_the_cheapest_is_the_least_of_all_insertions(self, drawn: Any, dice: Any) -> None:
        names = [each.id for each in drawn.orders]
        dice.shuffle(names)
        plan = replan(drawn, {team.id: names[n::4] for n, team in enumerate(drawn.crews)})
        windows = [(h * HOUR, (h + 2) * HOUR) for h in (8, 9, 11, 14, 19)]
        for name in list(plan.unassigned)[:2]:
            asked = drawn.order_by_id[name]
            for slot in slots(drawn, plan, asked, windows, tries=1000):
                window = (slot.earliest_s, slot.latest_s)
                question = with_order(drawn, replace(asked, window=window))
                best = least(question, plan, name)
                assert slot.fits == (best is not None) == (slot.reason is None)
                if slot.proposal is not None:
                    assert slot.proposal.exact_added == best
                    offered = Insertions(question, plan).best(question.order_by_id[name], most=1)
                    assert offered.proposals[0].exact_added == best
