"""One test per rule of the model: what it forbids and what it costs."""

from dataclasses import replace

import pytest

from dispatch import TERMS, UNREACHABLE_S, Break, Objective, Problem, check, insert, replan, solve
from dispatch.solve import Engine
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
    solved,
)

TEA = Break(earliest_s=15 * HOUR, latest_s=SIXTEEN, duration_s=600)
NOON = Break(earliest_s=12 * HOUR, latest_s=13 * HOUR, duration_s=1800)


class TestSkillsAndSize:
    def test_the_crew_with_the_certificate_goes(self) -> None:
        question = problem(
            [order("x", skills=(("PH", 1),))], [crew("near"), crew("ph", skills={"PH": 1})]
        )
        assert solved(question).crew_of == {"x": "ph"}

    def test_two_holders_are_asked_for_and_one_is_not_enough(self) -> None:
        teams = [crew("one", skills={"HP2": 1}, size=2), crew("two", skills={"HP2": 2}, size=2)]
        question = problem([order("x", skills=(("HP2", 2),))], teams)
        assert solved(question).crew_of == {"x": "two"}

    def test_a_pair_goes_where_two_people_are_needed(self) -> None:
        question = problem([order("x", crew_size=2)], [crew("solo"), crew("pair", size=2)])
        assert solved(question).crew_of == {"x": "pair"}


class TestWindowsAndDeadlines:
    def test_a_crew_waits_for_the_window_to_open(self) -> None:
        plan = solved(problem([order("x", window=(10 * HOUR, 11 * HOUR))]))
        visit = plan.routes[0].visits[0]
        assert (visit.arrival_s, visit.start_s) == (EIGHT + 600, 10 * HOUR)
        assert visit.wait_s == 10 * HOUR - EIGHT - 600

    def test_nothing_starts_before_it_is_available(self) -> None:
        plan = solved(problem([order("x", earliest_s=9 * HOUR)]))
        assert plan.routes[0].visits[0].start_s == 9 * HOUR

    def test_a_closed_window_leaves_the_order_out(self) -> None:
        plan = solved(problem([order("x", window=(0, EIGHT))]))
        assert list(plan.unassigned) == ["x"]
        assert plan.price["unserved"] == 36000

    def test_lateness_is_priced_per_second(self) -> None:
        plan = solved(problem([order("x", due_s=EIGHT, late_per_mille=2500)]))
        assert plan.routes[0].visits[0].late_s == 600
        assert plan.price["late"] == 1500

    def test_waiting_is_priced_from_when_an_order_without_a_deadline_opens(self) -> None:
        plan = solved(problem([order("x", earliest_s=EIGHT, waiting_per_mille=500)]))
        assert plan.price == dict.fromkeys(TERMS, 0) | {"waiting": 300, "travel": 1200}
        assert plan.routes[0].visits[0].late_s == 0

    def test_of_two_that_may_wait_the_short_one_comes_first(self) -> None:
        for long_rate, first in ((4, "short"), (40, "long")):
            long = order("long", service_s=HOUR, waiting_per_mille=long_rate)
            short = order("short", service_s=1200, waiting_per_mille=12)
            (route,) = solved(problem([long, short])).routes
            assert route.visits[0].order_id == first

    def test_the_dearer_deadline_is_kept_first(self) -> None:
        due = EIGHT + 1200
        cheap = order("cheap", 10, due_s=due, late_per_mille=500)
        dear = order("dear", 12, due_s=due, late_per_mille=5000)
        assert solved(problem([cheap, dear])).sequences == {"c1": ("dear", "cheap")}


class TestShift:
    def test_work_beyond_the_hard_end_is_left_out(self) -> None:
        plan = solved(problem([order("x", service_s=8 * HOUR)]))
        assert list(plan.unassigned) == ["x"]

    def test_overtime_is_used_and_priced(self) -> None:
        plan = solved(problem([order("x", service_s=8 * HOUR)], [crew(overtime_s=HOUR)]))
        assert plan.routes[0].overtime_s == 1200
        assert plan.price["overtime"] == 2400

    def test_without_an_end_place_the_way_home_is_free(self) -> None:
        plan = solved(problem([order("x")], [crew(end_place=None)]))
        assert plan.price["travel"] == 600
        assert plan.routes[0].end_s == EIGHT + 600 + 1800


