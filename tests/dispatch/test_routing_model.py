"""The OR-Tools model and the exact timing must mean the same by a price and a rule."""

import dataclasses

import pytest

from dispatch import Objective, Problem
from dispatch.fit import candidates
from dispatch.insertion import Tour, build
from dispatch.price import priced_plan
from dispatch.routing_model import RoutingModel
from dispatch.timing import time_route
from tests.dispatch.instances import scattered

FOREVER = 1e18


def with_accepted(question: Problem) -> Problem:
    """The first two crews have accepted an order each; fairness, only estimated, is off."""
    crews = tuple(
        dataclasses.replace(crew, locked=(f"o{number}",)) if number < 2 else crew
        for number, crew in enumerate(question.crews)
    )
    plain = Objective(spread_per_mille=0)
    return dataclasses.replace(question, crews=crews, objective=plain)


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
        assert found.ObjectiveValue() // 1000 == pytest.approx(plan.total - outside, abs=2)
        for crew in question.crews:
            assert tuple(sequences[crew.id][: len(crew.locked)]) == crew.locked

    def test_it_starts_from_the_plan_it_is_given(self) -> None:
        question = with_accepted(scattered(25, 5, 1))
        may = candidates(question)
        start = build(question, may, FOREVER)
        model = RoutingModel(question, may, start, Tour(question, may).routes)
        assert model.sequences(model.search(start, 20, 1, 0)) == {
            crew_id: list(names) for crew_id, names in start.sequences.items()
        }
