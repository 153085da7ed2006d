"""The speeds, classes and permissions of the datasets that our Lua profiles build."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from routing import (
    CHINA_CITY,
    EBIKE,
    HourBucket,
    MapRefused,
    MapRefusedCode,
    MapReport,
    Place,
    RoadClass,
    SpeedProfile,
    import_map,
)
from routing.map_lua import built_for, speeds_lua
from tests.routing.drives import Drive, drives, must_drive
from tests.routing.grid_city import Drawing

STREETS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "motorway": {"highway": "motorway", "oneway": "no"},
        "trunk": {"highway": "trunk"},
        "kuaisulu": {"highway": "trunk", "motorroad": "yes"},
        "primary": {"highway": "primary"},
        "slip": {"highway": "primary_link"},
        "limited": {"highway": "primary", "maxspeed": "30"},
        "unlimited": {"highway": "primary", "maxspeed": "90"},
        "signals": {"highway": "primary", "note": "lights"},
        "oneway": {"highway": "primary", "oneway": "yes"},
        "lane": {"highway": "primary", "cycleway": "lane"},
        "tertiary": {"highway": "tertiary"},
        "unclassified": {"highway": "unclassified"},
        "living": {"highway": "living_street"},
        "service": {"highway": "service"},
        "cycleway": {"highway": "cycleway"},
        "footway": {"highway": "footway", "foot": "yes"},
        "path": {"highway": "path"},
        "greenway": {"highway": "path", "bicycle": "designated"},
    }
)
"""Streets of 1 km, side by side, each going north from one residential street."""


def at(name: str, north: float) -> Place:
    """Give a place on a street; `north` is 0 at its foot and 1 at its end."""
    return Place(round(117.0 + 0.01 * list(STREETS).index(name), 7), round(36.6 + 0.009 * north, 7))


def comb_city() -> str:
    drawing = Drawing()
    feet = [drawing.node(at(name, 0)) for name in STREETS]
    drawing.way(feet, highway="residential")
    for foot, (name, tags) in zip(feet, STREETS.items(), strict=True):
        middle = drawing.node(
            at(name, 0.5), **({"highway": "traffic_signals"} if name == "signals" else {})
        )
        drawing.way([foot, middle, drawing.node(at(name, 1))], **tags)
    return drawing.xml()


@pytest.fixture(scope="module")
def comb_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comb") / "comb.osm"
    path.write_text(comb_city(), "utf-8")
    return path


FACTORS = {bucket: 2.0 if bucket is HourBucket.NIGHT else 0.5 for bucket in HourBucket}
LEARNT = {HourBucket.NIGHT: {RoadClass.SERVICE: 1.0}}


@pytest.fixture(scope="module")
def car(comb_file: Path, tmp_path_factory: pytest.TempPathFactory) -> MapReport:
    profile = replace(CHINA_CITY, factors=FACTORS, class_factors=LEARNT)
    return import_map(comb_file, tmp_path_factory.mktemp("car"), profile, small_part_nodes=1)


@pytest.fixture(scope="module")
def ebike(comb_file: Path, tmp_path_factory: pytest.TempPathFactory) -> MapReport:
    profile = replace(EBIKE, factors=FACTORS, class_factors=LEARNT)
    return import_map(comb_file, tmp_path_factory.mktemp("ebike"), profile, small_part_nodes=1)


def on_each_street(report: MapReport, bucket: HourBucket) -> dict[str, Drive]:
    """Drive 800 m up each street."""
    folder = report.version_dir / bucket
    found = must_drive([(folder, at(name, 0.1), at(name, 0.9)) for name in STREETS])
    return dict(zip(STREETS, found, strict=True))


class TestCar:
    def test_drives_at_the_speed_of_class_and_hour(self, car: MapReport) -> None:
        day = on_each_street(car, HourBucket.DAY)
        expected = {
            "motorway": 40, "trunk": 30, "kuaisulu": 30, "primary": 19, "slip": 19 * 0.62,
            "tertiary": 13, "unclassified": 9.9, "living": 4.95, "service": 5, "lane": 19,
        }  # fmt: skip
        assert {name: day[name].kmh for name in expected} == pytest.approx(expected, rel=0.01)

    def test_takes_a_limit_as_a_ceiling(self, car: MapReport) -> None:
        day, night = (on_each_street(car, hour) for hour in (HourBucket.DAY, HourBucket.NIGHT))
        assert day["limited"].kmh == pytest.approx(30 * 0.65 * 0.5, rel=0.01)
        assert night["limited"].kmh == pytest.approx(30, rel=0.01)  # twice 19.5 would break the law
        assert day["unlimited"].kmh == day["primary"].kmh

    def test_obeys_what_was_learnt_of_one_class(self, car: MapReport) -> None:
        night = on_each_street(car, HourBucket.NIGHT)
        assert night["service"].kmh == pytest.approx(10, rel=0.01)
        assert night["primary"].kmh == pytest.approx(76, rel=0.01)

    def test_counts_signals_once(self, car: MapReport) -> None:
        day = on_each_street(car, HourBucket.DAY)
        assert day["signals"].seconds == pytest.approx(day["primary"].seconds, abs=0.2)

    def test_tells_exactly_one_class_of_each_road(self, car: MapReport) -> None:
        day = on_each_street(car, HourBucket.DAY)
        expected = {
            "motorway": "motorway", "kuaisulu": "trunk", "slip": "primary", "tertiary": "tertiary",
            "unclassified": "residential", "living": "residential", "service": "service",
        }  # fmt: skip
        assert {name: day[name].classes for name in expected} == {
            name: (road,) for name, road in expected.items()
        }

    def test_keeps_off_cycleways_and_paths(self, car: MapReport) -> None:
        day = on_each_street(car, HourBucket.DAY)
        closed = {name for name, drive in day.items() if drive.off_m > 100}
        assert closed == {"cycleway", "footway", "path", "greenway"}


class TestEbike:
    def test_rides_at_the_speed_of_class_and_hour(self, ebike: MapReport) -> None:
        day = on_each_street(ebike, HourBucket.DAY)
        expected = {
            "trunk": 10, "primary": 10, "lane": 10, "tertiary": 9.5, "cycleway": 9.5,
            "living": 4.4, "service": 6, "greenway": 6, "signals": 10,
        }  # fmt: skip
        assert {name: day[name].kmh for name in expected} == pytest.approx(expected, rel=0.01)

    def test_is_never_faster_than_the_law(self, ebike: MapReport) -> None:
        night = on_each_street(ebike, HourBucket.NIGHT)
        assert night["primary"].kmh == pytest.approx(25, rel=0.01)

    def test_keeps_off_motorways_pavements_and_woods(self, ebike: MapReport) -> None:
        day = on_each_street(ebike, HourBucket.DAY)
        closed = {name for name, drive in day.items() if drive.off_m > 100}
        assert closed == {"motorway", "kuaisulu", "footway", "path"}

    def test_is_pushed_against_a_one_way_street(self, ebike: MapReport, car: MapReport) -> None:
        against = (at("oneway", 0.9), at("oneway", 0.1))
        pushed, driven = drives(
            [(each.version_dir / HourBucket.DAY, *against) for each in (ebike, car)]
        )
        assert pushed is not None
        assert pushed.kmh == pytest.approx(4, rel=0.01)
        assert driven is None

    def test_tells_the_class_of_each_road(self, ebike: MapReport) -> None:
        day = on_each_street(ebike, HourBucket.DAY)
        assert day["cycleway"].classes == ("tertiary",)
        assert day["greenway"].classes == ("service",)
        assert day["lane"].classes == ("primary",)


class TestBuiltFor:
    def test_hours_of_equal_speed_share_what_is_built_for_the_first(self, ebike: MapReport) -> None:
        assert ebike.buckets == (HourBucket.NIGHT, HourBucket.MORNING_PEAK)
        for bucket in (HourBucket.DAY, HourBucket.EVENING_PEAK):
            folder = ebike.version_dir / bucket
            assert folder.is_symlink()
            assert folder.resolve() == (ebike.version_dir / HourBucket.MORNING_PEAK).resolve()

    def test_the_shipped_profiles_need_four_and_three(self) -> None:
        assert len(set(built_for(CHINA_CITY).values())) == 4
        assert len(set(built_for(EBIKE).values())) == 3

    def test_one_class_of_its_own_makes_an_hour_different(self) -> None:
        apart = replace(EBIKE, class_factors={HourBucket.EVENING_PEAK: {RoadClass.SERVICE: 0.5}})
        assert built_for(apart)[HourBucket.EVENING_PEAK] is HourBucket.EVENING_PEAK


class TestSpeedsLua:
    @pytest.mark.parametrize("kmh", [0.5, 400.0, float("inf"), float("nan")])
    def test_refuses_speeds_that_no_road_has(self, kmh: float) -> None:
        wrong: SpeedProfile = replace(
            CHINA_CITY, speeds_kmh={**CHINA_CITY.speeds_kmh, RoadClass.PRIMARY: kmh}
        )
        with pytest.raises(MapRefused, match="primary roads at night") as refusal:
            speeds_lua(wrong, HourBucket.NIGHT)
        assert refusal.value.code is MapRefusedCode.PROFILE_BROKEN