class TestWayHome:
    """A crew that has set out comes home with or without another order."""

    def test_it_is_driven_and_priced_without_an_order(self) -> None:
        out = crew(available_at=20, available_from_s=SIXTEEN - 600)
        plan = solved(problem([], [out]))
        (route,) = plan.routes
        assert (route.travel_s, route.load_s) == (1200, 1200)
        assert (route.end_s, route.overtime_s) == (SIXTEEN + 600, 600)
        assert (plan.price["travel"], plan.price["overtime"]) == (1200, 1200)

    def test_a_crew_that_never_set_out_or_may_stop_anywhere_drives_none(self) -> None:
        teams = [crew("in", start_place=20), crew("free", available_at=20, end_place=None)]
        assert solved(problem([], teams)).price["travel"] == 0

    @pytest.mark.parametrize("engine", ["search", "routing"])
    def test_an_idle_crew_close_by_is_not_charged_with_the_way_it_has_anyway(
        self, engine: Engine
    ) -> None:
        teams = [crew("out", available_at=40), crew("in", start_place=15, end_place=15)]
        plan = solve(problem([order("x", 30)], teams), QUICK, engine=engine)
        assert plan.crew_of == {"x": "out"}
        assert plan.price["travel"] == 2400

    @pytest.mark.parametrize("breaks", [(), (TEA,)])
    def test_an_insertion_costs_what_the_order_adds(self, breaks: tuple[Break, ...]) -> None:
        out = crew("out", available_at=40, available_from_s=15 * HOUR, overtime_s=HOUR)
        question = problem([order("x", 30)], [replace(out, breaks=breaks)])
        now = replan(question, {})
        (found, *_) = insert(question, now, "x")
        assert found.terms["travel"] == 0
        then = replan(question, {"out": ["x"]})
        assert found.added == then.total - (now.total - now.price["unserved"])


class TestBreaks:
    def test_a_break_is_taken_in_its_window_between_two_stops(self) -> None:
        jobs = [order(f"x{n}", service_s=2 * HOUR) for n in range(3)]
        plan = solved(problem(jobs, [crew(breaks=(NOON,))]))
        (rest,) = plan.routes[0].breaks
        assert NOON.earliest_s <= rest.start_s <= NOON.latest_s
        assert len(plan.routes[0].visits) == 3

    def test_a_break_may_interrupt_the_drive(self) -> None:
        jobs = [order("x", 10, service_s=4 * HOUR - 600), order("y", 40, service_s=HOUR)]
        plan = replan(problem(jobs, [crew(breaks=(NOON,))]), {"c1": ["x", "y"]})
        (rest,) = plan.routes[0].breaks
        assert rest.start_s == 12 * HOUR
        assert plan.routes[0].visits[1].arrival_s == 12 * HOUR + 30 * 60 + 1800

    def test_the_gap_is_chosen_that_makes_nobody_late(self) -> None:
        early = Break(earliest_s=EIGHT, latest_s=SIXTEEN - HOUR, duration_s=1800)
        urgent = order("urgent", due_s=EIGHT + 600, late_per_mille=1000)
        question = problem([urgent, order("x", 12)], [crew(breaks=(early,))])
        plan = replan(question, {"c1": ["urgent", "x"]})
        assert check(question, plan) == []
        assert plan.price["late"] == 0
        assert plan.routes[0].breaks[0].start_s >= plan.routes[0].visits[0].finish_s

    def test_work_that_leaves_no_gap_for_the_break_is_left_out(self) -> None:
        tight = Break(earliest_s=12 * HOUR, latest_s=12 * HOUR + 60, duration_s=1800)
        long = order("x", service_s=5 * HOUR, window=(9 * HOUR, 10 * HOUR))
        assert list(solved(problem([long], [crew(breaks=(tight,))])).unassigned) == ["x"]

    def test_two_breaks_are_both_taken(self) -> None:
        tea = Break(earliest_s=9 * HOUR, latest_s=10 * HOUR, duration_s=900)
        jobs = [order(f"x{n}", service_s=HOUR) for n in range(5)]
        plan = solved(problem(jobs, [crew(breaks=(tea, NOON))]))
        assert len(plan.routes[0].breaks) == 2

    def test_a_break_that_has_passed_is_not_planned_again(self) -> None:
        plan = solved(problem([order("x")], [crew(breaks=(NOON,), available_from_s=14 * HOUR)]))
        assert plan.routes[0].breaks == ()


