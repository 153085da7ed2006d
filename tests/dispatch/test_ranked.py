"""What the filter says of a position, beside the position timed exactly."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dispatch import Insertions, Order, Problem, replan
from dispatch.plan import Route
from dispatch.positions import Ranked
from dispatch.proposal import Ejected, Proposal
from tests.dispatch.test_properties import MANY, problems

ALL = 10**6


def halfway(drawn: Problem, dice: Any) -> Insertions:
    """Some of the orders in a plan, in any order that can be driven."""
    names = [each.id for each in drawn.orders]
    dice.shuffle(names)
    kept = names[: len(names) // 2]
    return Insertions(
        drawn, replan(drawn, {team.id: kept[n::3] for n, team in enumerate(drawn.crews)})
    )


def may(ready: Insertions, number: int, names: list[str]) -> bool:
    """True when neither the crew's own order of visits nor its vehicle excludes the sequence."""
    team, known = ready.problem.crews[number], ready.problem.order_by_id
    asked = [name for name in team.sequence if name in names]
    holds = team.capacity is None or sum(known[name].units for name in names) <= team.capacity
    return asked == [name for name in names if name in team.sequence] and (
        holds or len(names) <= len(team.locked)
    )


def with_order(route: Route, order: Order, gap: int, *, instead: bool = False) -> list[str]:
    names = [visit.order_id for visit in route.visits]
    names[gap : gap + instead] = [order.id]
    return names


def demand_true(ready: Insertions, ranked: Ranked, place: int, exact: Proposal | None) -> None:
    """The bound is one; the estimate is met where no break could be put otherwise."""
    free = not ready.problem.crews[ranked.crew[place]].owed_breaks
    if exact is None:
        return
    assert ranked.bound[place] <= exact.exact_added
    if ranked.likely[place]:
        assert exact.exact_added <= ranked.estimate[place]
    assert ranked.likely[place] or not free
    if free:
        assert exact.exact_added == ranked.estimate[place]


class TestRanked:
    @MANY
    @given(problems(), st.randoms(use_true_random=False))
    def test_gaps_cost_what_they_are_estimated_to(self, drawn: Any, dice: Any) -> None:
        ready = halfway(drawn, dice)
        for order in drawn.orders:
            if order.id in ready.tally.planned:
                continue
            ranked = ready.positions.ranked(order, ready.open_to(order), look=ALL)
            for place, (number, gap) in enumerate(zip(ranked.crew, ranked.gap, strict=True)):
                exact = ready.at(order, number, gap)
                demand_true(ready, ranked, place, exact)
                if exact is None and ranked.likely[place]:
                    assert not may(ready, number, with_order(ready.routes[number], order, gap))

    @MANY
    @given(problems(), st.randoms(use_true_random=False))
    def test_and_so_do_places_that_others_leave(self, drawn: Any, dice: Any) -> None:
        ready = halfway(drawn, dice)
        plain = [  # what the one that leaves costs beside driving and time is not credited
            each.area is None and each.current_crew is None and not each.income
            for each in drawn.orders
        ]
        spot = ready.positions.instead(ready.weights.free & np.array(plain, dtype=np.bool_))
        for order in drawn.orders:
            if order.id in ready.tally.planned:
                continue
            ranked = ready.positions.ranked(order, ready.open_to(order), spot, look=ALL)
            for place, (number, gap) in enumerate(zip(ranked.crew, ranked.gap, strict=True)):
                leaving = ready.routes[number].visits[gap]
                names = with_order(ready.routes[number], order, gap, instead=True)
                route = ready.retiming.route(ready.problem.crews[number], names, order)
                if route is None:
                    assert not ranked.likely[place] or not may(ready, number, names)
                    continue
                out = Ejected(
                    order_id=leaving.order_id,
                    from_crew=route.crew_id,
                    start_before_s=leaving.start_s,
                )
                exact = ready.proposal(order, number, route, out)
                lost = 1000 * ready.problem.order_by_id[leaving.order_id].priority_penalty
                assert ranked.bound[place] + lost <= exact.exact_added
                if ranked.likely[place]:
                    assert exact.exact_added <= ranked.estimate[place] + lost

    @MANY
    @given(problems(), st.randoms(use_true_random=False))
    def test_nothing_is_lacking_where_the_order_fits_and_only_there(
        self, drawn: Any, dice: Any
    ) -> None:
        ready = halfway(drawn, dice)
        for order in drawn.orders:
            if order.id in ready.tally.planned:
                continue
            rows = ready.open_to(order)
            ranked = ready.positions.ranked(order, rows, look=ALL)
            likely = {
                (crew, gap): price
                for crew, gap, price, fits in zip(
                    ranked.crew, ranked.gap, ranked.estimate, ranked.likely, strict=True
                )
                if fits
            }
            short = ready.positions.relaxed(order, rows)
            if short is None:
                assert not likely
                continue
            lacks = short.later_s + short.overtime_s + short.others_s
            told = {
                (int(crew), int(gap)): int(price)
                for crew, gap, price, lack in zip(
                    short.crew, short.gap, short.price, lacks, strict=True
                )
                if not lack
            }
            assert told.keys() == likely.keys()
            for (number, gap), price in likely.items():  # soft overtime is not counted there
                over = ready.problem.crews[number].overtime_s
                assert over or told[number, gap] >= price
