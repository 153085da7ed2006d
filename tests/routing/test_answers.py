import numpy as np
import pytest
from numpy.typing import NDArray

from routing import LEG_SOURCES, UNREACHABLE_S, HourBucket, LegCount, LegSource, Matrix


def matrix(
    seconds: NDArray[np.int32], unreachable: list[list[int]], estimated: list[list[int]]
) -> Matrix:
    return Matrix(
        seconds, np.array(unreachable, bool), np.array(estimated, bool), "v1", HourBucket.DAY
    )


MIXED = np.array([[0, 5, UNREACHABLE_S], [7, 0, 9]], np.int32)


class TestMatrix:
    def test_counts_its_cells_by_source(self) -> None:
        cells = matrix(MIXED, [[0, 0, 1], [0, 0, 0]], [[0, 1, 1], [0, 0, 0]])
        assert cells.count_legs() == LegCount(osrm=4, estimate=1, unreachable=1)

    def test_counts_only_the_legs_that_are_driven(self) -> None:
        cells = matrix(MIXED, [[0, 0, 1], [0, 0, 0]], [[0, 1, 1], [0, 0, 0]])
        driven = cells.count_legs_at(np.array([0, 1]), np.array([1, 2]))
        assert driven == LegCount(osrm=1, estimate=1)

    def test_names_the_source_of_a_cell(self) -> None:
        cells = matrix(MIXED, [[0, 0, 1], [0, 0, 0]], [[0, 1, 0], [0, 0, 0]])
        assert cells.source_of(0, 1) is LegSource.ESTIMATE
        assert cells.source_of(1, 2) is LegSource.OSRM

    def test_refuses_negative_times(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            matrix(np.array([[-1]], np.int32), [[0]], [[0]])

    def test_refuses_an_unreachable_cell_that_looks_near(self) -> None:
        with pytest.raises(ValueError, match="UNREACHABLE_S"):
            matrix(np.array([[0]], np.int32), [[1]], [[0]])

    def test_refuses_masks_of_another_shape(self) -> None:
        with pytest.raises(ValueError, match="shape"):
            matrix(MIXED, [[0]], [[0]])


class TestLegCount:
    def test_adds_up_and_gives_shares_that_sum_to_one(self) -> None:
        count = LegCount(osrm=2) + LegCount(osrm=1, estimate=1)
        assert count.shares() == {"osrm": 0.75, "estimate": 0.25, "unreachable": 0.0}
        assert set(LEG_SOURCES) <= count.shares().keys()

    def test_has_no_shares_of_nothing(self) -> None:
        assert LegCount().shares() == {}
