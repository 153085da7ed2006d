import numpy as np
import pytest

from routing.engine import EngineFailed
from routing.osrm_wire import read_table
from tests.routing.flat_tables import flat_table

HERE, THERE = (117.0, 36.6, 12.5), (117.01, 36.6, 0.0)


class TestReadTable:
    def test_reads_what_was_written(self) -> None:
        body = flat_table([0, 7.5, 9, 0.25, 3, 4], [HERE, THERE], [HERE, THERE, (117, 36, 301)])
        table = read_table(body, 2, 3)
        assert table.durations_s.tolist() == [[0, 7.5, 9], [0.25, 3, 4]]
        assert table.sources.distance_m.tolist() == [12.5, 0.0]
        assert np.allclose(table.sources.snapped, [HERE[:2], THERE[:2]], atol=1e-5)
        assert table.targets.far.tolist() == [False, False, True]
        assert table.missing.shape == (0, 2)
        assert table.data_version is None

    def test_names_the_cells_without_a_road(self) -> None:
        body = flat_table(
            [0, 5, 5, 0], [HERE, THERE], [HERE, THERE], missing=[0, 1, 1, 0], data_version="v.day"
        )
        table = read_table(body, 2, 2)
        assert table.missing.tolist() == [[0, 1], [1, 0]]
        assert table.data_version == "v.day"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\x08\x00\x00\x00",
            b'{"code":"Ok"}',
            flat_table([0, 5, 5, 0], [HERE, THERE], [HERE]),
            flat_table([0, 5, 5], [HERE, THERE], [HERE, THERE]),
            flat_table([0, -5, 5, 0], [HERE, THERE], [HERE, THERE]),
            flat_table([0, float("nan"), 5, 0], [HERE, THERE], [HERE, THERE]),
            flat_table([0, float("inf"), 5, 0], [HERE, THERE], [HERE, THERE]),
            flat_table([0, 5, 5, 0], [HERE, THERE], [HERE, THERE])[:120],
        ],
    )
    def test_refuses_what_it_cannot_believe(self, body: bytes) -> None:
        with pytest.raises(EngineFailed):
            read_table(body, 2, 2)
