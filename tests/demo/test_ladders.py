"""The demo company's ladders: valid, and slower than the shipped ones by the machine's time."""

from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from app.demo.ladders import write_ladders
from app.notifications.ladders import ladders_from

OPENS_AT = datetime(2026, 1, 15, 7, tzinfo=UTC)
SHIPPED = resources.files("app.notifications").joinpath("data", "ladders.toml").read_text("utf-8")


def test_each_step_has_the_machines_time_more(tmp_path: Path) -> None:
    for rate in (1.0, 60.0):
        file = write_ladders(tmp_path / "ladders.toml", OPENS_AT, rate)
        mine = {row.name: row for row in ladders_from(file.read_text("utf-8"))}
        for shipped in ladders_from(SHIPPED):
            row = mine.pop(shipped.name)
            assert row.effective_from == OPENS_AT - timedelta(days=1)
            assert [step["acts"] for step in row.steps] == [step["acts"] for step in shipped.steps]
            assert [
                step["after_s"] - was["after_s"]
                for step, was in zip(row.steps, shipped.steps, strict=True)
            ] == [round(number * (rate - 1) * 1.5) for number in range(len(row.steps))]
            for name in ("kinds", "classes", "burst_s", "keeps_quiet", "quiet_from", "quiet_until"):
                assert getattr(row, name) == getattr(shipped, name)
        assert mine == {}
