"""A small winter morning over real HTTP, from the call to the pay, and every kind of damage.

One test with many parts: the day is played once, and two test workers must not share it.
"""

import pytest

from app.demo.options import SABOTAGES
from app.demo.sabotage import corrupt
from tests.app.payouts.__main__ import demo_day
from tests.app.payouts.tables import compare
from tests.e2e.conftest import FinishedDay

PAPERS = ("statements-2027-01.xlsx", "payroll-2027-01.csv")
STEPS = ("submitted", "sent", "accepted", "arrived", "completed", "passed", "closed")


async def test_the_day_ends_well_and_every_damage_to_it_is_found(
    finished_day: FinishedDay, subtests: pytest.Subtests
) -> None:
    report = finished_day.report
    with subtests.test("it ends by itself and keeps every promise"):
        assert report["failures"] == [], finished_day.printed
        assert finished_day.status == 0
    with subtests.test("every order that was posted is there and none is unexplained"):
        assert report["orders"]["posted"] == 6
        assert sum(report["orders"]["by_state"].values()) == 6 + report["orders"]["reworks"]
        assert report["orders"]["unexplained"] == 0
    with subtests.test("crews heard by push and showed it"):
        assert report["pushes"]["sent"] >= 6
        assert report["pushes"]["acknowledged"] >= 6
    with subtests.test("delivery by channel, climbs and service levels are told"):
        assert report["word"]["channels"]["fcm"]["arrived"] >= 6
        assert report["word"]["alarms"] >= 6
        assert report["customers"]["received"]["sent"] >= 6
        shown = finished_day.printed
        for title in ("Word by channel", "Ladder climbs", "Service levels"):
            assert title in shown
    with subtests.test("files were verified and points earned"):
        assert report["evidence"]["files"] >= 6
        assert report["evidence"]["bytes"] > 6 * 30_000
        assert report["pay"]["points_total"] > 0
    with subtests.test("the month is closed, with an appeal, and a photo is four calls away"):
        month = report["month"]
        assert list(month["acts"]) == ["draft", "published", "locked", "settled"]
        assert (month["state"], month["appeal"]["station"]) == ("settled", "granted")
        assert month["books"]["differences"] == 0
        assert month["books"]["entries"] > report["pay"]["entries"]
        assert len(month["walk"]) == 4
        assert "as declared on site" in month["walk"][-1]
        book, payroll = (finished_day.folder / "pay" / name for name in PAPERS)
        assert book.read_bytes().startswith(b"PK")
        assert all(",settled," in line for line in payroll.read_text("utf-8").splitlines()[1:])
    with subtests.test("crews were planned on real roads"):
        assert report["planning"]["runs"] > 0
        assert report["routing"]["sources"]["osrm"] >= 0.99
    with subtests.test("an order's whole story is told"):
        assert [step for step in STEPS if step not in finished_day.printed] == []
    with subtests.test("the command finds nothing before"):
        assert finished_day.run_verify() == (0, [])
    with subtests.test("the second evaluator tells every line of pay the same"):
        pay = compare(finished_day.database_url, days=demo_day)
        assert (pay.only_stored, pay.only_evaluated) == ([], [])
        assert pay.entries >= 6
    with subtests.test("service levels are those of a second count from the events"):
        told, found = await finished_day.service_levels()
        assert told == found
        assert sum(each["n"] for each in told.values()) >= 6 * 6
        assert {place[3] for place in told} == {*(f"K{n}" for n in range(1, 9)), "SAFE"}
        measures = {name for each in told.values() for name in each}
        assert {"mean_net", "p90_net", "late_net", "mean_gross", "p90_gross"} <= measures
    for kind in SABOTAGES:
        with subtests.test("verify turns red, and clean again when it is undone", kind=kind):
            await _damage_is_found(finished_day, kind)
    with subtests.test("the command turns red"):
        damage = corrupt("edit-state", finished_day.database_url, finished_day.folder)
        status, differences = finished_day.run_verify()
        damage.undo()
        assert (status, bool(differences)) == (1, True)


async def _damage_is_found(day: FinishedDay, kind: str) -> None:
    damage = corrupt(kind, day.database_url, day.folder)
    try:
        found = await day.verify()
    finally:
        damage.undo()
    assert found
    assert await day.verify() == []
