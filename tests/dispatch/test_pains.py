"""What users of other planners complain of in public, as tests: each names its thread."""

from dataclasses import replace

import pytest

from dispatch import (
    Budget,
    Candidate,
    Plan,
    Problem,
    check,
    choose_commits,
    compare,
    insert,
    replan,
    solve,
)
from dispatch.solve import Engine
from tests.dispatch.instances import EIGHT, HOUR, crew, order, problem, scattered

ROUNDS = Budget(seconds=30.0, iterations=400)


def published(question: Problem, plan: Plan) -> Problem:
    """The problem on the next look: what the plan gave to a crew has a price to move."""
    owner = plan.crew_of
    orders = tuple(
        replace(each, current_crew=owner.get(each.id), pinned_crew=None) for each in question.orders
    )
    return replace(question, orders=orders)


def moved(question: Problem, plan: Plan) -> list[str]:
    owners = {each.id: each.current_crew for each in question.orders}
    return [name for name, crew_id in plan.crew_of.items() if owners[name] not in (None, crew_id)]


class TestReshuffling:
    """VROOM#800, VROOM#615, VROOM#886: solving again gives everybody another day."""

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_every_order_that_changes_crews_is_paid_for(self, seed: int) -> None:
        """Asked again with one more call: what moves saves more than the price of moving."""
        day = scattered(28, 4, seed)
        before = solve(day, ROUNDS, seed=1)
        asked = published(day, before)
        call = order("new", 12, service_s=1800, due_s=10 * HOUR, late_per_mille=500)
        asked = replace(asked, orders=(*asked.orders, call))
        after = solve(asked, ROUNDS, seed=seed + 10, warm_start=before)
        kept = replan(asked, before.sequences)
        gained = kept.total - (after.total - after.price["move"])
        assert check(asked, after) == [] and kept.price["move"] == 0
        assert asked.objective.move * len(moved(asked, after)) <= gained
        told = {each.order_id for each in compare(asked, before, after).moved}
        assert set(moved(asked, after)) <= told, "and each move is told"

    def test_a_budget_of_none_moves_none(self) -> None:
        day = scattered(28, 4, 5)
        before = solve(day, Budget(seconds=30.0, iterations=1), seed=1)
        asked = published(day, before)
        free = solve(asked, ROUNDS, seed=2, warm_start=before)
        tight = replace(asked, objective=replace(asked.objective, most_moves=0))
        bound = solve(tight, ROUNDS, seed=2, warm_start=before)
        assert moved(asked, free), "there is something to gain by moving"
        assert moved(tight, bound) == [] and bound.total <= before.total


class TestStartedWork:
    """Dynamics 365 RSO FAQ: completed and started bookings are moved by the optimiser."""

    @pytest.mark.parametrize("engine", ["search", "routing"])
    def test_what_a_crew_has_accepted_or_begun_stays_however_dear(self, engine: Engine) -> None:
        far = [order("accepted", 60), order("next", 58), order("near", 2)]
        teams = [
            crew(
                "busy", locked=("accepted", "next"), available_from_s=EIGHT + HOUR, available_at=1
            ),
            crew("idle", start_place=60, end_place=60),
        ]
        question = problem(far, teams)
        for seed in range(3):
            plan = solve(question, Budget(seconds=0.3), seed=seed, engine=engine)
            busy = next(route for route in plan.routes if route.crew_id == "busy")
            assert [visit.order_id for visit in busy.visits][:2] == ["accepted", "next"]
            left = busy.visits[0].arrival_s - busy.visits[0].travel_s
            assert left >= EIGHT + HOUR, "begun work is finished first"
            assert check(question, plan) == []


class TestReasons:
    """openrouteservice#1812, vroom#270, or-tools#2361: left out, and nobody says why."""

    @pytest.mark.parametrize("engine", ["search", "routing"])
    def test_every_order_left_out_says_why_in_both_languages(self, engine: Engine) -> None:
        crowded = scattered(60, 3, 4)
        plan = solve(crowded, Budget(seconds=0.3), engine=engine)
        assert len(plan.unassigned) > 10
        for reasons in plan.unassigned.values():
            assert reasons and all(each.code and each.zh and each.en for each in reasons)


class TestImpossibleJob:
    """or-tools#1470: one job that nobody can do, and there is no plan at all."""

    @pytest.mark.parametrize("engine", ["search", "routing"])
    def test_the_others_are_served_as_without_it(self, engine: Engine) -> None:
        possible = [order(f"o{n}", 5 * n, service_s=HOUR) for n in range(1, 6)]
        hopeless = [
            order("skill", 3, skills=(("none has it", 1),), priority_penalty=10**6),
            order("closed", 3, window=(0, 60), priority_penalty=10**6),
            order("pin", 3, pinned_crew="gone", priority_penalty=10**6),
            order("long", 3, service_s=20 * HOUR, priority_penalty=10**6),
        ]
        plan = solve(problem([*hopeless, *possible]), Budget(seconds=0.3), engine=engine)
        assert set(plan.crew_of) == {each.id for each in possible}
        assert {each.id for each in hopeless} == set(plan.unassigned)


class TestFeasibleJob:
    """vroom#1284: a job that fits is dropped."""

    @pytest.mark.parametrize("seed", [1, 2, 3, 4])
    def test_nothing_is_left_out_that_fits_and_pays(self, seed: int) -> None:
        day = scattered(26, 3, seed)
        plan = solve(day, ROUNDS, seed=seed)
        for name in plan.unassigned:
            assert [each for each in insert(day, plan, name) if each.net < 0] == []
            assert "not_tried" not in {each.code for each in plan.unassigned[name]}

    def test_a_slack_day_leaves_nobody_out(self) -> None:
        orders = [order(f"o{n}", 2 * n, service_s=1200) for n in range(1, 25)]
        plan = solve(problem(orders, [crew("a"), crew("b"), crew("c")]), ROUNDS)
        assert plan.unassigned == {}


class TestBulkDispatch:
    """fleetbase#468: the screen shows all orders dispatched, and one is sent."""

    def test_every_due_visit_whose_crew_has_room_is_chosen(self) -> None:
        due = [
            Candidate(order_id=f"o{number}", crew_id=f"c{number % 40}", cost_s=60 * number)
            for number in range(80)
        ]
        room = {f"c{number}": 1 for number in range(40)}
        assert choose_commits(due, room) == {f"o{n}": f"c{n}" for n in range(40)}
        roomy = dict.fromkeys(room, 2)
        assert len(choose_commits(due, roomy)) == 80
