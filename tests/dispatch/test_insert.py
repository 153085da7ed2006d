"""Where one more order goes, at what price, and who gives way; numbers worked out by hand."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import (
    TERMS,
    Break,
    Insertions,
    Objective,
    Plan,
    Problem,
    ProblemRefused,
    applied,
    check,
    insert,
    place,
    propose,
    replan,
    with_order,
)
from dispatch.fit import Roster
from dispatch.timing import time_route
from tests.dispatch.instances import EIGHT, HOUR, PLAIN, crew, order, problem, scattered
from tests.dispatch.test_properties import MANY, problems

PH = (("PH", 1),)


def one_way(name: str = "c1", **given: Any) -> Any:
    return crew(name, end_place=None, **given)


def demand_sound(question: Problem, plan: Plan, order_id: str, most: int = 8) -> int:
    """Every proposal is what it says it is; returns how many there are."""
    found = insert(question, plan, order_id, most=most)
    for proposal in found:
        after = applied(question, plan, proposal)
        assert check(question, after) == []
        assert {term: after.price[term] - plan.price[term] for term in TERMS} == proposal.terms
        assert after.total - plan.total == proposal.net == sum(proposal.terms.values())
        assert proposal.added == proposal.net + question.order_by_id[order_id].priority_penalty
        visit = next(v for r in after.routes for v in r.visits if v.order_id == order_id)
        assert (visit.start_s, visit.finish_s) == (proposal.start_s, proposal.finish_s)
    assert [p.net_per_mille for p in found] == sorted(p.net_per_mille for p in found)
    return len(found)


class TestInsert:
    def test_the_cheapest_place_comes_with_its_times_and_its_price_per_term(self) -> None:
        question = problem([order("a", 10), order("x", 20)], [one_way()])
        (best,) = insert(question, replan(question, {"c1": ["a"]}), "x")
        assert (best.crew_id, best.position) == ("c1", 1)
        assert (best.start_s, best.finish_s) == (EIGHT + 3000, EIGHT + 4800)
        assert best.terms == dict.fromkeys(TERMS, 0) | {"unserved": -36000, "travel": 600}
        assert (best.added, best.net) == (600, -35400)
        assert (best.later, best.ejected) == ({}, None)

    def test_it_tells_who_starts_later_and_by_how_much(self) -> None:
        x = order("x", 5, window=(EIGHT, EIGHT + 600))
        question = problem([order("a", 10), order("b", 20, window=(0, 12 * HOUR)), x], [one_way()])
        (best,) = insert(question, replan(question, {"c1": ["a", "b"]}), "x")
        assert (best.position, best.start_s, best.added) == (0, EIGHT + 300, 0)
        assert best.later == {"a": 1800, "b": 1800}

    def test_lateness_down_the_route_is_in_the_price(self) -> None:
        late = order("late", 10, due_s=EIGHT + 600, late_per_mille=2000)
        x = order("x", 5, window=(EIGHT, EIGHT + 600))
        question = problem([late, x], [one_way()])
        (best,) = insert(question, replan(question, {"c1": ["late"]}), "x")
        assert best.terms["late"] == best.added == 2 * 1800

    def test_crews_are_ranked_by_price_one_proposal_each(self) -> None:
        crews = [one_way("far", start_place=40), one_way("near", start_place=25), one_way("mid")]
        question = problem([order("x", 20)], crews)
        found = insert(question, replan(question, {}), "x")
        told = [(p.crew_id, p.added) for p in found]
        assert told == [("near", 300), ("far", 1200), ("mid", 1200)]
        assert len(insert(question, replan(question, {}), "x", most=2)) == 2

    def test_fairness_area_and_stability_are_terms_of_it(self) -> None:
        rates = Objective(travel_per_mille=0, move=500, spread_per_mille=1000)
        crews = [one_way("a", area_cost={"north": 70}, load_s=1800), one_way("b")]
        x = order("x", 0, area="north", current_crew="b", move_s=300, income=10)
        question = problem([x], crews, replace(rates, income_spread_per_mille=1000))
        first, second = insert(question, replan(question, {}), "x")
        assert (first.crew_id, first.terms["spread"], first.terms["income"]) == ("b", -1800, 10)
        assert second.terms["spread"] == 1800
        assert (second.terms["move"], second.terms["area"]) == (300, 70)

    def test_a_break_may_have_to_move_for_it(self) -> None:
        noon = Break(earliest_s=9 * HOUR, latest_s=11 * HOUR, duration_s=HOUR)
        a = order("a", 0, service_s=HOUR, window=(10 * HOUR, 10 * HOUR))
        x = order("x", 0, service_s=HOUR, window=(9 * HOUR, 9 * HOUR))
        question = problem([a, x], [crew(breaks=(noon,))])
        plan = replan(question, {"c1": ["a"]})
        assert plan.routes[0].breaks[0].start_s == 9 * HOUR
        (best,) = insert(question, plan, "x")
        assert (best.start_s, best.route.breaks[0].start_s) == (9 * HOUR, 11 * HOUR)

    def test_an_order_that_was_just_called_in_is_unknown_to_the_plan(self) -> None:
        old = problem([order("a", 10)], [one_way()])
        plan = replan(old, {"c1": ["a"]})
        question = with_order(old, order("x", 20))
        (best,) = insert(question, plan, "x")
        assert best.added == 600
        assert check(question, applied(question, plan, best)) == []
        assert old.orders == (order("a", 10),)

    def test_nothing_fits_where_no_crew_may_or_can(self) -> None:
        asked = [
            order("skill", skills=PH),
            order("window", 30, window=(EIGHT, EIGHT)),
            order("long", service_s=9 * HOUR),
            order("banned", forbidden_crews=frozenset({"c1"})),
            order("pinned", pinned_crew="off"),
            order("big", crew_size=2),
        ]
        question = problem(asked)
        plan = replan(question, {})
        assert [insert(question, plan, each.id) for each in asked] == [()] * len(asked)

    def test_a_sequence_is_kept(self) -> None:
        jobs = [order("a", 10), order("b", 20), order("x", 0)]
        crews = [one_way(sequence=("a", "b", "x")), one_way("c2", start_place=1)]
        question = problem(jobs, crews)
        (best,) = insert(question, replan(question, {"c1": ["a", "b"]}), "x")
        assert (best.crew_id, best.position, best.added) == ("c1", 2, 1200)

    def test_a_crew_that_has_lost_its_most_orders_loses_no_other(self) -> None:
        jobs = [order("a", 10, current_crew="c1"), order("x", 10, current_crew="c1")]
        crews = [one_way(), one_way("c2", start_place=10)]
        question = problem(jobs, crews, replace(PLAIN, most_moves=1))
        spent = insert(question, replan(question, {"c2": ["a"]}), "x")
        assert [p.crew_id for p in spent] == ["c1"]
        fresh = insert(question, replan(question, {"c1": ["a"]}), "x")
        assert [p.crew_id for p in fresh] == ["c2", "c1"]

    def test_a_planned_order_is_refused(self) -> None:
        question = problem([order("a")])
        with pytest.raises(ProblemRefused, match="order_already_planned"):
            insert(question, replan(question, {"c1": ["a"]}), "a")

    def test_a_plan_of_another_problem_is_refused(self) -> None:
        plan = replan(problem([order("a")]), {"c1": ["a"]})
        with pytest.raises(ProblemRefused, match="plan_of_another_problem"):
            insert(problem([order("x")]), plan, "x")
        with pytest.raises(ProblemRefused, match="plan_of_another_problem"):
            insert(problem([order("x")], [crew("other")]), replan(problem([]), {}), "x")

    def test_the_pin_of_a_new_order_counts(self) -> None:
        old = problem([order("a", 10)], [one_way(), one_way("c2")], replace(PLAIN, most_moves=0))
        plan = replan(old, {"c1": ["a"]})
        pinned = order("x", 20, pinned_crew="c2", current_crew="c1")
        (best,) = propose(Insertions(old, plan), pinned)
        assert best.crew_id == "c2"
        question = with_order(old, pinned)
        assert check(question, applied(question, plan, best)) == []

    def test_a_place_outside_the_matrix_is_refused(self) -> None:
        with pytest.raises(ProblemRefused, match="place_unknown"):
            with_order(problem([]), order("x", 61))


class TestPlace:
    def test_what_was_placed_is_there_for_the_next_question(self) -> None:
        question = scattered(30, 3, seed=2)
        plan = replan(question, {})
        insertions = Insertions(question, plan)
        for asked in question.orders:
            found = propose(insertions, asked)
            assert found == insert(question, plan, asked.id)
            if found:
                place(insertions, found[0])
                plan = applied(question, plan, found[0])
                assert (insertions.plan.price, insertions.plan.total) == (plan.price, plan.total)
        assert check(question, plan) == []
        assert len(plan.crew_of) > 15


class TestEjection:
    def short(self, *extra: Any, **given: Any) -> Problem:
        """A crew with room for one order of 50 minutes, and a danger that only it can serve."""
        small = order("small", 0, service_s=3000, priority_penalty=5000, **given)
        danger = order("danger", 0, service_s=3000, skills=PH, emergency=True)
        teams = [crew(shift=(EIGHT, EIGHT + HOUR), skills={"PH": 1}), *extra]
        return problem([small, danger], teams)

    def test_a_lower_priority_stays_out_where_nobody_else_has_room(self) -> None:
        question = self.short()
        plan = replan(question, {"c1": ["small"]})
        (best,) = insert(question, plan, "danger")
        assert best.ejected is not None
        assert (best.ejected.order_id, best.ejected.crew_id) == ("small", None)
        assert (best.net, best.added) == (-31000, 5000)
        after = applied(question, plan, best)
        assert check(question, after) == []
        assert [reason.code for reason in after.unassigned["small"]] == ["gave_way"]
        assert "danger" in after.unassigned["small"][0].zh

    def test_it_goes_to_another_crew_where_that_costs_less(self) -> None:
        question = self.short(one_way("c2", start_place=10))
        plan = replan(question, {"c1": ["small"]})
        (best,) = insert(question, plan, "danger")
        out = best.ejected
        assert out is not None
        assert (out.from_crew, out.crew_id, out.position, out.start_s) == (
            "c1",
            "c2",
            0,
            EIGHT + 600,
        )
        assert out.start_before_s == EIGHT
        assert (best.added, best.later) == (600, {"small": 600})
        assert demand_sound(question, plan, "danger") == 1

    def test_it_may_go_to_another_time_with_the_same_crew(self) -> None:
        danger = order("danger", 0, window=(EIGHT, EIGHT), emergency=True)
        small = order("small", 0, window=(EIGHT, EIGHT + HOUR), priority_penalty=5000)
        question = problem([small, danger])
        (best,) = insert(question, replan(question, {"c1": ["small"]}), "danger")
        assert (best.added, best.later, best.ejected) == (0, {"small": 1800}, None)

    @pytest.mark.parametrize(
        "given", [{"pinned_crew": "c1"}, {"emergency": True}, {"window": (0, EIGHT)}]
    )
    def test_who_is_pinned_or_urgent_too_never_leaves(self, given: Any) -> None:
        question = self.short(**given)
        found = insert(question, replan(question, {"c1": ["small"]}), "danger")
        assert len(found) == ("window" in given)

    @pytest.mark.parametrize(("most", "told"), [(1, 1), (3, 3), (8, 6), (10, 8)])
    def test_places_are_kept_for_ejections_where_there_are_many(self, most: int, told: int) -> None:
        teams = [one_way(f"c{n}") for n in range(9)]
        question = problem([order("danger", 0, emergency=True)], teams)
        assert len(insert(question, replan(question, {}), "danger", most=most)) == told

    def test_accepted_work_never_leaves(self) -> None:
        asked = self.short()
        teams = (replace(asked.crews[0], locked=("small",)),)
        question = replace(asked, crews=teams)
        assert insert(question, replan(question, {}), "danger") == ()

    def test_only_an_emergency_ejects(self) -> None:
        asked = self.short()
        calm = replace(asked.orders[1], emergency=False)
        question = with_order(asked, calm)
        assert insert(question, replan(question, {"c1": ["small"]}), "danger") == ()

    def test_in_a_full_day_every_ejection_is_what_it_says(self) -> None:
        day = scattered(40, 3, seed=4)
        names = [each.id for each in day.orders]
        plan = replan(day, {f"c{n}": names[n::3] for n in range(3)})
        left = list(plan.unassigned)[:8]
        ejected = 0
        for name in left:
            urgent = replace(day.order_by_id[name], emergency=True, priority_penalty=90000)
            question = with_order(day, urgent)
            start = replan(question, plan.sequences)
            demand_sound(question, start, name)
            ejected += sum(p.ejected is not None for p in insert(question, start, name))
        assert ejected > 0


def least(question: Problem, plan: Plan, order_id: str) -> int | None:
    """The least price of all insertions, every one of them timed."""
    tally, asked = Insertions(question, plan).tally, question.order_by_id[order_id]
    most = question.objective.most_moves
    spent = most is not None and tally.lost[str(asked.current_crew)] >= most
    best: int | None = None
    for number, team in enumerate(question.crews):
        if not Roster(question).may_have(asked)[number]:
            continue
        if spent and question.counts_as_moved(asked, team.id):
            continue
        ids = [visit.order_id for visit in plan.routes[number].visits]
        for gap in range(len(team.locked), len(ids) + 1):
            route = time_route(question, team, [*ids[:gap], order_id, *ids[gap:]])
            if route is not None:
                price = sum(tally.difference({number: route}).values())
                best = price if best is None else min(best, price)
    return best


def with_incomes(day: Problem, most_moves: int | None) -> Problem:
    """The same day with points to share out, and a limit to moves."""
    rates = replace(day.objective, income_spread_per_mille=700, most_moves=most_moves)
    jobs = tuple(replace(each, income=150 * n) for n, each in enumerate(day.orders))
    teams = tuple(replace(each, income=400 * n) for n, each in enumerate(day.crews))
    return replace(day, orders=jobs, crews=teams, objective=rates)


class TestProperties:
    @MANY
    @given(problems(), st.sampled_from([None, 0, 1]), st.randoms(use_true_random=False))
    def test_the_price_told_is_the_plans_and_the_least_of_all(
        self, drawn: Any, most_moves: int | None, dice: Any
    ) -> None:
        day = with_incomes(drawn, most_moves)
        names = [each.id for each in day.orders]
        dice.shuffle(names)
        kept = names[: 2 * len(names) // 3]
        plan = replan(day, {team.id: kept[n::3] for n, team in enumerate(day.crews)})
        for name in plan.unassigned:
            demand_sound(day, plan, name)
            found = Insertions(day, plan).best(day.order_by_id[name], tries=1000)
            assert found.proven
            cheapest = found.proposals[0].exact_added if found.proposals else None
            assert cheapest == least(day, plan, name)
