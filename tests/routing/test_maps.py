import asyncio
from datetime import UTC
from pathlib import Path

import pytest

from routing import (
    CHINA_CITY,
    ImportStep,
    MapRefused,
    MapRefusedCode,
    MapReport,
    OsrmHttp,
    OsrmServer,
    Place,
    Traffic,
    current_map,
    import_map,
)
from tests.routing.conftest import MIDDAY
from tests.routing.grid_city import grid_city

HEIDELBERG = Path(__file__).parents[3] / "shared" / "data" / "osm" / "heidelberg.osm.pbf"
SLOW_LANES = """
local city = require('car')
local function setup()
  local profile = city.setup()
  profile.speeds.highway.residential = 5
  profile.speeds.highway.secondary = 5
  return profile
end
return { setup = setup, process_way = city.process_way,
         process_node = city.process_node, process_turn = city.process_turn }
"""
NO_ROADS = '<osm version="0.6"><node id="1" version="1" lon="117" lat="36.6"/></osm>'
TRUNCATED_PBF = b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18\x80\x01\x10"


def contents(maps_dir: Path) -> dict[str, bytes]:
    """Give every file below a folder, to see that nothing has changed."""
    return {
        str(path.relative_to(maps_dir)): path.read_bytes()
        for path in sorted(maps_dir.rglob("*"))
        if path.is_file()
    }


class TestImportMap:
    def test_reports_what_it_found(self, grid_map: MapReport) -> None:
        assert (grid_map.nodes, grid_map.ways) == (100 + 2 + 4, 20 + 1 + 1)
        assert grid_map.road_nodes == 106
        assert grid_map.parts == 3  # the mainland, the trap, the island
        assert grid_map.size_bytes > 10_000
        assert grid_map.profile_name == "china_city"
        assert not grid_map.reused

    def test_makes_it_current_and_reuses_it_the_next_time(
        self, grid_file: Path, grid_map: MapReport
    ) -> None:
        maps_dir = grid_map.version_dir.parents[1]
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

    def test_keeps_the_old_version_beside_the_new(self, grid_file: Path, tmp_path: Path) -> None:
        first = import_map(grid_file, tmp_path)
        changed = tmp_path / "changed.osm"
        changed.write_text(grid_city().replace("secondary", "primary"), "utf-8")
        said: list[tuple[ImportStep, str]] = []
        second = import_map(
            changed, tmp_path, progress=lambda step, line: said.append((step, line))
        )
        assert first.graph_version != second.graph_version
        assert first.version_dir.is_dir()
        assert (tmp_path / "current").resolve() == second.version_dir.resolve()
        assert list(dict.fromkeys(step for step, _ in said)) == list(ImportStep)
        assert any(line for step, line in said if step is ImportStep.CONTRACT)

    def test_tells_the_format_by_content(self, grid_file: Path, tmp_path: Path) -> None:
        disguised = tmp_path / "export.pbf"
        disguised.write_bytes(grid_file.read_bytes())
        assert import_map(disguised, tmp_path / "maps").ways == 22

    async def test_takes_a_profile_of_the_companys_own(
        self, grid_file: Path, grid_map: MapReport, tmp_path: Path, traffic: Traffic
    ) -> None:
        profile = tmp_path / "slow.lua"
        profile.write_text(SLOW_LANES, "utf-8")
        slow = await asyncio.to_thread(
            import_map, grid_file, tmp_path, profile, small_part_nodes=50
        )
        assert slow.graph_version != grid_map.graph_version
        ends = [Place(117.001, 36.602), Place(117.016, 36.616)]
        assert await drive_s(slow, ends, traffic) > 2 * await drive_s(grid_map, ends, traffic)

    @pytest.mark.skipif(not HEIDELBERG.exists(), reason=f"no real map at {HEIDELBERG}")
    async def test_imports_a_real_city(self, tmp_path: Path) -> None:
        report = await asyncio.to_thread(import_map, HEIDELBERG, tmp_path, threads=2)
        assert report.ways > 30_000
        town = [Place(8.6755, 49.4036), Place(8.7100, 49.4122)]  # the station, the castle
        seconds = await drive_s(report, town, Traffic(CHINA_CITY, UTC))
        assert 300 < seconds < 1_200


async def drive_s(report: MapReport, ends: list[Place], traffic: Traffic) -> int:
    async with (
        OsrmServer(report.version_dir) as server,
        OsrmHttp(server.base_url, server.graph_version, traffic) as roads,
    ):
        matrix = await roads.matrix(ends[:1], ends[1:], MIDDAY)
    assert not matrix.estimated[0, 0]
    return int(matrix.seconds[0, 0])


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
        self, grid_file: Path, tmp_path: Path, content: bytes, code: MapRefusedCode
    ) -> None:
        maps_dir = tmp_path / "maps"
        before = import_map(grid_file, maps_dir)
        files = contents(maps_dir)
        bad = tmp_path / "bad.osm.pbf"
        bad.write_bytes(content)
        with pytest.raises(MapRefused) as refusal:
            import_map(bad, maps_dir)
        assert refusal.value.code is code
        assert len(refusal.value.reason) > 10
        assert contents(maps_dir) == files
        now = current_map(maps_dir)
        assert now is not None
        assert now.graph_version == before.graph_version

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(MapRefused) as refusal:
            import_map(tmp_path / "missing.osm.pbf", tmp_path)
        assert refusal.value.code is MapRefusedCode.NOT_FOUND
        assert current_map(tmp_path) is None

    @pytest.mark.parametrize("rules", [None, "return { setup = "])
    def test_refuses_a_broken_profile(
        self, grid_file: Path, tmp_path: Path, rules: str | None
    ) -> None:
        profile = tmp_path / "rules.lua"
        if rules is not None:
            profile.write_text(rules, "utf-8")
        with pytest.raises(MapRefused) as refusal:
            import_map(grid_file, tmp_path, profile)
        assert refusal.value.code is MapRefusedCode.PROFILE_BROKEN

    @pytest.mark.skipif(not HEIDELBERG.exists(), reason=f"no real map at {HEIDELBERG}")
    def test_refuses_a_real_map_cut_off_in_the_middle(self, tmp_path: Path) -> None:
        cut = tmp_path / "cut.osm.pbf"
        cut.write_bytes(HEIDELBERG.read_bytes()[:1_500_000])
        with pytest.raises(MapRefused) as refusal:
            import_map(cut, tmp_path / "maps")
        assert refusal.value.code is MapRefusedCode.BROKEN
