"""Which time an act is given, and what is doubtful about it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.problems import Problem
from app.mobile import letters, notices
from app.mobile.checklists import checklist
from app.mobile.clocks import doubts_of, steady_of
from app.mobile.models import ClockSample
from app.mobile.policy import (
    Limits,
    arrival_proof,
    corrected,
    gaps,
    least_delayed_ms,
    measured_skew_ms,
    steady_time,
)
from app.mobile.rules import DEFAULTS, Rules

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ID = UUID(int=1)
NUMBERS = Rules({name: each.value for name, each in DEFAULTS.items()})
minutes = st.integers(-3000, 3000).map(lambda count: count * MINUTE)


LIMITS = Limits(clock_off=5 * MINUTE, back_dated=10 * MINUTE, future=MINUTE)


def told(client_at: datetime, skew_ms: int | None, earliest: datetime | None) -> Any:
    when = corrected(client_at, skew_ms, earliest, NOW, LIMITS)
    return when.at, when.doubts


class TestCorrected:
    def test_the_skew_is_taken_off(self) -> None:
        assert told(NOW + 2 * MINUTE, 180_000, None) == (NOW - MINUTE, ())

    def test_a_clock_far_off_is_doubtful_even_when_corrected(self) -> None:
        assert told(NOW + 9 * MINUTE, 600_000, None) == (NOW - MINUTE, ("clock_off",))

    def test_the_future_is_now_and_doubtful(self) -> None:
        assert told(NOW + 2 * MINUTE, None, None) == (NOW, ("time_clamped", "future_time"))

    def test_a_few_seconds_of_future_are_no_doubt(self) -> None:
        assert told(NOW + timedelta(seconds=3), 0, None) == (NOW, ())

    def test_an_act_is_not_before_the_one_before_it(self) -> None:
        earliest = NOW - 5 * MINUTE
        assert told(NOW - 9 * MINUTE, 0, earliest) == (earliest, ("time_clamped",))

    def test_an_act_said_long_before_the_one_before_it_is_back_dated(self) -> None:
        earliest = NOW - 5 * MINUTE
        at, doubts = told(NOW - 60 * MINUTE, 0, earliest)
        assert (at, doubts) == (earliest, ("time_clamped", "back_dated"))

    @given(client=minutes, skew=st.integers(-(2**31), 2**31 - 1), before=minutes)
    def test_it_always_lies_between_the_act_before_and_now(
        self, client: timedelta, skew: int, before: timedelta
    ) -> None:
        earliest = NOW + before
        at = corrected(NOW + client, skew, earliest, NOW, LIMITS).at
        assert min(earliest, NOW) <= at <= NOW

    @given(client=minutes, set_by=minutes, ago=st.integers(0, 600))
    def test_by_the_steady_clock_it_matters_not_what_the_phone_showed(
        self, client: timedelta, set_by: timedelta, ago: int
    ) -> None:
        steady_at = steady_time(NOW, 50_000_000, 50_000_000 - ago * 60_000)
        skew_ms = int(set_by.total_seconds() * 1000)
        when = corrected(NOW + client, skew_ms, None, NOW, LIMITS, steady_at)
        assert (when.at, when.doubts) == (NOW - ago * MINUTE, ())


class TestLeastDelayed:
    def test_of_looks_at_one_clock_the_earliest_to_arrive_is_believed(self) -> None:
        late, hour = 20_000, 3_600_000
        assert least_delayed_ms([5_000 - late, 5_000, 5_000 - 2 * late]) == 5_000
        assert least_delayed_ms([5_000, 5_000 - late]) == 5_000
        assert least_delayed_ms([-hour - late, -hour, 0]) == -hour, "before the clock was set"
        assert least_delayed_ms([hour, 0]) == hour

    def test_a_steady_clock_is_read_off_the_look_that_was_least_delayed(self) -> None:
        def look(minutes: int, late_s: int) -> ClockSample:
            at = NOW + minutes * MINUTE
            took = timedelta(seconds=late_s)
            return ClockSample(
                device_id=ID,
                user_id=ID,
                at=at + took,
                device_at=at,
                skew_ms=-late_s * 1000,
                boot_id="boot",
                uptime_ms=minutes * 60_000,
            )

        prompt, slow, hung = look(10, 0), look(20, 30), look(12, 90)
        for looks in ([slow, prompt], [prompt, look(5, 40)], [slow, hung, prompt]):
            assert steady_of(looks, 15 * 60_000, 1.0) == NOW + 15 * MINUTE
        old = look(-60, 0)
        assert steady_of([slow, old], 15 * 60_000, 1.0) == NOW + 15.5 * MINUTE
        assert steady_of([], 0, 1.0) is None
        assert [each.kind for each, _ in doubts_of(prompt, hung, NUMBERS)] == []
        hung.boot_id = "another"
        assert [each.kind for each, _ in doubts_of(prompt, hung, NUMBERS)] == ["clock_jump"]


class TestArrivalProof:
    @pytest.mark.parametrize(
        ("distance_m", "accuracy_m", "mock", "code", "zone_m", "proved"),
        [
            (150, 0, False, False, 150, "place"),
            (151, 0, False, False, 150, None),
            (151, 0, False, True, 150, "code"),
            (10, None, False, False, 150, None),
            (210, 60, False, False, 150, "place"),
            (211, 60, False, False, 150, None),
            (499, 5, False, False, 500, "place"),
            (10, 201, False, False, 150, None),
            (10, 5, True, False, 150, None),
            (None, None, False, False, 150, None),
            (None, None, False, True, 150, "code"),
            (9_000, 5, True, True, 150, "code"),
        ],
    )
    def test_a_circle_that_touches_the_geofence_or_a_code_proves_it(
        self,
        distance_m: int | None,
        accuracy_m: float | None,
        mock: bool,
        code: bool,
        zone_m: int,
        proved: str | None,
    ) -> None:
        proof = arrival_proof(
            distance_m=distance_m,
            accuracy_m=accuracy_m,
            mock=mock,
            code_fits=code,
            geofence_m=zone_m,
            worst_accuracy_m=200,
            code_elsewhere_m=2_000,
        )
        assert proof.proved == proved
        assert proof.code_elsewhere is (code and (distance_m or 0) > 2_000)


class TestGaps:
    @given(last=st.integers(0, 50), came=st.sets(st.integers(1, 90), max_size=30))
    def test_they_are_all_that_is_missing_below_what_came(self, last: int, came: set[int]) -> None:
        top = max(came, default=0)
        missing = [seq for first, end in gaps(last, came) for seq in range(first, end + 1)]
        assert missing == [seq for seq in range(last + 1, top) if seq not in came][: len(missing)]
        assert len(gaps(last, came)) <= 20


class TestWords:
    def test_no_text_says_that_measures_suffice(self) -> None:
        promises = ("充分", "足够", "确保安全", "可以安全", "sufficient", "safe to work")
        texts = [
            point
            for level in (2, 3, 4)
            for domain in ("heat", "power")
            for point in checklist(domain, level)
        ]
        texts += [*notices.TEXTS.values(), *letters.NAMES.values()]
        texts += [text for each in Problem.__subclasses__() for text in (each.title, each.action)]
        said = [text for text in texts for word in promises if word in text.zh + text.en.lower()]
        assert said == []


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
