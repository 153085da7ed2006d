"""The streets of the demo: their own speeds, known to nobody."""

from dataclasses import replace

import pytest

from app.demo.hidden_speeds import factor_error, hidden_speeds
from routing import CHINA_CITY, ROAD_CLASSES, HourBucket, RoadClass

DAY, PEAK = HourBucket.DAY, HourBucket.MORNING_PEAK


def only(**seconds: float) -> list[float]:
    return [seconds.get(road.value, 0.0) for road in ROAD_CLASSES]


def test_equal_seeds_give_equal_streets() -> None:
    assert hidden_speeds(3) == hidden_speeds(3)
    assert hidden_speeds(3).class_factors != hidden_speeds(4).class_factors


def test_every_class_and_hour_has_a_factor_of_its_own_near_the_prior() -> None:
    true = hidden_speeds(1)
    shares = {
        true.factor(bucket, road) / CHINA_CITY.factor(bucket, road)
        for bucket in HourBucket
        for road in ROAD_CLASSES
    }
    assert len(shares) == len(HourBucket) * len(ROAD_CLASSES)
    assert min(shares) >= 0.7
    assert max(shares) <= 1.2
    assert max(shares) - min(shares) > 0.3


def test_whoever_knows_the_truth_makes_no_error() -> None:
    true = hidden_speeds(1)
    assert factor_error(true, true, {DAY: only(primary=60.0)}) == 0.0


def test_only_what_was_driven_counts_and_by_its_seconds() -> None:
    true = CHINA_CITY
    believed = replace(
        true,
        class_factors={
            DAY: {RoadClass.PRIMARY: 1.2 * true.factor(DAY, RoadClass.PRIMARY)},
            PEAK: {RoadClass.SERVICE: 5.0},
        },
    )
    assert factor_error(believed, true, {DAY: only(primary=60.0)}) == pytest.approx(0.2)
    mixed = {DAY: only(primary=30.0, service=90.0)}
    assert factor_error(believed, true, mixed) == pytest.approx(0.05)


def test_without_a_drive_there_is_no_error_to_tell() -> None:
    assert factor_error(CHINA_CITY, hidden_speeds(1), {}) is None
    assert factor_error(CHINA_CITY, hidden_speeds(1), {DAY: only()}) is None
