"""Which time an act is given, and what is doubtful about it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.mobile.checklists import checklist
from app.mobile.policy import corrected, measured_skew_ms

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
minutes = st.integers(-3000, 3000).map(lambda count: count * MINUTE)


class TestCorrected:
    def test_the_skew_is_taken_off(self) -> None:
        when = corrected(NOW + 2 * MINUTE, 180_000, None, NOW)
        assert when == (NOW - MINUTE, ())

    def test_a_clock_far_off_is_doubtful_even_when_corrected(self) -> None:
        assert corrected(NOW + 9 * MINUTE, 600_000, None, NOW) == (NOW - MINUTE, ("clock_off",))

    def test_the_future_is_now_and_doubtful(self) -> None:
        assert corrected(NOW + 2 * MINUTE, None, None, NOW) == (NOW, ("time_clamped",))

    def test_a_few_seconds_of_future_are_no_doubt(self) -> None:
        assert corrected(NOW + timedelta(seconds=3), 0, None, NOW) == (NOW, ())

    def test_an_act_is_not_before_the_one_before_it(self) -> None:
        earliest = NOW - 5 * MINUTE
        assert corrected(NOW - 60 * MINUTE, 0, earliest, NOW) == (earliest, ("time_clamped",))

    @given(client=minutes, skew=st.integers(-(2**31), 2**31 - 1), before=minutes)
    def test_it_always_lies_between_the_act_before_and_now(
        self, client: timedelta, skew: int, before: timedelta
    ) -> None:
        earliest = NOW + before
        at = corrected(NOW + client, skew, earliest, NOW).at
        assert min(earliest, NOW) <= at <= NOW


class TestMeasuredSkew:
    def test_a_clock_ahead_has_positive_skew(self) -> None:
        assert measured_skew_ms(NOW + MINUTE, NOW) == 60_000

    def test_an_absurd_clock_still_fits_the_column(self) -> None:
        assert measured_skew_ms(datetime(1970, 1, 1, tzinfo=UTC), NOW) == -(2**31)


class TestChecklist:
    def test_each_level_asks_for_at_least_what_the_lower_one_asks(self) -> None:
        for domain in ("heat", "power"):
            levels = [set(checklist(domain, level)) for level in (1, 2, 3, 4)]
            assert levels[0] == set()
            assert all(low < high for low, high in pairwise(levels))