class TestBuildings:
    def test_set_up_is_paid_once_per_visit_to_a_building(self) -> None:
        jobs = [order(f"x{n}", 10, setup_s=600, building="b") for n in range(3)]
        visits = solved(problem(jobs)).routes[0].visits
        assert [visit.setup_s for visit in visits] == [600, 0, 0]

    def test_a_crew_still_inside_pays_no_set_up(self) -> None:
        inside = crew(available_at=10, in_building="b", available_from_s=9 * HOUR)
        plan = solved(problem([order("x", 10, setup_s=600, building="b")], [inside]))
        assert plan.routes[0].visits[0].start_s == 9 * HOUR

    def test_saved_set_up_keeps_one_building_together(self) -> None:
        jobs = [order(f"x{n}", 10, setup_s=1800, building="b") for n in range(2)]
        jobs += [order(f"y{n}", 10, setup_s=1800, building="d") for n in range(2)]
        lateness = {"due_s": EIGHT, "late_per_mille": 100}
        late = [order(o.id, 10, setup_s=1800, building=o.building, **lateness) for o in jobs]
        names = [name[0] for name in solved(problem(late)).sequences["c1"]]
        assert names in (["x", "x", "y", "y"], ["y", "y", "x", "x"])


class TestPinsBansAndLocks:
    def test_a_pinned_order_goes_to_its_crew(self) -> None:
        question = problem(
            [order("x", pinned_crew="far")], [crew("near", start_place=10), crew("far")]
        )
        assert solved(question).crew_of == {"x": "far"}

    def test_a_forbidden_crew_does_not_go(self) -> None:
        question = problem(
            [order("x", forbidden_crews=frozenset({"a"}))], [crew("a"), crew("b", start_place=60)]
        )
        assert solved(question).crew_of == {"x": "b"}

    def test_accepted_orders_come_first_and_in_their_order(self) -> None:
        jobs = [order("far", 60), order("near", 1), order("urgent", 2, priority_penalty=99000)]
        plan = solved(problem(jobs, [crew(locked=("far", "near"))]))
        assert plan.sequences["c1"][:2] == ("far", "near")

    def test_accepted_work_is_kept_though_it_breaks_every_rule(self) -> None:
        hopeless = order("x", service_s=9 * HOUR, window=(0, 1), skills=(("PH", 1),), crew_size=9)
        plan = solved(problem([hopeless, order("y")], [crew(locked=("x",)), crew("c2")]))
        assert plan.crew_of == {"x": "c1", "y": "c2"}

    def test_a_crew_starts_where_and_when_its_started_work_ends(self) -> None:
        plan = solved(
            problem([order("x", 30)], [crew(available_at=20, available_from_s=10 * HOUR)])
        )
        assert plan.routes[0].visits[0].start_s == 10 * HOUR + 600


class TestPrices:
    def test_a_published_order_stays_unless_moving_pays(self) -> None:
        teams = [crew("old"), crew("new", start_place=5, end_place=5)]
        job = order("x", 10, current_crew="old")
        assert solved(problem([job], teams, Objective(move=700, spread_per_mille=0))).crew_of == {
            "x": "old"
        }
        moved = solved(problem([job], teams, Objective(move=500, spread_per_mille=0)))
        assert moved.crew_of == {"x": "new"}
        assert moved.price["move"] == 500

    def test_an_order_may_have_a_price_of_its_own_for_changing_crews(self) -> None:
        teams = [crew("old"), crew("new", start_place=5, end_place=5)]
        for price in (0, 175):
            job = order("x", 10, current_crew="old", move_s=price)
            moved = solved(problem([job], teams, Objective(move=700, spread_per_mille=0)))
            assert moved.crew_of == {"x": "new"}
            assert moved.price["move"] == price

    def test_a_crew_from_outside_the_area_costs_its_price(self) -> None:
        teams = [crew("out", area_cost={"a": 500}), crew("in", start_place=1, end_place=1)]
        assert solved(problem([order("x", 0, area="a")], teams)).crew_of == {"x": "in"}
        only = solved(problem([order("x", 0, area="a")], teams[:1]))
        assert only.price["area"] == 500

    def test_work_is_shared_when_fairness_has_a_price(self) -> None:
        jobs = [order(f"x{n}", 0, service_s=HOUR) for n in range(4)]
        fair = Objective(spread_per_mille=500)
        plan = solved(problem(jobs, [crew("a"), crew("b")], fair))
        assert [len(route.visits) for route in plan.routes] == [2, 2]
        assert plan.price["spread"] == 0

    def test_work_done_before_counts_for_fairness(self) -> None:
        jobs = [order(f"x{n}", 0, service_s=HOUR) for n in range(2)]
        teams = [crew("a", load_s=4 * HOUR), crew("b")]
        plan = solved(problem(jobs, teams, Objective(spread_per_mille=500)))
        assert set(plan.crew_of.values()) == {"b"}

    def test_driving_is_priced_there_and_back(self) -> None:
        assert solved(problem([order("x", 10)])).price["travel"] == 1200


