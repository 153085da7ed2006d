"""What unequal totals cost when some change, beside the sum over all crews in `price`."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dispatch import Objective
from dispatch.apart import Apart
from dispatch.price import spread_price
from tests.dispatch.instances import problem
from tests.dispatch.test_properties import MANY

TOTALS = st.lists(
    st.integers(0, 40) | st.integers(0, 40_000), min_size=1, max_size=12
)  # few values lie close together, so that means pass several of them
MORE = st.integers(-60, 60) | st.integers(-9_000, 20_000)


def price(totals: Any, rate: int) -> int:
    return spread_price(problem([], objective=Objective(spread_per_mille=rate)), list(totals))


class TestApart:
    @MANY
    @given(TOTALS, st.sampled_from([0, 1, 100, 1000, 1700]), st.data())
    def test_every_change_costs_what_the_whole_sum_says(
        self, totals: list[int], rate: int, data: Any
    ) -> None:
        asked = Apart(np.array(totals, dtype=np.int64), rate)
        assert asked.price == price(totals, rate)
        rows = data.draw(st.lists(st.integers(0, len(totals) - 1), min_size=1, unique=True))
        wide = data.draw(st.integers(1, 9))
        more = np.array([[data.draw(MORE) for _ in range(wide)] for _ in rows], dtype=np.int64)
        given_before = more.copy()
        told = asked.changes(np.array(rows, dtype=np.intp), more)
        assert (more == given_before).all()
        for row, number in enumerate(rows):
            for column in range(wide):
                grown = list(totals)
                grown[number] += int(more[row, column])
                now = price(grown, rate) - asked.price
                assert told[row, column] == now
                assert asked.change_to({number: grown[number]}) == now

    @MANY
    @given(TOTALS, st.data())
    def test_several_crews_change_at_once_or_none_does(self, totals: list[int], data: Any) -> None:
        asked = Apart(np.array(totals, dtype=np.int64), 300)
        some = st.dictionaries(st.integers(0, len(totals) - 1), st.integers(0, 40_000))
        changed = data.draw(some)
        now = [changed.get(number, total) for number, total in enumerate(totals)]
        assert asked.change_to(changed) == price(now, 300) - asked.price
        assert asked.with_totals(changed).price == price(now, 300)
        assert asked.price == price(totals, 300)

    def test_no_crews_cost_nothing(self) -> None:
        assert Apart(np.zeros(0, dtype=np.int64), 100).price == 0
