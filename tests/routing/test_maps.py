from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from routing import (
    CHINA_CITY,
    EBIKE,
    HourBucket,
    ImportStep,
    MapRefused,
    MapRefusedCode,
    MapReport,
    Place,
    RoadClass,
    Vehicle,
    chosen_profile,
    current_map,
    import_map,
    load_profile,
    store_profile,
)
from routing.map_versions import SPEEDS_NAME, in_use, remove_unused
from tests.routing.conftest import HEIDELBERG, STEADY
from tests.routing.drives import drives, must_drive
from tests.routing.grid_city import (
    ISLAND,
    MAINLAND,
    ONE_WAY_EAST,
    ONE_WAY_WEST,
    TRAP_END,
    grid_city,
)

CROSS_TOWN = (MAINLAND[0], MAINLAND[2])


@pytest.fixture
def other_file(tmp_path: Path) -> Path:
    """The same city after its avenues were widened."""
    path = tmp_path / "other.osm"
    path.write_text(grid_city().replace("secondary", "primary"), "utf-8")
    return path


class TestImportMap:
    def test_reports_what_it_found(self, grid_map: MapReport) -> None:
        assert (grid_map.nodes, grid_map.ways) == (100 + 2 + 4, 20 + 1 + 1)
        assert grid_map.road_nodes == 106
        assert grid_map.parts == 3  # the mainland, the trap, the island
        assert grid_map.largest_part_share == pytest.approx(100 / 106)
        assert grid_map.buckets == tuple(HourBucket)
        assert grid_map.size_bytes > 10_000
        assert (grid_map.profile_name, grid_map.vehicle) == (CHINA_CITY.name, Vehicle.CAR)
        assert not grid_map.reused

    def test_keeps_the_report_and_the_speeds_with_the_version(self, grid_map: MapReport) -> None:
        assert current_map(grid_map.version_dir.parents[1]) == grid_map
        assert load_profile(grid_map.version_dir / SPEEDS_NAME) == CHINA_CITY

    def test_each_hour_has_its_speeds(self, grid_map: MapReport) -> None:
        hours = sorted(HourBucket, key=lambda bucket: -CHINA_CITY.factors[bucket])
        found = must_drive([(grid_map.version_dir / hour, *CROSS_TOWN) for hour in hours])
        assert all(faster.seconds < slower.seconds for faster, slower in pairwise(found))
        assert hours[0] is HourBucket.NIGHT
        assert found[0].seconds < 0.65 * found[-1].seconds
        assert {drive.classes for drive in found} == {("residential", "secondary")}

    def test_obeys_one_way_streets_and_open_water(self, grid_file: Path, tmp_path: Path) -> None:
        # With every part counted as large, nothing is joined to the mainland.
        report = import_map(grid_file, tmp_path, STEADY, small_part_nodes=1)
        legs = [
            (ONE_WAY_WEST, ONE_WAY_EAST), (ONE_WAY_EAST, ONE_WAY_WEST),
            (MAINLAND[0], TRAP_END), (TRAP_END, MAINLAND[0]),
            (MAINLAND[0], ISLAND[0]), (ISLAND[0], ISLAND[1]),
        ]  # fmt: skip
        along, against, into, out, over, ashore = drives(
            [(report.version_dir / HourBucket.DAY, *leg) for leg in legs]
        )
        assert along is not None
        assert against is not None
        assert along.seconds < 15 < 60 < against.seconds
        assert into is not None
        assert into.seconds > 60
        assert out is None
        assert over is None
        assert ashore is not None

    def test_makes_it_current_and_reuses_it_the_next_time(
        self, grid_file: Path, grid_map: MapReport, maps_dir: Path
    ) -> None:
        steps: list[ImportStep] = []
        again = import_map(
            grid_file, maps_dir, progress=lambda step, _: steps.append(step), small_part_nodes=50
        )
        assert again.reused
        assert again.graph_version == grid_map.graph_version
        assert steps == [ImportStep.CHECK, ImportStep.SWITCH]
        now = current_map(maps_dir)
        assert now is not None
        assert now.graph_version == grid_map.graph_version

    def test_tells_each_step_of_each_hour(self, grid_file: Path, tmp_path: Path) -> None:
        said: list[tuple[ImportStep, str]] = []
        report = import_map(
            grid_file, tmp_path, STEADY, progress=lambda step, what: said.append((step, what))
        )
        assert said == [
            (ImportStep.CHECK, "grid.osm"),
            (ImportStep.EXTRACT, "night"),
            (ImportStep.CONTRACT, "night"),
            (ImportStep.SWITCH, report.graph_version),
        ]

    def test_builds_an_ebikes_roads_beside_the_cars(
        self, grid_file: Path, grid_map: MapReport, maps_dir: Path
    ) -> None:
        report = import_map(grid_file, maps_dir, EBIKE, small_part_nodes=50)
        assert report.vehicle is Vehicle.EBIKE
        assert current_map(maps_dir, Vehicle.EBIKE) == report
        car = current_map(maps_dir)
        assert car is not None
        assert car.graph_version == grid_map.graph_version
        night, rush = HourBucket.MORNING_PEAK, HourBucket.EVENING_PEAK
        assert (report.version_dir / rush).resolve() == (report.version_dir / night).resolve()

    def test_another_profile_is_another_version(
        self, grid_file: Path, grid_map: MapReport, maps_dir: Path
    ) -> None:
        report = import_map(grid_file, maps_dir, STEADY, small_part_nodes=50)
        assert report.graph_version != grid_map.graph_version
        assert report.graph_version.split("-")[0] == grid_map.graph_version.split("-")[0]

    def test_takes_the_learnt_speeds_without_being_asked(
        self, grid_file: Path, tmp_path: Path
    ) -> None:
        store_profile(replace(STEADY, name="learnt-1"), tmp_path / "speeds.toml")
        assert import_map(grid_file, tmp_path).profile_name == "learnt-1"

    def test_tells_the_format_by_content(self, grid_file: Path, tmp_path: Path) -> None:
        disguised = tmp_path / "export.pbf"
        disguised.write_bytes(grid_file.read_bytes())
        assert import_map(disguised, tmp_path / "maps", STEADY).ways == 22

    @pytest.mark.skipif(not HEIDELBERG.exists(), reason=f"no real map at {HEIDELBERG}")
    def test_imports_a_real_city(self, heidelberg_map: MapReport) -> None:
        report = heidelberg_map
        assert report.ways > 30_000
        assert 0.8 < report.largest_part_share < 1
        town = (Place(8.6755, 49.4036), Place(8.7100, 49.4122))  # the station, the castle
        drive = must_drive([(report.version_dir / HourBucket.DAY, *town)])[0]
        assert 300 < drive.seconds < 1_200
        assert set(drive.classes) <= set(RoadClass)


