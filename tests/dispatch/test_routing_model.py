"""The OR-Tools model and the exact timing must mean the same by a price and a rule."""

import dataclasses

import pytest

from dispatch import Objective, Problem
from dispatch.insertion import Tour, build
from dispatch.plan import Plan
from dispatch.price import priced_plan
from dispatch.reach import candidates
from dispatch.routing_model import RoutingModel
from dispatch.timing import time_route
from tests.dispatch.instances import HOUR, scattered

FOREVER = 1e18


def with_accepted(question: Problem) -> Problem:
    """The first two crews have accepted an order each, the fourth has only to drive home; fairness,
    only estimated, is off."""
    crews = [
        dataclasses.replace(crew, locked=(f"o{number}",)) if number < 2 else crew
        for number, crew in enumerate(question.crews)
    ]
    crews[3] = dataclasses.replace(crews[3], available_at=20, available_from_s=17 * HOUR)
    plain = Objective(spread_per_mille=0)
    return dataclasses.replace(question, crews=tuple(crews), objective=plain)


class TestRoutingModel:
    @pytest.mark.parametrize("seed", [0, 1, 3])
    def test_its_objective_is_the_price_of_its_routes(self, seed: int) -> None:
        question = with_accepted(scattered(25, 5, seed))
        may = candidates(question)
        start = build(question, may, FOREVER)
        model = RoutingModel(question, may, start, Tour(question, may).routes)
        found = model.search(start, 0.6, None, seed)
        sequences = model.sequences(found)
        routes = [time_route(question, crew, sequences[crew.id]) for crew in question.crews]
        plan = priced_plan(question, [route for route in routes if route is not None])
        assert len(plan.routes) == len(question.crews), "a route breaks a rule"
        hopeless = [order for order in question.orders if not may[order.id]]
        outside = sum(order.priority_penalty for order in hopeless)
        assert plan.routes[3].visits == () and plan.routes[3].travel_s > 0
        assert found.ObjectiveValue() // 1000 == pytest.approx(plan.total - outside, abs=2)
        for crew in question.crews:
            assert tuple(sequences[crew.id][: len(crew.locked)]) == crew.locked

    def test_vehicles_hold_what_they_hold_and_sequences_are_kept(self) -> None:
        question = with_accepted(scattered(25, 5, 1))
        jobs = tuple(dataclasses.replace(order, units=1) for order in question.orders)
        free = dataclasses.replace(question, orders=jobs)
        may = candidates(free)
        most = max(map(len, build(free, may, FOREVER).sequences.values()))
        able = [order.id for order in jobs if 4 in may[order.id]]
        teams = [dataclasses.replace(crew, capacity=most - 1) for crew in free.crews]
        teams[4] = dataclasses.replace(teams[4], sequence=tuple(reversed(able[:3])))
        question = dataclasses.replace(free, crews=tuple(teams))
        may = candidates(question)
        empty = Plan(routes=tuple(Tour(question, may).routes))
        model = RoutingModel(question, may, empty, list(empty.routes))
        sequences = model.sequences(model.search(empty, 20, 40, 0))
        assert all(
            time_route(question, crew, sequences[crew.id]) is not None for crew in question.crews
        )
        assert sum(name in sequences[teams[4].id] for name in teams[4].sequence) > 1
        assert max(map(len, sequences.values())) == most - 1

    def test_it_starts_from_the_plan_it_is_given(self) -> None:
        question = with_accepted(scattered(25, 5, 1))
        may = candidates(question)
        start = build(question, may, FOREVER)
        model = RoutingModel(question, may, start, Tour(question, may).routes)
        assert model.sequences(model.search(start, 20, 1, 0)) == {
            crew_id: list(names) for crew_id, names in start.sequences.items()
        }
