"""A route that is only supposed leaves no trace."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import Insertions, propose, replan
from dispatch.gaps import SPARE, Gaps
from tests.dispatch.instances import crew, order, problem
from tests.dispatch.test_properties import MANY, problems


def arrays(gaps: Gaps) -> list[Any]:
    names = ("sums", "floors", "latest_s", "latest_bound_s", "free_bound_s", "late_ahead")
    kept = [gaps.split, gaps.split_after, gaps.splits, *(getattr(gaps, name) for name in names)]
    return [each.copy() for each in (*gaps.cell.values(), *kept)]


def demand_no_trace(ready: Insertions, name: str) -> None:
    """Suppose each proposal's route in turn; all is as it was, and is asked as it was."""
    asked = ready.asked.order_by_id[name]
    told, before = propose(ready, asked), arrays(ready.positions.gaps)
    tally = ready.tally
    price, routes, lost = tally.price(0), list(ready.routes), tally.lost.copy()
    spreads = tally.spread, tally.income_spread
    for proposal in told:
        with ready.supposing(proposal.route):
            assert ready.tally.planned[name] == proposal.crew_id
            assert ready.routes != routes
        for now, was in zip(arrays(ready.positions.gaps), before, strict=True):
            np.testing.assert_array_equal(now[..., : was.shape[-1]], was)  # they may have grown
        assert (ready.tally.price(0), ready.routes) == (price, routes)
        assert spreads == (tally.spread, tally.income_spread)  # the very same
        assert tally.lost == lost and name not in tally.planned
    assert propose(ready, asked) == told


class TestSupposing:
    @MANY
    @given(problems(), st.randoms(use_true_random=False))
    def test_it_leaves_no_trace(self, drawn: Any, dice: Any) -> None:
        names = [each.id for each in drawn.orders]
        dice.shuffle(names)
        kept = names[: 2 * len(names) // 3]
        plan = replan(drawn, {team.id: kept[n::3] for n, team in enumerate(drawn.crews)})
        for name in plan.unassigned:
            demand_no_trace(Insertions(drawn, plan), name)

    @pytest.mark.parametrize("more", [SPARE - 1, SPARE, SPARE + 1])
    def test_nor_does_one_that_fills_the_arrays_or_outgrows_them(self, more: int) -> None:
        jobs = [order(f"o{n}", 10, service_s=60) for n in range(more + 1)]
        day = problem(jobs, [crew(end_place=None)])
        ready = Insertions(day, replan(day, {"c1": []}))
        for job in jobs[:-1]:
            ready.drive(propose(ready, job)[0].route)
        demand_no_trace(ready, jobs[-1].id)
