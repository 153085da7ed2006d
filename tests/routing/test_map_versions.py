"""Who holds a version of the map, and when it goes. The folders are real, the roads are absent."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from routing import (
    CHINA_CITY,
    EBIKE,
    MapReport,
    Vehicle,
    current_speeds,
    import_map,
    store_profile,
)
from routing.map_versions import (
    IN_USE_NAME,
    SPEEDS_NAME,
    current_dir,
    in_use,
    one_import,
    prior_of,
    remove_unused,
    switch_current,
)
from tests.routing.conftest import STEADY

HOLDER = """
import sys
from pathlib import Path
from routing.map_versions import in_use

with in_use(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def maps_dir(tmp_path: Path) -> Path:
    """Three finished versions; the car uses a, the e-bike b."""
    with one_import(tmp_path):
        for name in ("a", "b", "c"):
            folder = tmp_path / "versions" / name / "day"
            folder.mkdir(parents=True)
            (folder / "city.osrm.names").write_text(name)
            (folder.parent / IN_USE_NAME).touch()
        switch_current(tmp_path, Vehicle.CAR, "a")
        switch_current(tmp_path, Vehicle.EBIKE, "b")
    return tmp_path


def versions(maps_dir: Path) -> list[str]:
    return sorted(path.name for path in (maps_dir / "versions").iterdir())


@contextlib.contextmanager
def held_elsewhere(version_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold a version in another process."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(version_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


class TestCurrentDir:
    def test_each_vehicle_has_its_own(self, maps_dir: Path) -> None:
        assert current_dir(maps_dir) == maps_dir / "versions" / "a"
        assert current_dir(maps_dir, Vehicle.EBIKE) == maps_dir / "versions" / "b"

    def test_is_none_before_the_first_import(self, tmp_path: Path) -> None:
        assert current_dir(tmp_path) is None
        assert current_dir(tmp_path / "nowhere") is None

    def test_follows_a_switch(self, maps_dir: Path) -> None:
        switch_current(maps_dir, Vehicle.CAR, "c")
        assert current_dir(maps_dir) == maps_dir / "versions" / "c"
        assert current_dir(maps_dir, Vehicle.EBIKE) == maps_dir / "versions" / "b"


class TestRemoveUnused:
    def test_removes_what_is_neither_linked_nor_held(self, maps_dir: Path) -> None:
        assert remove_unused(maps_dir) == ["c"]
        assert versions(maps_dir) == ["a", "b"]

    def test_keeps_a_version_as_long_as_anybody_holds_it(self, maps_dir: Path) -> None:
        version_dir = maps_dir / "versions" / "c"
        with in_use(version_dir):
            with in_use(version_dir):
                assert remove_unused(maps_dir) == []
            assert remove_unused(maps_dir) == []
        assert remove_unused(maps_dir) == ["c"]

    def test_lets_go_of_what_a_killed_process_held(self, maps_dir: Path) -> None:
        with held_elsewhere(maps_dir / "versions" / "c") as holder:
            assert remove_unused(maps_dir) == []
            holder.kill()
            holder.wait()
            assert remove_unused(maps_dir) == ["c"]

    def test_does_nothing_while_an_import_runs(self, maps_dir: Path) -> None:
        with one_import(maps_dir):
            # Finished but not linked yet, and unfinished: both belong to the import.
            (maps_dir / "versions" / ".building-d").mkdir()
            assert remove_unused(maps_dir) == []
        assert versions(maps_dir) == [".building-d", "a", "b", "c"]

    def test_removes_what_an_older_release_left_without_a_mark(self, maps_dir: Path) -> None:
        (maps_dir / "versions" / "c" / IN_USE_NAME).unlink()
        assert remove_unused(maps_dir) == ["c"]

    def test_finishes_a_removal_that_was_broken_off(self, maps_dir: Path) -> None:
        (maps_dir / "versions" / "c").rename(maps_dir / "versions" / ".removing-c")
        assert remove_unused(maps_dir) == []
        assert versions(maps_dir) == ["a", "b"]

    def test_finds_nothing_where_no_map_is(self, tmp_path: Path) -> None:
        assert remove_unused(tmp_path / "nowhere") == []


class TestInUse:
    def test_refuses_a_version_that_is_gone(self, maps_dir: Path) -> None:
        remove_unused(maps_dir)
        with pytest.raises(FileNotFoundError), in_use(maps_dir / "versions" / "c"):
            pass

    def test_refuses_a_version_that_goes_while_it_is_taken(
        self, maps_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version_dir = maps_dir / "versions" / "c"
        lock = "routing.map_versions.fcntl.flock"
        take = __import__("fcntl").flock

        def too_late(mark: int, how: int) -> None:
            version_dir.rename(version_dir.with_name(".removing-c"))
            take(mark, how)

        monkeypatch.setattr(lock, too_late)
        with pytest.raises(FileNotFoundError), in_use(version_dir):
            pass


class TestOneImport:
    def test_clears_what_a_killed_one_left(self, maps_dir: Path) -> None:
        (maps_dir / "versions" / ".building-x").mkdir()
        with one_import(maps_dir):
            assert versions(maps_dir) == ["a", "b", "c"]


class TestCurrentSpeeds:
    def test_are_those_that_the_map_in_use_was_built_with(self, maps_dir: Path) -> None:
        own = replace(CHINA_CITY, name="ours")
        store_profile(own, maps_dir / "versions" / "a" / SPEEDS_NAME)
        assert current_speeds(maps_dir) == own

    def test_are_the_shipped_ones_where_none_can_be_read(self, maps_dir: Path) -> None:
        assert current_speeds(maps_dir / "nowhere") == CHINA_CITY
        (maps_dir / "versions" / "b" / SPEEDS_NAME).write_text("?", "utf-8")
        assert current_speeds(maps_dir, Vehicle.EBIKE) == EBIKE


class TestPriorOf:
    def test_a_learnt_map_carries_its_prior_on(
        self, grid_file: Path, grid_map: MapReport, tmp_path: Path
    ) -> None:
        own = replace(STEADY, name="ours", morning_peak=(6, 10))
        first = import_map(grid_file, tmp_path, own, small_part_nodes=50)
        assert prior_of(first.version_dir) == own
        learnt = replace(own, name="ours+learnt-2026-11-20", coefficient=1.2)
        second = import_map(grid_file, tmp_path, learnt, small_part_nodes=50)
        assert prior_of(second.version_dir) == own
        assert current_speeds(tmp_path) == learnt
