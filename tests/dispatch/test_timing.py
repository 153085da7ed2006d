"""Where a crew rests: the timing of a route beside every way to put its breaks."""

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatch import Break, Crew, Objective, Order, Problem
from dispatch.price import route_terms
from dispatch.timing import time_route
from tests.dispatch.instances import EIGHT, HOUR, SIXTEEN, crew, order, problem
from tests.dispatch.test_properties import MANY

OVERTIME = 2000
QUARTER = 900


@st.composite
def days(draw: Any) -> Problem:
    """One crew with up to three breaks, and stops with windows and deadlines."""
    rests, after = [], EIGHT
    for _ in range(draw(st.integers(0, 3))):
        earliest = after + QUARTER * draw(st.integers(0, 8))
        latest = earliest + QUARTER * draw(st.integers(0, 12))
        lasts = QUARTER * draw(st.integers(1, 4))
        if earliest + lasts > SIXTEEN:
            break
        rests.append(Break(earliest_s=earliest, latest_s=latest, duration_s=lasts))
        after = latest + lasts
    stops = []
    for number in range(draw(st.integers(1, 5))):
        opens = EIGHT + QUARTER * draw(st.integers(0, 20))
        window = (opens, opens + QUARTER * draw(st.integers(0, 24)))
        due = draw(st.none() | st.integers(EIGHT, EIGHT + 8 * HOUR))
        stops.append(
            order(
                f"o{number}",
                draw(st.integers(0, 60)),
                service_s=QUARTER * draw(st.integers(0, 8)),
                setup_s=300,
                building=draw(st.sampled_from([None, "a", "b"])),
                window=draw(st.none() | st.just(window)),
                due_s=due,
                late_per_mille=0 if due is None else draw(st.sampled_from([1, 500, 5000])),
                waiting_per_mille=draw(st.sampled_from([0, 40])) if due is None else 0,
            )
        )
    home = draw(st.sampled_from([0, 30, None]))
    overtime_s = draw(st.sampled_from([0, 2 * HOUR]))
    team = crew(end_place=home, breaks=tuple(rests), overtime_s=overtime_s)
    rates = Objective(travel_per_mille=1000, overtime_per_mille=OVERTIME, move=0)
    return problem(stops, [team], rates)


def best(day: Problem) -> tuple[int, int] | None:
    """The least price of lateness, waiting and overtime, and the soonest end of such a day."""
    (team,) = day.crews
    ways = combinations_with_replacement(range(len(day.orders) + 1), len(team.owed_breaks))
    ends = [end for gaps in ways for end in driven(day, team, gaps)]
    return min(ends, default=None)


def driven(day: Problem, team: Crew, gaps: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The day with break k in gap `gaps[k]`, if it keeps all rules."""
    place, inside, clock, late = team.ready_place, team.in_building, team.ready_s, 0
    for gap, stop in enumerate([*day.orders, None]):
        here = [rest for rest, at in zip(team.owed_breaks, gaps, strict=True) if at == gap]
        busy, rested = way(day, team, place, inside, stop), clock
        for rest in here:
            begins = max(rested, rest.earliest_s)
            if begins > rest.latest_s:
                return
            rested = begins + rest.duration_s
        clock = max(clock + busy + sum(rest.duration_s for rest in here), rested)
        if stop is None:
            break
        clock = max(clock, stop.opens_s)
        if stop.window is not None and clock > stop.window[1]:
            return
        if stop.due_s is not None:
            late += stop.late_per_mille * max(0, clock - stop.due_s)
        late += stop.waiting_per_mille * (clock - stop.opens_s)
        place, inside, clock = stop.place, stop.building, clock + stop.service_s
    if clock <= team.hard_end_s:
        yield late + OVERTIME * max(0, clock - team.shift[1]), clock


def way(day: Problem, team: Crew, place: int, inside: str | None, stop: Order | None) -> int:
    if stop is None:
        return 0 if team.end_place is None else int(day.travel[place, team.end_place])
    same = stop.building is not None and stop.building == inside
    return int(day.travel[place, stop.place]) + (0 if same else stop.setup_s)


class TestTiming:
    @MANY
    @given(days())
    def test_no_way_to_rest_is_cheaper_or_sooner_over(self, day: Problem) -> None:
        (team,) = day.crews
        route = time_route(day, team, [stop.id for stop in day.orders])
        told = None
        if route is not None:
            price = route_terms(day, team, route)
            told = (price["late"] + price["waiting"] + price["overtime"], route.end_s)
        assert told == best(day)
