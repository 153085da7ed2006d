"""Timing many variations of one crew's route gives what timing each from nothing gives."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatch import with_order
from dispatch.timing import time_route
from dispatch.variant import Retiming
from tests.dispatch.test_properties import MANY, problems


class TestRetiming:
    @MANY
    @given(problems(), st.randoms(use_true_random=False))
    def test_what_is_known_of_how_a_route_begins_changes_no_timing(
        self, drawn: Any, dice: Any
    ) -> None:
        known, retiming = drawn, Retiming(drawn)
        for _ in range(40 if drawn.orders and drawn.crews else 0):
            team = replace(dice.choice(known.crews), overtime_s=dice.choice([0, 7200]))
            if dice.random() < 0.2:
                team = replace(team, breaks=())
            if dice.random() < 0.2:
                team = replace(team, available_from_s=team.ready_s + 900)
            asked = dice.choice(known.orders)
            if dice.random() < 0.3:
                asked = replace(asked, service_s=dice.choice([0, 600, 3600]))
            others = [each.id for each in known.orders if each.id not in (*team.locked, asked.id)]
            chosen = [name for name in others if dice.random() < 0.7]
            ids = [*team.locked, *chosen]
            if asked.id not in ids and dice.random() < 0.9:  # otherwise it was taken out
                ids.insert(dice.randint(len(team.locked), len(ids)), asked.id)
            known, limits = with_order(known, asked), dice.random() < 0.8
            told = retiming.route(team, ids, asked, limits=limits)
            assert told == time_route(known, team, ids, limits=limits)
