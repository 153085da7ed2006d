"""The planner's benchmark measures what it says: gaps, cities, a day, VROOM's windows."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import dispatch
from app.planning import policy
from app.planning.policy import LENDING_PRICE_S
from benchmarks import day_calls, day_rules, planner_city, planner_day
from benchmarks.classic_sets import Classic, classic_sets
from benchmarks.danger_figures import LONGEST_S, Sample, burst_figures, figures
from benchmarks.planner import LIMITS, SECTIONS, Asked, wanted
from benchmarks.planner_ours import planned
from benchmarks.planner_record import Record
from benchmarks.planner_rich import fresh, gained, summary, whole_pool_s
from benchmarks.planner_vroom import closes
from benchmarks.rich_generator import generate
from dispatch import Plan, Problem, replan
from dispatch.formats import read_rich

SQUARE = """mini

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      0         0          0          0        100          0
    1      3         4          6          0         50         10
    2      6         8          4         20         50         10
    3      0         2          5          0          9         10
"""


@pytest.fixture
def square(tmp_path: Path) -> Classic:
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "mini.txt").write_text(SQUARE, "utf-8")
    best = "name,file,bks_dimacs_distance,status,source\nMINI,sets/mini/mini.txt,24.0,optimal,us\n"
    (tmp_path / "bks_dimacs.csv").write_text(best, "utf-8")
    (found,) = classic_sets(tmp_path, "mini")
    return found


def test_gap_follows_the_convention_of_the_best_known(square: Classic) -> None:
    assert square.travel[0, 1] == 50
    assert square.travel[1, 3] == 36  # 3.606 cut to one decimal
    assert square.gap([[1, 2], [3]]) == pytest.approx(0.0)
    assert square.gap([[3], [1, 2]]) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ([[1, 3], [2]], "overloaded"),
        ([[2, 3], [1]], "too late"),
        ([[1, 2]], "not every customer"),
        ([[1], [2], [3]], "3 routes"),
    ],
)
def test_a_broken_classic_plan_has_no_gap(
    square: Classic, routes: list[list[int]], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        square.gap(routes)


def test_every_pair_of_neighbours_is_planned_once() -> None:
    across = {(str(n), str(n + 1)) for n in range(9) if n % 4 != 3}
    down = {(str(n), str(n + 4)) for n in range(6)}
    pairs = planner_city.borders(10, 4)
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == across | down


def test_neighbours_that_lend_crews_keep_every_rule() -> None:
    city = planner_city.build(2, 3)
    routes = planner_city.together(city, 0.4, 0)
    assert set(routes) == set(range(len(city.techs)))
    lent = city.lent(routes)
    assert 0 < lent < sum(map(len, routes.values()))
    assert city.lent({crew: [] for crew in routes}) == 0
    # `j` raises for an order served twice, a skill that lacks, a window that is missed.
    assert city.j(routes) < city.j({})


def test_a_crew_pays_for_orders_of_other_stations_what_the_service_charges() -> None:
    stated = read_rich(generate(10, "tight", 1, crews=2))
    problem = planner_city.lending_priced(stated, [0, 1], [1] + [0] * 9)
    for order, price in (("0", LENDING_PRICE_S), ("1", 0)):
        plan = dispatch.replan(problem, {"0": [order]})
        assert plan.crew_of[order] == "0"
        assert plan.price["area"] == price


def test_equal_stations_have_equally_many_crews() -> None:
    crews = Counter(planner_city.build(3, 1, equal=True).tech_station)
    assert set(crews.values()) == {planner_city.EQUAL_CREWS}


def test_what_cp_sat_gave_to_fairness_stands_apart() -> None:
    rows = [
        {"search": 40.0, "cp_sat": 1.0, "cp_sat_by_seed": [2.0, 0.0], "with": 99.0},
        {"search": 20.0, "cp_sat": 0.0, "cp_sat_by_seed": [0.0, 0.0], "with": 50.0},
    ]
    told = gained(rows, whole_pool_s(10.0))
    assert (told["search_minutes"], told["cp_sat_minutes"]) == (60.0, 1.0)
    assert (told["cp_sat_percent_of_jf"], told["cp_sat_runs"]) == (0.5, "1 of 4")
    assert not told["whole_pool_tried"] and gained(rows, whole_pool_s(60.0))["whole_pool_tried"]


def test_danger_never_pushed_has_waited_longest_and_a_quiet_moment_proves_nothing() -> None:
    began = datetime(2026, 1, 15, tzinfo=UTC)

    def sample(busy: bool, waited_s: float | None) -> Sample:
        at = None if waited_s is None else began + timedelta(seconds=waited_s)
        return Sample(began, busy, answered=began, sent=at, pushed=at)

    heard = [sample(True, 0.5), sample(False, 3.0)]
    told, bursts = figures(heard), burst_figures(heard)
    assert (told["danger_p99_s"], told["danger_most_s"]) == (0.5, 3.0)
    assert bursts["danger_burst_p99_s"] > 2.9, "in a burst all of it counts"
    told = figures([*heard, sample(True, None)]) | burst_figures([sample(True, None)])
    assert told["danger_p99_s"] == told["danger_burst_p99_s"] == LONGEST_S
    assert (told["never_pushed"], told["danger_burst_never_pushed"]) == (1, 1)


def test_a_day_lived_through_serves_most_orders() -> None:
    day = planner_day.build(30, 2)
    lived = planner_day.simulate(day, every_s=7200, seconds=0.1, seed=0, rolling=True)
    bound = [visit.order_id for visits in day.done.values() for visit in visits]
    assert len(bound) == len(set(bound)) > 15
    assert 0 < lived["j"] < sum(order.priority_penalty for order in day.problem.orders) / 60
    for crew_id, visits in day.done.items():
        for visit in visits:
            assert visit.start_s >= day.arrives_s[visit.order_id], crew_id


@pytest.mark.parametrize("seed", range(4))
def test_half_the_orders_come_during_the_day_and_no_appointment_in_its_slot(seed: int) -> None:
    orders = read_rich(generate(40, "tight", seed)).orders
    arrives = day_calls.arrivals(orders, np.random.default_rng(seed))
    assert sum(1 for at in arrives.values() if at) == 20
    for order in orders:
        assert order.due_s is not None
        if order.emergency:
            assert arrives[order.id] == order.opens_s
        elif day_calls.appointed(order):
            assert arrives[order.id] <= order.opens_s
        else:
            assert arrives[order.id] <= order.due_s - 3_600


def test_a_crew_that_nothing_is_planned_for_rests_as_soon_as_it_may() -> None:
    day = planner_day.build(30, 2)
    opens = {crew.id: crew.breaks[0].earliest_s for crew in day.problem.crews}
    idle = replan(day.problem, {})
    for now_s in (min(opens.values()) - 1, max(opens.values())):
        day.plan = idle
        planner_day._set_out(day, now_s)
        due = {crew: at for crew, at in opens.items() if at <= now_s}
        assert day.rested == {crew: at + 2_700 for crew, at in due.items()}


def test_a_crew_that_is_out_rests_before_it_drives_home() -> None:
    day = planner_day.build(30, 2)
    routes = planned(day.problem, 0.02, 1).routes
    number, busy = next((n, route) for n, route in enumerate(routes) if route.visits)
    crew = day.problem.crews[number]
    (rest,) = crew.breaks
    now_s = crew.shift[1] - planner_day.HOMEWARD_S
    day.done[crew.id] = [busy.visits[0]._replace(finish_s=now_s - 600)]
    day.plan = replan(planner_day._question(day, now_s, rolling=False), {})
    assert day.plan.routes[number].travel_s > 0, "it is not at home"
    planner_day._set_out(day, now_s)
    assert day.rested[crew.id] == max(now_s, rest.earliest_s) + rest.duration_s


def test_a_break_needs_room_beside_the_drive() -> None:
    day = planner_day.build(30, 2)
    crew = day.problem.crews[0]
    rest = crew.breaks[0]
    assert day_rules.rests(rest, rest.earliest_s, rest.earliest_s + rest.duration_s + 60, 60)
    assert not day_rules.rests(rest, rest.earliest_s, rest.earliest_s + rest.duration_s, 60)
    assert not day_rules.rests(rest, rest.latest_s + 1, crew.shift[1], 60)


def test_both_ways_plan_as_an_emergency_arrives_and_only_rolling_goes_on_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts: dict[bool, list[set[str]]] = {True: [], False: []}
    for rolling, told in starts.items():
        day = planner_day.build(20, 1)

        def spied(
            problem: Problem,
            seconds: float,
            seed: int,
            *,
            warm_start: Plan | None = None,
            told: list[set[str]] = told,
        ) -> Plan:
            told.append(set(warm_start.crew_of) if warm_start else set())
            return planned(problem, seconds, seed, warm_start=warm_start)

        monkeypatch.setattr(planner_day, "planned", spied)
        planner_day.simulate(day, every_s=18_000, seconds=0.02, seed=0, rolling=rolling)
    day = planner_day.build(20, 1)
    urgent = {order.id for order in day.problem.orders if order.emergency}
    moments = {28_800, 46_800} | {day.arrives_s[name] for name in urgent}
    assert len(starts[True]) == len(starts[False]) == len(moments) > 2
    assert any(urgent & start for start in starts[True])
    assert not any(starts[False])


@pytest.mark.parametrize(("ahead_s", "price"), [(3_600, None), (3_601, policy.FAR_MOVE_S)])
def test_a_move_costs_what_it_costs_the_service(ahead_s: int, price: int | None) -> None:
    problem = planner_day.build(20, 1).problem
    route = next(each for each in planned(problem, 0.02, 1).routes if each.visits)
    visit = route.visits[0]
    order, visits = problem.order_by_id[visit.order_id], {visit.order_id: (route.crew_id, visit)}
    asked = planner_day._published(order, visits, visit.start_s - ahead_s)
    assert (asked.current_crew, asked.move_s) == (route.crew_id, price)
    assert planner_day._published(order, {}, visit.start_s - ahead_s) == order


def test_the_way_home_counts_late_in_the_shift() -> None:
    day = planner_day.build(20, 1)
    crew = day.problem.crews[0]
    from_s = crew.shift[1] - planner_day.HOMEWARD_S
    assert day.crew_now(crew, from_s - 1).end_place is None
    assert day.crew_now(crew, from_s).end_place == crew.end_place is not None


def test_vrooms_window_ends_a_share_of_what_lateness_is_worth_after_the_deadline() -> None:
    order = {"a": 0, "b": 9000, "d": 1000, "w": 0.5, "P": 1000}
    assert [closes(order, slack) for slack in (0.0, 0.5, 1.0, 9.0)] == [1000, 2000, 3000, 9000]
    assert closes({**order, "w": 0.0}, 0.0) == 9000


def test_fresh_instances_span_sizes_and_kinds() -> None:
    instances = list(fresh(6))
    assert [len(each["orders"]) for each in instances] == [50, 50, 75, 75, 100, 100]
    assert [each["name"].endswith("-H") for each in instances] == [False, False, True] * 2


def test_the_mean_is_beside_vrooms_best_level_and_the_worst_beside_the_best_of_eight() -> None:
    rows = [
        {"ratio": 0.5, "ratio_hardest": 0.9, "ratio_by_level": {0: 0.9, 5: 0.5}},
        {"ratio": 2.0, "ratio_hardest": 2.0, "ratio_by_level": {0: 1.6, 5: 2.0}},
    ]
    assert summary(rows) == {
        "geomean": 1.2,
        "geomean_hardest": 1.3416,
        "by_level": {0: 1.2, 5: 1.0},
        "worst": 2.0,
    }


def test_sections_are_measured_one_by_one_and_say_when_and_how(tmp_path: Path) -> None:
    out = tmp_path / "planner.json"
    Record(LIMITS, out).measure("memory", lambda: {"memory_mb": 601.0}, quick=False, seeds=[0, 1])
    record = Record(LIMITS, out)
    record.measure("insert", lambda: {"insert_p99_ms": 3.0}, quick=True, seeds=[0])
    record.measure("memory", lambda: {"memory_mb": 1.0}, quick=True, seeds=[0])
    lines = {line.split()[0]: line for line in record.table().splitlines()[1:]}
    assert lines.keys() == LIMITS.keys()
    assert "601" in lines["memory_mb"] and "MISSED" in lines["memory_mb"]
    assert "2 seeds" in lines["memory_mb"] and "load" in lines["memory_mb"]
    assert lines["insert_p99_ms"].split()[3] == "quick"
    assert lines["city_ratio"].endswith("not measured")
    assert record.told()["missed"] == ["memory_mb"]


def test_a_run_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    asked = Asked(quick=False, seconds=(), seeds=(0,), instances=(), routing=False, data=tmp_path)
    record = Record(LIMITS, tmp_path / "planner.json")
    record.measure("memory", lambda: {"memory_mb": 1.0}, quick=False, seeds=[0])
    assert "memory" not in wanted(asked, record, [], again=False)
    assert wanted(asked, record, ["machine"], again=False) == ["first_answer"]
    assert wanted(asked, record, ["machine"], again=True) == ["first_answer", "memory"]
    record.sources = "others"
    assert set(wanted(asked, record, [], again=False)) == set(SECTIONS)
