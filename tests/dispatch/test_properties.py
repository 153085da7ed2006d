"""Whatever the day looks like, the plan keeps every rule and beats its warm start."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch import (
    UNREACHABLE_S,
    Break,
    Budget,
    Crew,
    Objective,
    Order,
    Problem,
    check,
    replan,
    solve,
)
from tests.dispatch.instances import EIGHT, HOUR, SIXTEEN

BRIEF = Budget(seconds=0.06)
PLACES = 6
TOGETHER = Objective(income_spread_per_mille=700, most_moves=1, spread_per_mille=40)


@st.composite
def orders(draw: Any, number: int) -> Order:
    opens = draw(st.integers(0, 18)) * HOUR
    due_s = draw(st.sampled_from([None, EIGHT, opens]))
    return Order(
        id=f"o{number}",
        place=draw(st.integers(0, PLACES - 1)),
        service_s=draw(st.sampled_from([0, 600, 3600, 7200])),
        priority_penalty=draw(st.sampled_from([0, 3600, 36000])),
        setup_s=draw(st.sampled_from([0, 300])),
        building=draw(st.sampled_from([None, "b1", "b2"])),
        window=draw(st.sampled_from([None, (opens, opens), (opens, opens + 2 * HOUR)])),
        earliest_s=draw(st.sampled_from([0, 9 * HOUR])),
        due_s=due_s,
        late_per_mille=draw(st.sampled_from([0, 333, 5000])),
        waiting_per_mille=draw(st.sampled_from([0, 7, 2000])) if due_s is None else 0,
        skills=draw(st.sampled_from([(), (("A", 1),), (("A", 2), ("B", 1))])),
        crew_size=draw(st.integers(1, 2)),
        area=draw(st.sampled_from([None, "north"])),
        pinned_crew=draw(st.sampled_from([None, None, "c0", "c9"])),
        forbidden_crews=draw(st.sampled_from([frozenset(), frozenset({"c1"})])),
        current_crew=draw(st.sampled_from([None, "c0", "c1"])),
        move_s=draw(st.sampled_from([None, 0, 90])),
        emergency=draw(st.booleans()),
        income=draw(st.sampled_from([0, 500])),
        units=draw(st.integers(0, 2)),
    )


@st.composite
def crews(draw: Any, number: int) -> Crew:
    noon = Break(earliest_s=12 * HOUR, latest_s=13 * HOUR, duration_s=1800)
    tea = Break(earliest_s=9 * HOUR, latest_s=10 * HOUR, duration_s=900)
    return Crew(
        id=f"c{number}",
        start_place=draw(st.integers(0, PLACES - 1)),
        end_place=draw(st.sampled_from([None, 0, 3])),
        shift=(EIGHT, draw(st.sampled_from([13 * HOUR, SIXTEEN]))),
        overtime_s=draw(st.sampled_from([0, HOUR])),
        breaks=draw(st.sampled_from([(), (noon,), (tea, noon)])),
        skills=draw(st.sampled_from([{}, {"A": 1}, {"A": 2, "B": 1}])),
        size=draw(st.integers(1, 2)),
        area_cost=draw(st.sampled_from([{}, {"north": 900}])),
        load_s=draw(st.sampled_from([0, HOUR])),
        available_from_s=draw(st.sampled_from([0, 10 * HOUR, 15 * HOUR, 20 * HOUR])),
        available_at=draw(st.sampled_from([None, 1])),
        in_building=draw(st.sampled_from([None, "b1"])),
        income=draw(st.sampled_from([0, 300])),
        capacity=draw(st.sampled_from([None, 0, 3])),
    )


@st.composite
def problems(draw: Any) -> Problem:
    jobs = [draw(orders(number)) for number in range(draw(st.integers(0, 7)))]
    teams = [draw(crews(number)) for number in range(draw(st.integers(0, 3)))]
    free = [job.id for job in jobs if job.pinned_crew is None and "c0" not in job.forbidden_crews]
    locked = tuple(draw(st.permutations(free))[: draw(st.integers(0, 2))]) if teams else ()
    if locked:
        fields = {name: getattr(teams[0], name) for name in Crew.__dataclass_fields__}
        teams[0] = Crew(**fields | {"locked": locked})
    if teams:
        open_to_all = [name for name in free if name not in locked]
        fields = {name: getattr(teams[0], name) for name in Crew.__dataclass_fields__}
        chain = tuple(draw(st.permutations(open_to_all))[: draw(st.integers(0, 3))])
        teams[0] = Crew(**fields | {"sequence": chain})
    leg = st.integers(0, 5000)
    if not locked and draw(st.booleans()):  # accepted work without a road is refused
        leg = leg | st.just(UNREACHABLE_S)
    legs = draw(st.lists(leg, min_size=PLACES**2, max_size=PLACES**2))
    travel = np.array(legs, dtype=np.int32).reshape(PLACES, PLACES)
    np.fill_diagonal(travel, 0)
    for crew in teams:
        if crew.is_away:  # its way home, too
            home = crew.ready_place, crew.end_place
            travel[home] = min(travel[home], 5000)
    rates = draw(st.sampled_from([Objective(), Objective(spread_per_mille=0, move=0), TOGETHER]))
    return Problem(orders=tuple(jobs), crews=tuple(teams), travel=travel, objective=rates)


MANY = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class TestSolve:
    @MANY
    @given(problems())
    def test_every_plan_passes_the_check(self, question: Problem) -> None:
        plan = solve(question, BRIEF)
        assert check(question, plan) == []

    @MANY
    @given(problems(), st.randoms(use_true_random=False))
    def test_no_plan_is_worse_than_its_warm_start(self, question: Problem, dice: Any) -> None:
        names = [order.id for order in question.orders]
        dice.shuffle(names)
        thrown = {crew.id: names[number::3] for number, crew in enumerate(question.crews)}
        start = replan(question, thrown)
        assert check(question, start) == []
        plan = solve(question, BRIEF, warm_start=start)
        assert check(question, plan) == []
        assert plan.total <= start.total
