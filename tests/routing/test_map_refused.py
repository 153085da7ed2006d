"""Imports that fail, and what they leave: nothing."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from routing import (
    HourBucket,
    ImportStep,
    MapRefused,
    MapRefusedCode,
    MapReport,
    current_map,
    import_map,
)
from routing.map_build import ToolRuns
from routing.osrm_tools import find_osrm_tools
from tests.routing.conftest import HEIDELBERG, STEADY
from tests.routing.grid_city import Drawing, corner, grid_city

NO_ROADS = '<osm version="0.6"><node id="1" version="1" lon="117" lat="36.6"/></osm>'
TRUNCATED_PBF = b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18\x80\x01\x10"


def contents(maps_dir: Path) -> dict[str, bytes | str]:
    """Give every file and link below a folder, to see that nothing has changed."""
    return {
        str(path.relative_to(maps_dir)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(maps_dir.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def in_pieces() -> str:
    """Draw as many separate roads as streets: what a file cut off in the middle looks like."""
    drawing = Drawing()
    for row in range(20):
        ends = [drawing.node(corner(column, row)) for column in (0, 0.5, 1)]
        drawing.way(ends, highway="residential")
    return drawing.xml()


class TestInPieces:
    def test_is_refused_unless_the_city_is_known_to_be_so(
        self, maps_dir: Path, tmp_path: Path
    ) -> None:
        source, files = tmp_path / "cut.osm", contents(maps_dir)
        source.write_text(in_pieces(), "utf-8")
        with pytest.raises(MapRefused, match=r"only 5\.0% of the roads of cut\.osm") as refused:
            import_map(source, maps_dir, STEADY)
        assert refused.value.code is MapRefusedCode.IN_PIECES
        assert contents(maps_dir) == files
        assert import_map(source, maps_dir, STEADY, least_share=0.0).parts == 20


class TestRefusal:
    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", MapRefusedCode.EMPTY),
            (b"\n \n", MapRefusedCode.EMPTY),
            (b"PK\x03\x04 a zip file", MapRefusedCode.NOT_OSM),
            (b"<?xml version='1.0'?><html></html>", MapRefusedCode.BROKEN),
            (grid_city().encode()[:4_000], MapRefusedCode.BROKEN),
            (TRUNCATED_PBF, MapRefusedCode.BROKEN),
            (NO_ROADS.encode(), MapRefusedCode.NO_ROADS),
        ],
    )
    def test_changes_nothing_and_says_why(
        self, maps_dir: Path, tmp_path: Path, content: bytes, code: MapRefusedCode
    ) -> None:
        files = contents(maps_dir)
        bad = tmp_path / "bad.osm.pbf"
        bad.write_bytes(content)
        with pytest.raises(MapRefused) as refusal:
            import_map(bad, maps_dir)
        assert refusal.value.code is code
        assert len(refusal.value.reason) > 10
        assert contents(maps_dir) == files

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(MapRefused) as refusal:
            import_map(tmp_path / "missing.osm.pbf", tmp_path)
        assert refusal.value.code is MapRefusedCode.NOT_FOUND
        assert current_map(tmp_path) is None

    def test_refuses_speeds_that_no_road_has(self, grid_file: Path, maps_dir: Path) -> None:
        files = contents(maps_dir)
        crawl = replace(STEADY, factors=dict.fromkeys(HourBucket, 0.01))
        with pytest.raises(MapRefused, match="km/h on") as refusal:
            import_map(grid_file, maps_dir, crawl)
        assert refusal.value.code is MapRefusedCode.PROFILE_BROKEN
        assert contents(maps_dir) == files

    @pytest.mark.skipif(not HEIDELBERG.exists(), reason=f"no real map at {HEIDELBERG}")
    def test_refuses_a_real_map_cut_off_in_the_middle(self, tmp_path: Path) -> None:
        cut = tmp_path / "cut.osm.pbf"
        cut.write_bytes(HEIDELBERG.read_bytes()[:1_500_000])
        with pytest.raises(MapRefused) as refusal:
            import_map(cut, tmp_path / "maps", STEADY)
        assert refusal.value.code is MapRefusedCode.BROKEN

    def test_refuses_a_place_that_is_no_folder(self, grid_file: Path, tmp_path: Path) -> None:
        (tmp_path / "maps").write_text("a file")
        with pytest.raises(MapRefused) as refusal:
            import_map(grid_file, tmp_path / "maps", STEADY)
        assert refusal.value.code is MapRefusedCode.DISK


IN_A_PROCESS = """
import os, resource, signal, sys
from dataclasses import replace
from pathlib import Path
from routing import CHINA_CITY, HourBucket, ImportStep, MapRefused, import_map

source, maps_dir, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
steady = replace(CHINA_CITY, factors=dict.fromkeys(HourBucket, 1.5))

def progress(step, _what):
    if step is ImportStep.CONTRACT and how != "no_room":
        os.kill(os.getpid(), getattr(signal, how))

if how == "no_room":
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
try:
    import_map(source, maps_dir, steady, progress=progress)
except MapRefused as refused:
    sys.exit(refused.code.value)
except KeyboardInterrupt:
    sys.exit("interrupted")
"""


def import_in_a_process(source: Path, maps_dir: Path, how: str) -> subprocess.CompletedProcess[str]:
    """Import in another process that meets the end of the disk, or a signal, on its way."""
    return subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS, str(source), str(maps_dir), how],
        stderr=subprocess.PIPE,
        text=True,
    )


class TestBrokenOff:
    @pytest.mark.parametrize(
        ("how", "says"), [("no_room", "map_storage_failed"), ("SIGINT", "interrupted")]
    )
    def test_leaves_everything_as_it_was(
        self, grid_file: Path, maps_dir: Path, how: str, says: str
    ) -> None:
        files = contents(maps_dir)
        ended = import_in_a_process(grid_file, maps_dir, how)
        assert ended.stderr.strip() == says
        assert contents(maps_dir) == files
        assert not list((maps_dir / "versions").glob(".building-*"))

    def test_what_a_killed_one_left_goes_with_the_next(
        self, grid_file: Path, grid_map: MapReport, maps_dir: Path
    ) -> None:
        ended = import_in_a_process(grid_file, maps_dir, "SIGKILL")
        assert ended.returncode == -signal.SIGKILL
        assert list((maps_dir / "versions").glob(".building-*"))
        assert current_map(maps_dir) is not None
        import_map(grid_file, maps_dir, small_part_nodes=50)
        assert [path.name for path in (maps_dir / "versions").iterdir()] == [grid_map.graph_version]

    def test_a_failing_listener_stops_the_import(self, grid_file: Path, maps_dir: Path) -> None:
        files = contents(maps_dir)

        def fail(step: ImportStep, what: str) -> None:
            if step is ImportStep.CONTRACT:
                raise RuntimeError(what)

        with pytest.raises(RuntimeError, match=r"night|peak|day"):
            import_map(grid_file, maps_dir, progress=fail)
        assert contents(maps_dir) == files


class TestToolRuns:
    def test_stop_ends_what_runs_and_lets_none_begin(self, tmp_path: Path) -> None:
        runs, ended = ToolRuns(find_osrm_tools()), []
        os.mkfifo(tmp_path / "up")
        waiting = ["sh", "-c", "echo up > up; exec sleep 600"]
        tool = threading.Thread(target=lambda: ended.append(runs.run(waiting, tmp_path)))
        tool.start()
        assert (tmp_path / "up").read_text() == "up\n"
        runs.stop()
        tool.join()
        assert ended == [(-signal.SIGKILL, [])]
        with pytest.raises(MapRefused):
            runs.run(waiting, tmp_path)
