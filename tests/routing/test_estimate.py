from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import CHINA_CITY, Estimate, HourBucket, LegSource, Place, Traffic
from tests.routing.conftest import MIDDAY

places = st.builds(Place, st.floats(116.5, 117.5), st.floats(36.3, 37.0))


def shanghai(hour: int) -> datetime:
    """Give a departure at a Shanghai hour (UTC+8, no summer time)."""
    return datetime(2026, 1, 12, (hour - 8) % 24, 30, tzinfo=UTC)


class TestMatrix:
    async def test_follows_the_fitted_power_law(self, traffic: Traffic) -> None:
        ten_km_north = Place(117.0, 36.6 + 10_000 / 111_195)
        matrix = await Estimate(traffic).matrix([Place(117.0, 36.6)], [ten_km_north], MIDDAY)
        assert matrix.seconds[0, 0] == pytest.approx(1.17 * 10_000**0.77 / 0.90, abs=2)

    @pytest.mark.parametrize(
        ("hour", "bucket", "factor"),
        [
            (3, HourBucket.NIGHT, 1.25),
            (23, HourBucket.NIGHT, 1.25),
            (7, HourBucket.MORNING_PEAK, 0.70),
            (9, HourBucket.DAY, 0.90),
            (18, HourBucket.EVENING_PEAK, 0.65),
        ],
    )
    async def test_divides_by_the_factor_of_the_local_hour(
        self, traffic: Traffic, hour: int, bucket: HourBucket, factor: float
    ) -> None:
        here, there = Place(117.0, 36.6), Place(117.1, 36.7)
        calm = replace(CHINA_CITY, factors=dict.fromkeys(HourBucket, 1.0))
        free = await Estimate(Traffic(calm, traffic.zone)).matrix([here], [there], MIDDAY)
        matrix = await Estimate(traffic).matrix([here], [there], shanghai(hour))
        assert matrix.hour_bucket is bucket
        assert matrix.seconds[0, 0] == pytest.approx(free.seconds[0, 0] / factor, abs=1)

    @given(here=places, there=places)
    async def test_is_symmetric_labelled_and_zero_only_at_home(
        self, here: Place, there: Place
    ) -> None:
        matrix = await Estimate(Traffic(CHINA_CITY, UTC)).matrix(
            [here, there], [here, there], MIDDAY
        )
        assert matrix.seconds[0, 1] == matrix.seconds[1, 0]
        assert (matrix.seconds[0, 1] == 0) == (here == there)
        assert matrix.seconds[0, 0] == 0
        assert matrix.estimated.all()
        assert not matrix.unreachable.any()

    @given(here=places, there=places, share=st.floats(0.1, 0.9))
    async def test_grows_with_distance(self, here: Place, there: Place, share: float) -> None:
        between = Place(
            here.lon + share * (there.lon - here.lon), here.lat + share * (there.lat - here.lat)
        )
        matrix = await Estimate(Traffic(CHINA_CITY, UTC)).matrix([here], [between, there], MIDDAY)
        assert matrix.seconds[0, 0] <= matrix.seconds[0, 1]

    async def test_refuses_a_time_without_offset(self, traffic: Traffic) -> None:
        naive = MIDDAY.replace(tzinfo=None)
        with pytest.raises(ValueError, match="offset"):
            await Estimate(traffic).matrix([Place(117, 36)], [Place(117, 36)], naive)

    @pytest.mark.parametrize("bad", [Place(36.6, 117.0), Place(float("nan"), 36.6)])
    async def test_refuses_places_that_are_not_on_the_earth(
        self, traffic: Traffic, bad: Place
    ) -> None:
        with pytest.raises(ValueError, match="not on the earth"):
            await Estimate(traffic).matrix([bad], [Place(117, 36)], MIDDAY)

    async def test_gives_an_empty_matrix_for_no_places(self, traffic: Traffic) -> None:
        matrix = await Estimate(traffic).matrix([], [Place(117, 36)], MIDDAY)
        assert matrix.seconds.shape == (0, 1)

    async def test_cannot_be_changed_afterwards(self, traffic: Traffic) -> None:
        matrix = await Estimate(traffic).matrix([Place(117, 36)], [Place(117, 37)], MIDDAY)
        with pytest.raises(ValueError, match="read-only"):
            matrix.seconds[0, 0] = np.int32(1)


class TestRoute:
    async def test_adds_up_its_legs(self, traffic: Traffic) -> None:
        stops = [Place(117.0, 36.6), Place(117.1, 36.6), Place(117.1, 36.7)]
        route = await Estimate(traffic).route(stops, MIDDAY)
        assert route.seconds == sum(route.legs_s)
        assert len(route.legs_s) == 2
        assert route.metres == pytest.approx(8_927 + 11_119, rel=0.01)
        assert route.source is LegSource.ESTIMATE
        assert route.geometry == tuple(stops)


class TestSnap:
    async def test_stays_where_it_is(self, traffic: Traffic) -> None:
        (snap,) = await Estimate(traffic).snap([Place(117.0, 36.6)])
        assert (snap.snapped, snap.distance_m, snap.far) == (snap.place, 0.0, False)


class TestSpeedProfile:
    def test_says_where_every_number_comes_from(self) -> None:
        numbers = {"coefficient", "exponent", "factors", "hours", "speeds_kmh"}
        assert set(CHINA_CITY.provenance) == numbers

    def test_refuses_a_missing_hour_bucket(self) -> None:
        with pytest.raises(ValueError, match="every hour bucket"):
            replace(CHINA_CITY, factors={HourBucket.DAY: 1.0})