class TestRoads:
    def test_a_place_without_a_road_is_left_out_and_the_rest_is_served(self) -> None:
        travel = line()
        travel[:, 10] = UNREACHABLE_S
        question = Problem(
            orders=(order("x", 10), order("y", 20)), crews=(crew(),), travel=travel, objective=PLAIN
        )
        plan = solve(question, QUICK)
        assert check(question, plan) == []
        assert plan.crew_of == {"y": "c1"}


class TestSequences:
    def test_a_crews_sequence_is_kept_and_others_come_between(self) -> None:
        jobs = [order("far", 60), order("near", 10), order("between", 30)]
        plan = solved(problem(jobs, [crew("c1", sequence=("far", "near")), crew("c2")]))
        assert plan.sequences["c1"] in (("between", "far", "near"), ("far", "between", "near"))

    def test_a_sequence_belongs_to_its_crew_alone(self) -> None:
        teams = [crew("far", start_place=60, sequence=("x",)), crew("near", start_place=10)]
        assert solved(problem([order("x")], teams)).crew_of == {"x": "far"}

    def test_an_impossible_member_does_not_block_the_rest(self) -> None:
        jobs = [order("x", 10), order("never", window=(0, 1)), order("y", 5)]
        plan = solved(problem(jobs, [crew(sequence=("x", "never", "y"))]))
        assert plan.sequences["c1"] == ("x", "y")


class TestIncome:
    def test_points_are_shared_when_their_fairness_has_a_price(self) -> None:
        jobs = [order(f"x{n}", 0, income=1000) for n in range(4)]
        fair = Objective(spread_per_mille=0, income_spread_per_mille=2000)
        plan = solved(problem(jobs, [crew("a"), crew("b")], fair))
        assert [len(route.visits) for route in plan.routes] == [2, 2]
        assert plan.price["income"] == 0

    def test_what_was_earned_before_counts(self) -> None:
        jobs = [order(f"x{n}", 0, income=1000) for n in range(2)]
        fair = Objective(spread_per_mille=0, income_spread_per_mille=2000)
        plan = solved(problem(jobs, [crew("a", income=5000), crew("b")], fair))
        assert set(plan.crew_of.values()) == {"b"}
        assert plan.price["income"] == 2 * (5000 - 2000) // 2 * 2


class TestStability:
    def published(self, **given: int) -> Problem:
        """Three orders published for a crew that is far away from them, from x0 most of all."""
        jobs = [order(f"x{n}", 10 * (n > 0), current_crew="old") for n in range(3)]
        teams = [crew("old", start_place=60, end_place=60), crew("new", start_place=10)]
        return problem(jobs, teams, Objective(move=0, spread_per_mille=0, **given))

    def test_no_crew_loses_more_than_it_may(self) -> None:
        assert set(solved(self.published()).crew_of.values()) == {"new"}
        plan = solved(self.published(most_moves=1))
        assert plan.crew_of == {"x0": "new", "x1": "old", "x2": "old"}

    def test_an_order_that_a_person_pinned_does_not_count(self) -> None:
        asked = self.published(most_moves=0)
        teams = (asked.crews[0], crew("new", start_place=10, sequence=("x1",)))
        moved = Problem(
            orders=asked.orders, crews=teams, travel=asked.travel, objective=asked.objective
        )
        assert sorted(solved(moved).crew_of.values()) == ["new", "old", "old"]


class TestUnits:
    def test_a_vehicle_does_not_give_what_it_does_not_hold(self) -> None:
        jobs = [order("big", units=4, priority_penalty=50000), order("small", units=2)]
        plan = solved(problem(jobs, [crew(capacity=5)]))
        assert plan.crew_of == {"big": "c1"}

    def test_what_is_accepted_is_a_fact(self) -> None:
        jobs = [order("x", units=9), order("y", units=1)]
        plan = solved(problem(jobs, [crew(capacity=5, locked=("x",))]))
        assert plan.crew_of == {"x": "c1"}
