"""Where a car is on its way, and what the phone in it says."""

from itertools import pairwise
from random import Random
from statistics import fmean

import pytest

from app.demo.city import Plane, distance_m
from app.demo.journey import Journey, fix_moments, measured

ORIGIN = Plane(117.0, 36.65)
CORNER = (ORIGIN.to_lonlat(0, 0), ORIGIN.to_lonlat(600, 0), ORIGIN.to_lonlat(600, 200))


def test_a_car_follows_its_line_at_one_pace() -> None:
    journey = Journey(CORNER, metres=820.0, taken_s=80.0)
    assert journey.place_at(0) == pytest.approx(CORNER[0])
    assert journey.place_at(80) == pytest.approx(CORNER[2])
    assert distance_m(journey.place_at(30), ORIGIN.to_lonlat(300, 0)) < 0.1
    assert distance_m(journey.place_at(70), ORIGIN.to_lonlat(600, 100)) < 0.1


def test_nobody_is_before_the_start_or_beyond_the_end() -> None:
    journey = Journey(CORNER, metres=800.0, taken_s=80.0)
    assert journey.place_at(-5) == pytest.approx(CORNER[0])
    assert journey.place_at(500) == pytest.approx(CORNER[2])


def test_a_stop_holds_the_car_where_it_is() -> None:
    journey = Journey(CORNER, metres=800.0, taken_s=140.0, stop_at_s=20.0, stop_s=60.0)
    assert journey.share_at(20) == journey.share_at(50) == journey.share_at(80) == 0.25
    assert journey.share_at(100) == 0.5
    assert journey.share_at(140) == 1.0


def test_a_way_of_no_length_is_at_its_end() -> None:
    here = ORIGIN.to_lonlat(0, 0)
    journey = Journey((here, here), metres=0.0, taken_s=20.0)
    assert journey.place_at(0) == journey.place_at(10) == journey.place_at(20) == here


def test_a_phone_measures_about_every_half_minute_and_at_the_end() -> None:
    moments = list(fix_moments(100.0, 250.0, Random(1)))
    assert moments[-1] == 250.0
    assert all(100.0 < moment <= 250.0 for moment in moments)
    gaps = [after - before for before, after in pairwise([100.0, *moments[:-1]])]
    assert all(26.0 <= gap <= 34.0 for gap in gaps)


def test_batches_of_one_drive_follow_each_other_without_a_second_twice() -> None:
    random = Random(2)
    moments = [*fix_moments(0, 140, random), *fix_moments(140, 300, random)]
    assert moments == sorted(set(moments))


def test_a_measured_place_is_some_metres_off_as_its_accuracy_says() -> None:
    random = Random(3)
    place = ORIGIN.to_lonlat(0, 0)
    told = [measured(place, random) for _ in range(2000)]
    assert {accuracy for _, accuracy in told} == set(range(5, 11))
    off = [distance_m(place, fix) / accuracy for fix, accuracy in told]
    assert fmean(each <= 1 for each in off) == pytest.approx(0.68, abs=0.04)