class TestReplacedVersion:
    def test_is_removed_when_nobody_uses_it(
        self, other_file: Path, grid_map: MapReport, maps_dir: Path
    ) -> None:
        new = import_map(other_file, maps_dir, STEADY)
        assert [path.name for path in (maps_dir / "versions").iterdir()] == [new.graph_version]

    def test_is_kept_until_it_is_released(
        self, other_file: Path, grid_map: MapReport, maps_dir: Path
    ) -> None:
        old = maps_dir / "versions" / grid_map.graph_version
        with in_use(old):
            new = import_map(other_file, maps_dir, STEADY)
            assert current_map(maps_dir) == new
            assert remove_unused(maps_dir) == []
            assert must_drive([(old / HourBucket.DAY, *CROSS_TOWN)])
        assert remove_unused(maps_dir) == [grid_map.graph_version]
        assert not old.exists()
        assert current_map(maps_dir) == new


class TestChosenProfile:
    @pytest.mark.parametrize(
        ("choice", "expected"), [(None, CHINA_CITY), ("car", CHINA_CITY), ("ebike", EBIKE)]
    )
    def test_is_the_shipped_one_before_anything_was_learnt(
        self, tmp_path: Path, choice: str | None, expected: object
    ) -> None:
        assert chosen_profile(tmp_path, choice) == expected

    @pytest.mark.parametrize(
        ("choice", "name"), [(None, "car-7"), ("car", "car-7"), ("ebike", "ebike-7")]
    )
    def test_is_the_learnt_one_when_there_is_one(
        self, tmp_path: Path, choice: str | None, name: str
    ) -> None:
        store_profile(replace(CHINA_CITY, name="car-7"), tmp_path / "speeds.toml")
        store_profile(replace(EBIKE, name="ebike-7"), tmp_path / "speeds-ebike.toml")
        assert chosen_profile(tmp_path, choice).name == name

    def test_is_a_file_of_the_companys_own(self, tmp_path: Path) -> None:
        store_profile(replace(CHINA_CITY, name="learnt"), tmp_path / "speeds.toml")
        store_profile(STEADY, tmp_path / "ours.toml")
        assert chosen_profile(tmp_path, str(tmp_path / "ours.toml")) == STEADY

    @pytest.mark.parametrize(
        "break_it",
        [
            lambda path: None,
            lambda path: path.write_text("speeds = {"),
            lambda path: path.write_bytes(b"\xff\xfe"),
            lambda path: path.mkdir(),
        ],
    )
    def test_is_refused_with_the_files_name(
        self, tmp_path: Path, break_it: Callable[[Path], object]
    ) -> None:
        wrong = tmp_path / "wrong.toml"
        break_it(wrong)
        with pytest.raises(MapRefused, match=r"wrong\.toml") as refusal:
            chosen_profile(tmp_path, str(wrong))
        assert refusal.value.code is MapRefusedCode.PROFILE_BROKEN
