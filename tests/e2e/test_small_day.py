"""A small winter morning over real HTTP, from the call to the pay, and every kind of damage."""

import pytest

from app.demo.options import SABOTAGES
from app.demo.sabotage import corrupt
from tests.e2e.conftest import FinishedDay

pytestmark = pytest.mark.xdist_group("demo")


class TestTheDay:
    def test_ends_well_by_itself(self, finished_day: FinishedDay) -> None:
        assert finished_day.report["failures"] == [], finished_day.printed
        assert finished_day.status == 0

    def test_every_order_that_was_posted_is_closed_or_explained(
        self, finished_day: FinishedDay
    ) -> None:
        orders = finished_day.report["orders"]
        assert orders["posted"] == 6
        assert sum(orders["by_state"].values()) == 6 + orders["reworks"]
        assert orders["unexplained"] == 0

    def test_crews_heard_by_push_and_showed_it(self, finished_day: FinishedDay) -> None:
        pushes = finished_day.report["pushes"]
        assert pushes["sent"] >= 6
        assert pushes["acknowledged"] >= 6

    def test_each_order_left_verified_files_and_earned_points(
        self, finished_day: FinishedDay
    ) -> None:
        report = finished_day.report
        assert report["evidence"]["files"] >= 6
        assert report["evidence"]["bytes"] > 6 * 30_000
        assert report["pay"]["points_total"] > 0

    def test_crews_were_planned_on_real_roads(self, finished_day: FinishedDay) -> None:
        assert finished_day.report["planning"]["runs"] > 0
        assert finished_day.report["routing"]["sources"]["osrm"] >= 0.99

    def test_the_timeline_of_an_order_is_told(self, finished_day: FinishedDay) -> None:
        for step in ("submitted", "sent", "accepted", "arrived", "completed", "passed", "closed"):
            assert step in finished_day.printed


class TestSabotage:
    def test_verify_is_clean_before(self, finished_day: FinishedDay) -> None:
        assert finished_day.verify() == (0, [])

    @pytest.mark.parametrize("kind", SABOTAGES)
    def test_verify_turns_red_and_is_clean_again_when_undone(
        self, finished_day: FinishedDay, kind: str
    ) -> None:
        damage = corrupt(kind, finished_day.database_url, finished_day.folder)
        try:
            status, differences = finished_day.verify()
        finally:
            damage.undo()
        assert status == 1
        assert differences
        assert finished_day.verify() == (0, [])
