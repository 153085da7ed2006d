"""`paigong solve`: a file in, a plan out, one sentence when it cannot be."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import cli
from benchmarks.rich_generator import generate
from benchmarks.rich_price import price


def run(*asked: str) -> Result:
    return CliRunner().invoke(cli, ["solve", *asked])


@pytest.fixture
def day(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    instance = generate(20, "tight", 1, crews=3)
    file = tmp_path / "day.json"
    file.write_text(json.dumps(instance), "utf-8")
    return file, instance


@pytest.mark.parametrize("engine", ["search", "routing"])
def test_rich_file_is_planned_and_drawn(day: tuple[Path, dict[str, Any]], engine: str) -> None:
    file, instance = day
    out, page = file.with_name("plan.json"), file.with_name("plan.html")
    told = run(
        str(file), "--seconds", "0.5", "--out", str(out), "--plot", str(page), "--engine", engine
    )
    assert told.exit_code == 0, told.output
    cost = price(instance, json.loads(out.read_text("utf-8")))
    assert cost.missed < 10
    assert f"price {cost.j:.1f} min" in told.stderr
    assert "<svg" in page.read_text("utf-8")


def test_vroom_file_is_answered_on_stdout(tmp_path: Path) -> None:
    file = tmp_path / "vroom.json"
    question = {
        "jobs": [{"id": 1, "location_index": 1, "service": 60}],
        "vehicles": [{"id": 1, "start_index": 0}],
        "matrices": {"car": {"durations": [[0, 30], [30, 0]]}},
    }
    file.write_text(json.dumps(question), "utf-8")
    told = run(str(file), "--format", "vroom", "--seconds", "0.2")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["summary"]["cost"] == 30


def test_refusals_are_one_sentence(day: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    file, instance = day
    assert run(str(file), "--plot", "plan.pdf").exit_code == 2
    assert run(str(tmp_path / "nowhere.json")).exit_code == 2
    assert "budget_out_of_range" in run(str(file), "--seconds", "0").stderr
    instance["orders"][3]["vip"] = True
    file.write_text(json.dumps(instance), "utf-8")
    told = run(str(file))
    assert told.exit_code == 2
    assert "field_not_served: order 3: vip" in told.stderr
    file.write_text("{", "utf-8")
    assert "cannot be read as JSON" in run(str(file)).stderr
