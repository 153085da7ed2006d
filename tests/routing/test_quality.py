from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.demo.osm_file import write_osm
from app.demo.town import generate_city
from routing import (
    UNREACHABLE_S,
    HourBucket,
    MapReport,
    Matrix,
    OsrmEmbedded,
    Place,
    TriangleExcess,
    import_map,
    triangle_excess,
)
from tests.routing.conftest import HEIDELBERG, MIDDAY, STEADY

SHANGHAI = ZoneInfo("Asia/Shanghai")


def matrix(seconds: list[list[int]]) -> Matrix:
    cells = np.array(seconds, dtype=np.int32)
    none = np.zeros(cells.shape, dtype=bool)
    return Matrix(cells, cells == UNREACHABLE_S, none, "v", HourBucket.DAY)


class TestTriangleExcess:
    def test_finds_a_detour_that_is_quicker_than_the_direct_way(self) -> None:
        found = triangle_excess(matrix([[0, 10, 100], [10, 0, 20], [100, 20, 0]]))
        assert found == TriangleExcess(triples=6, share=2 / 6, p999_s=70, worst_s=70)

    def test_unreachable_pairs_do_not_count(self) -> None:
        lost = UNREACHABLE_S
        found = triangle_excess(matrix([[0, 10, lost], [10, 0, lost], [lost, lost, 0]]))
        assert (found.triples, found.worst_s) == (0, 0)

    def test_wants_a_square(self) -> None:
        with pytest.raises(ValueError, match="square"):
            triangle_excess(matrix([[0, 10]]))


class City:
    """A city with its roads, asked by a hypothesis test again and again."""

    def __init__(self, engine: OsrmEmbedded, places: list[Place]) -> None:
        self.engine = engine
        self.places = places

    async def demand_sound(self, chosen: list[Place]) -> None:
        """Whatever the places: labelled, never negative, zero only where it must be."""
        found = await self.engine.matrix(chosen, chosen, MIDDAY)
        snapped = [near.snapped for near in await self.engine.snap(chosen)]
        assert (found.seconds >= 0).all()
        assert (found.seconds[found.unreachable] == UNREACHABLE_S).all()
        for row, column in np.argwhere(found.seconds == 0):
            apart = np.abs(np.subtract(snapped[row], snapped[column])).max()
            assert apart < 1e-5, (chosen[row], chosen[column])
        assert triangle_excess(found).p999_s <= 60 or len(chosen) < 12


@pytest.fixture(scope="module")
def demo_maps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Place]]:
    folder = tmp_path_factory.mktemp("demo-city")
    drawn = generate_city(7)
    write_osm(drawn, folder / "city.osm.pbf")
    import_map(folder / "city.osm.pbf", folder / "maps", STEADY)
    return folder / "maps", [Place(*building.location) for building in drawn.buildings]


@pytest.fixture
async def demo_city(demo_maps: tuple[Path, list[Place]]) -> AsyncIterator[City]:
    maps_dir, places = demo_maps
    async with OsrmEmbedded(maps_dir, SHANGHAI) as engine:
        yield City(engine, places)


class TestDemoCity:
    @given(st.data())
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    async def test_answers_are_sound_wherever_one_asks(
        self, demo_city: City, data: st.DataObject
    ) -> None:
        west, south = np.min(demo_city.places, axis=0).tolist()
        east, north = np.max(demo_city.places, axis=0).tolist()
        anywhere = st.builds(Place, st.floats(west, east), st.floats(south, north))
        chosen = data.draw(
            st.lists(st.sampled_from(demo_city.places) | anywhere, min_size=2, max_size=20)
        )
        await demo_city.demand_sound(chosen)

    async def test_breaks_the_triangle_inequality_by_seconds_only(self, demo_city: City) -> None:
        places = demo_city.places[::10]
        found = triangle_excess(await demo_city.engine.matrix(places, places, MIDDAY))
        assert found.triples > 1_000_000
        assert found.p999_s <= 60


@pytest.mark.skipif(not HEIDELBERG.exists(), reason=f"no real map at {HEIDELBERG}")
class TestHeidelberg:
    async def test_breaks_the_triangle_inequality_by_seconds_only(
        self, heidelberg_map: MapReport
    ) -> None:
        spread = np.random.default_rng(5).uniform((8.63, 49.37), (8.71, 49.43), (300, 2))
        places = [Place(*pair) for pair in spread.tolist()]
        async with OsrmEmbedded(heidelberg_map.version_dir.parents[1], SHANGHAI) as engine:
            near = await engine.snap(places)
            places = [each.place for each in near if each.distance_m < 50]
            await City(engine, places).demand_sound(places)
            found = triangle_excess(await engine.matrix(places, places, MIDDAY))
        assert found.triples > 500_000
        assert found.p999_s <= 60
