import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import Datum, from_wgs84, in_china_box, to_wgs84

METRES_PER_DEGREE = 111_320.0
SHIFTED = [Datum.GCJ02, Datum.BD09]


class TestFromWgs84:
    @pytest.mark.parametrize(
        ("wgs84", "gcj02"),
        [
            ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
            ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
            ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
        ],
    )
    def test_gives_the_published_gcj02_pairs(
        self, wgs84: tuple[float, float], gcj02: tuple[float, float]
    ) -> None:
        assert np.allclose(from_wgs84(*wgs84, Datum.GCJ02), gcj02, rtol=0, atol=1e-9)

    def test_gives_the_published_bd09_pair(self) -> None:
        wgs84 = to_wgs84(116.404, 39.915, Datum.GCJ02)
        expected = (116.41036949371029, 39.92133699351021)
        assert np.allclose(from_wgs84(*wgs84, Datum.BD09), expected, rtol=0, atol=5e-9)

    def test_moves_places_in_cities_by_hundreds_of_metres(self) -> None:
        lon, lat = from_wgs84(117.0, 36.65, Datum.GCJ02)
        moved_m = float(np.hypot((lon - 117.0) * 0.8, lat - 36.65)) * METRES_PER_DEGREE
        assert 100 < moved_m < 700


class TestToWgs84:
    @pytest.mark.parametrize(("datum", "within_m"), [(Datum.GCJ02, 0.001), (Datum.BD09, 0.02)])
    def test_comes_back_over_all_of_china(self, datum: Datum, within_m: float) -> None:
        draw = np.random.default_rng(5)
        lon, lat = draw.uniform(73.5, 134.8, 100_000), draw.uniform(18.2, 53.5, 100_000)
        back = to_wgs84(*from_wgs84(lon, lat, datum), datum)
        off_m = np.hypot(back[0] - lon, back[1] - lat) * METRES_PER_DEGREE
        assert off_m.max() < within_m

    @given(lon=st.floats(73.0, 137.0), lat=st.floats(1.5, 55.0), datum=st.sampled_from(list(Datum)))
    def test_comes_back_for_any_single_place(self, lon: float, lat: float, datum: Datum) -> None:
        back = to_wgs84(*from_wgs84(lon, lat, datum), datum)
        assert np.hypot(back[0] - lon, back[1] - lat) * METRES_PER_DEGREE < 0.02

    @given(
        place=st.tuples(st.floats(-180, 180), st.floats(-90, 90)).filter(
            lambda pair: not in_china_box(*pair)
        ),
        datum=st.sampled_from(list(Datum)),
    )
    def test_leaves_places_outside_china_alone(
        self, place: tuple[float, float], datum: Datum
    ) -> None:
        assert tuple(map(float, to_wgs84(*place, datum))) == place
        assert tuple(map(float, from_wgs84(*place, datum))) == place

    @pytest.mark.parametrize("datum", SHIFTED)
    def test_keeps_the_shape_of_arrays_and_treats_each_point_alone(self, datum: Datum) -> None:
        lon, lat = np.array([[117.0, 8.7]]), np.array([[36.6, 49.4]])
        moved_lon, moved_lat = to_wgs84(lon, lat, datum)
        assert moved_lon.shape == moved_lat.shape == (1, 2)
        assert moved_lon[0, 0] != 117.0
        assert moved_lon[0, 1] == 8.7

    def test_returns_wgs84_as_it_came(self) -> None:
        assert tuple(map(float, to_wgs84(117.0, 36.6, Datum.WGS84))) == (117.0, 36.6)
