from dataclasses import replace
from pathlib import Path

import pytest

from routing import (
    CHINA_CITY,
    EBIKE,
    HourBucket,
    RoadClass,
    SpeedFileRefused,
    SpeedProfile,
    Vehicle,
    load_profile,
    store_profile,
)


class TestLoadProfile:
    @pytest.mark.parametrize("shipped", [CHINA_CITY, EBIKE])
    def test_reads_back_what_it_stored(self, tmp_path: Path, shipped: SpeedProfile) -> None:
        learnt = replace(shipped, class_factors={HourBucket.DAY: {RoadClass.PRIMARY: 0.8}})
        store_profile(learnt, tmp_path / "speeds.toml")
        assert load_profile(tmp_path / "speeds.toml") == learnt

    def test_the_shipped_files_name_their_vehicles_and_sources(self) -> None:
        assert (CHINA_CITY.vehicle, EBIKE.vehicle) == (Vehicle.CAR, Vehicle.EBIKE)
        assert set(EBIKE.provenance) == set(CHINA_CITY.provenance)

    @pytest.mark.parametrize(
        ("line", "instead"),
        [
            ('vehicle = "car"', 'vehicle = "tank"'),
            ("primary = 38 ", "primary = 0 "),
            ("primary = 38 ", "# "),
            ("morning_peak = [7, 9]", "morning_peak = [7, 25]"),
            ("night = 1.25", 'night = "fast"'),
            ("[factors]", "[factors"),
        ],
    )
    def test_refuses_what_it_cannot_use_and_says_where(
        self, tmp_path: Path, line: str, instead: str
    ) -> None:
        shipped = Path("routing/profiles/china_city.toml").read_text("utf-8")
        assert line in shipped
        wrong = tmp_path / "wrong.toml"
        wrong.write_text(shipped.replace(line, instead, 1), "utf-8")
        with pytest.raises(SpeedFileRefused, match=r"wrong\.toml"):
            load_profile(wrong)

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(SpeedFileRefused, match="nothing"):
            load_profile(tmp_path / "nothing.toml")


class TestFactor:
    def test_a_learnt_class_goes_before_the_hour(self) -> None:
        learnt = replace(CHINA_CITY, class_factors={HourBucket.DAY: {RoadClass.PRIMARY: 0.8}})
        assert learnt.factor(HourBucket.DAY, RoadClass.PRIMARY) == 0.8
        assert learnt.factor(HourBucket.DAY, RoadClass.TRUNK) == 0.90
        assert learnt.factor(HourBucket.NIGHT, RoadClass.PRIMARY) == 1.25
