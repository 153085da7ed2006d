"""What kind of day a day is: announced, or said by the company itself."""

from datetime import date
from pathlib import Path

import pytest

from app.catalogue.errors import HolidaysInvalid, HolidaysUnknown
from app.catalogue.holidays import day_type
from app.core import settings
from app.core.settings import Settings
from tests.conftest import settings_for

FAR = 2199
"""A year that nobody will have announced while this code lives."""


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """The company's own file, installed and empty."""
    file = tmp_path / "holidays.toml"
    file.write_text("", "utf-8")
    config: Settings = settings_for("postgresql://unused", tmp_path)
    settings.install(config.model_copy(update={"holidays_file": file}))
    return file


class TestAnnounced:
    @pytest.mark.parametrize(
        ("day", "kind"),
        [
            (date(2026, 1, 1), "holiday"),
            (date(2026, 1, 4), "workday"),  # a Sunday that makes up for the long new year
            (date(2026, 1, 15), "workday"),
            (date(2026, 1, 17), "rest"),  # a Saturday
            (date(2026, 2, 14), "workday"),  # a Saturday before the spring festival
            (date(2026, 2, 17), "holiday"),  # the first day of the lunar year
            (date(2026, 2, 20), "rest"),  # off in place of a worked weekend
            (date(2026, 10, 1), "holiday"),
        ],
    )
    def test_days_of_2026(self, said: Path, day: date, kind: str) -> None:
        assert day_type(day) == kind


class TestSaidByTheCompany:
    def test_a_year_that_nobody_announced_must_be_said(self, said: Path) -> None:
        with pytest.raises(HolidaysUnknown) as refusal:
            day_type(date(FAR, 5, 1))
        assert refusal.value.members == {"year": FAR, "file": str(said)}

    def test_what_is_said_counts_and_the_rest_follows_the_week(self, said: Path) -> None:
        said.write_text(
            f"[{FAR}]\nholidays = [{FAR}-05-01]\nrest_days = [{FAR}-05-02]\n"
            f"workdays = [{FAR}-05-04]\n",
            "utf-8",
        )
        kinds = [day_type(date(FAR, 5, number)) for number in range(1, 7)]
        assert kinds == ["holiday", "rest", "workday", "workday", "rest", "workday"]

    def test_it_goes_before_what_was_announced(self, said: Path) -> None:
        said.write_text("[2026]\nworkdays = [2026-10-01]\n", "utf-8")
        assert day_type(date(2026, 10, 1)) == "workday"

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("[2199]\nholidays = [2198-05-01]\n", "no day of 2199"),
            ("[2199]\nholidays = ['2199-05-01']\n", "no day of 2199"),
            ("[2199]\nfeasts = []\n", "holds only"),
            ("[soon]\nholidays = []\n", "is no year"),
            ("[2199]\nholidays = [2199-05-01]\nworkdays = [2199-05-01]\n", "named twice"),
            ("[2199]\nholidays = soon\n", "line 2"),
        ],
    )
    def test_nonsense_names_its_place(self, said: Path, text: str, why: str) -> None:
        said.write_text(text, "utf-8")
        with pytest.raises(HolidaysInvalid, match=why):
            day_type(date(FAR, 5, 1))
