"""`paigong import-map` from a shell: steps, a report, or why not."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import cli
from routing import CHINA_CITY, HourBucket, Vehicle, current_map, store_profile
from tests.routing.grid_city import grid_city


@pytest.fixture
def city(tmp_path: Path) -> Path:
    path = tmp_path / "city.osm"
    path.write_text(grid_city(), "utf-8")
    return path


@pytest.fixture
def steady(tmp_path: Path) -> Path:
    """One speed at all hours: a single dataset."""
    path = tmp_path / "steady.toml"
    store_profile(replace(CHINA_CITY, name="steady", factors=dict.fromkeys(HourBucket, 1.0)), path)
    return path


def paigong(tmp_path: Path, *arguments: str) -> Result:
    known = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "PAIGONG_SECRET_KEY": "a test secret of more than 32 characters",
        "PAIGONG_ENVIRONMENT": "test",
        "PAIGONG_DATA_DIR": str(tmp_path / "data"),
    }
    return CliRunner().invoke(cli, ["import-map", *arguments], env=known)


class TestImportMap:
    def test_tells_the_steps_and_the_report(self, tmp_path: Path, city: Path, steady: Path) -> None:
        result = paigong(tmp_path, str(city), "--profile", str(steady))
        assert result.exit_code == 0
        report = current_map(tmp_path / "data" / "maps")
        assert report is not None
        said = " ".join(result.output.split())
        for part in (
            "check: city.osm", "extract: night", "contract: night", f"graph {report.graph_version}",
            "for the car, speeds steady (night)", "22 ways", "106 road nodes in 3 parts, 94.3% in",
        ):  # fmt: skip
            assert part in said

    def test_builds_for_the_ebike_by_name(self, tmp_path: Path, city: Path) -> None:
        assert paigong(tmp_path, str(city), "--profile", "ebike").exit_code == 0
        assert current_map(tmp_path / "data" / "maps", Vehicle.EBIKE) is not None
        assert current_map(tmp_path / "data" / "maps") is None

    def test_says_why_it_refuses(self, tmp_path: Path, city: Path) -> None:
        wrong = paigong(tmp_path, str(tmp_path / "none.osm.pbf"))
        assert wrong.exit_code == 1
        assert "there is no map file" in " ".join(wrong.output.split())
        wrong = paigong(tmp_path, str(city), "--profile", "bicycle.toml")
        assert wrong.exit_code == 1
        assert "bicycle.toml" in wrong.output
        assert current_map(tmp_path / "data" / "maps") is None
