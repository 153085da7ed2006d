import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from routing import CHINA_CITY, Estimate, HourBucket, MatrixCache, Place, Traffic
from routing.matrix_cache import answer_matrix
from routing.osrm_roads import Dataset
from routing.osrm_wire import RoadEnds, RoadTable
from routing.places import straight_m
from tests.routing.conftest import MIDDAY

RANDOM = np.random.default_rng(3)
PLACES = [Place(*pair) for pair in RANDOM.uniform((117.0, 36.6), (117.1, 36.7), (40, 2)).tolist()]


class Roads:
    """A server whose roads are straight; it counts the cells that it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    async def table(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> RoadTable:
        self.asked.append((len(rows), len(columns)))
        seconds = (straight_m(rows, columns) / 8).astype(np.float32)
        # A hundredth east is a river: nobody comes over it from the west.
        lost = np.argwhere((rows[:, None, 0] < 117.01) & (columns[None, :, 0] >= 117.09))
        ends = [
            RoadEnds(each.astype(np.float32), np.full(len(each), 5.0, np.float32))
            for each in (rows, columns)
        ]
        return RoadTable(seconds, lost, ends[0], ends[1], None)


def dataset(roads: Roads, version: str = "v1", bucket: HourBucket = HourBucket.DAY) -> Dataset:
    traffic = Traffic(CHINA_CITY, ZoneInfo("Asia/Shanghai"))
    return Dataset(roads, version, bucket, MIDDAY, 1.0, Estimate(traffic), 1000)  # type: ignore[arg-type]


async def demand_equal(cache: MatrixCache, roads: Roads, places: Sequence[Place]) -> None:
    data = dataset(roads)
    remembered = await answer_matrix(data, places, places, cache)
    plain = await answer_matrix(dataset(Roads()), places, places, None)
    assert (remembered.seconds == plain.seconds).all()
    assert (remembered.unreachable == plain.unreachable).all()
    assert (remembered.estimated == plain.estimated).all()


class TestCells:
    async def test_the_same_places_are_asked_once(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        await demand_equal(cache, roads, PLACES)
        await demand_equal(cache, roads, PLACES)
        await demand_equal(cache, roads, list(reversed(PLACES)))
        assert roads.asked == [(40, 40)]

    async def test_new_places_cost_their_rows_and_their_columns(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        await demand_equal(cache, roads, PLACES[:35])
        await demand_equal(cache, roads, PLACES[3:])
        assert roads.asked == [(35, 35), (5, 37), (32, 5)]

    async def test_places_that_left_cost_nothing(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        await demand_equal(cache, roads, PLACES)
        await demand_equal(cache, roads, PLACES[10:30])
        assert roads.asked == [(40, 40)]

    async def test_a_place_named_twice_is_asked_once(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        await demand_equal(cache, roads, [*PLACES[:4], *PLACES[:4]])
        assert roads.asked == [(4, 4)]

    async def test_places_a_metre_apart_are_two(self, tmp_path: Path) -> None:
        cache, near = (
            MatrixCache(tmp_path, smallest=1),
            PLACES[0]._replace(lon=PLACES[0].lon + 1e-5),
        )
        matrix = await answer_matrix(dataset(Roads()), [PLACES[0], near], [PLACES[0], near], cache)
        assert matrix.seconds.tolist() == [[0, 1], [1, 0]]

    async def test_foreign_places_are_asked_whole(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        await demand_equal(cache, roads, PLACES[:20])
        await demand_equal(cache, roads, PLACES[15:])
        assert roads.asked == [(20, 20), (25, 25)]

    async def test_another_map_or_hour_is_another_memory(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        for data in (
            dataset(roads),
            dataset(roads, version="v2"),
            dataset(roads, bucket=HourBucket.NIGHT),
        ):
            await answer_matrix(data, PLACES, PLACES, cache)
        assert roads.asked == [(40, 40)] * 3

    async def test_two_workers_share_it(self, tmp_path: Path) -> None:
        roads = Roads()
        await demand_equal(MatrixCache(tmp_path, smallest=1), roads, PLACES)
        await demand_equal(MatrixCache(tmp_path, smallest=1), roads, PLACES)
        assert roads.asked == [(40, 40)]

    async def test_an_oblong_matrix_passes_by(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        await answer_matrix(dataset(roads), PLACES[:2], PLACES, cache)
        assert roads.asked == [(2, 40)]
        assert list(tmp_path.iterdir()) == []

    async def test_few_places_are_not_worth_remembering(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path)
        await demand_equal(cache, roads, PLACES)
        await demand_equal(cache, roads, PLACES)
        assert roads.asked == [(40, 40)] * 2
        assert list(tmp_path.iterdir()) == []

    async def test_many_ask_at_once(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, max_bytes=20_000, smallest=1)
        sets = [PLACES[start : start + 20] for start in range(20)] * 3
        await asyncio.gather(*(demand_equal(cache, roads, each) for each in sets))
        assert sum(path.stat().st_size for path in sheets(tmp_path)) <= 20_000

    async def test_no_places_are_no_question(self, tmp_path: Path) -> None:
        roads = Roads()
        await demand_equal(MatrixCache(tmp_path, smallest=1), roads, [])
        assert roads.asked == []


def sheets(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.sheet"), key=lambda path: path.stat().st_mtime_ns)


class TestFiles:
    async def test_a_grown_sheet_replaces_the_one_it_grew_from(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        for end in (30, 33, 36, 40):
            await demand_equal(cache, roads, PLACES[:end])
        assert len(sheets(tmp_path)) == 1

    async def test_what_was_used_longest_ago_goes_first(self, tmp_path: Path) -> None:
        roads, cache = (
            Roads(),
            MatrixCache(tmp_path, max_bytes=8_000, smallest=1),
        )  # one sheet of 20 is 2.9 kB
        blocks = [[Place(p.lon + k, p.lat) for p in PLACES[:20]] for k in range(3)]
        for age, block in enumerate(blocks):
            await demand_equal(cache, roads, block)
            for path in sheets(tmp_path)[-1:]:
                at = (MIDDAY + timedelta(minutes=age)).timestamp()
                os.utime(path, (at, at))
        assert len(sheets(tmp_path)) == 2
        asked = len(roads.asked)
        await demand_equal(cache, roads, blocks[1])
        await demand_equal(cache, roads, blocks[2])
        assert len(roads.asked) == asked
        await demand_equal(cache, roads, blocks[0])
        assert len(roads.asked) == asked + 1

    @pytest.mark.parametrize("left", [0, 100, 3_000])
    async def test_a_damaged_sheet_is_asked_anew(self, tmp_path: Path, left: int) -> None:
        roads = Roads()
        await demand_equal(MatrixCache(tmp_path, smallest=1), roads, PLACES)
        (path,) = sheets(tmp_path)
        path.write_bytes(path.read_bytes()[:left])
        await demand_equal(MatrixCache(tmp_path, smallest=1), roads, PLACES)
        assert roads.asked == [(40, 40)] * 2

    async def test_a_disk_that_is_full_leaves_nothing_half_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("routing.matrix_cache.np.save", full)
        await demand_equal(MatrixCache(tmp_path, smallest=1), Roads(), PLACES)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    async def test_what_a_killed_worker_left_is_cleared_away(self, tmp_path: Path) -> None:
        shelf = tmp_path / "v1.day"
        shelf.mkdir()
        (shelf / ".fresh-abc").write_bytes(bytes(50_000))
        os.utime(shelf / ".fresh-abc", (0, 0))
        cache = MatrixCache(tmp_path, max_bytes=20_000, smallest=1)
        await demand_equal(cache, Roads(), PLACES)
        assert not (shelf / ".fresh-abc").exists()
        assert len(sheets(tmp_path)) == 1

    @pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "", "a/b", "x" * 300])
    async def test_a_map_may_be_called_anything(self, tmp_path: Path, name: str) -> None:
        folder = tmp_path / "here" / "cache"
        await answer_matrix(
            dataset(Roads(), version=name), PLACES, PLACES, MatrixCache(folder, smallest=1)
        )
        (found,) = sheets(tmp_path)
        assert found.parent.parent == folder

    async def test_times_that_were_divided_are_another_memory(self, tmp_path: Path) -> None:
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        for factor in (1.0, 0.9):
            data = replace(dataset(roads), factor=factor)
            await answer_matrix(data, PLACES, PLACES, cache)
        assert roads.asked == [(40, 40)] * 2

    async def test_a_folder_that_cannot_be_written_costs_only_the_memory(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "v1.day").write_text("in the way")
        roads, cache = Roads(), MatrixCache(tmp_path, smallest=1)
        await demand_equal(cache, roads, PLACES)
        await demand_equal(cache, roads, PLACES)
        assert roads.asked == [(40, 40)] * 2
        assert sheets(tmp_path) == []
