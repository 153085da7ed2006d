"""The harness's own rules: what it refuses, whom it joins, what it calls explained."""

import os
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.engine import make_url

from app.core import clock
from app.demo import machine
from app.demo.accounting import Story, order_figures
from app.demo.album import file_kinds
from app.demo.database import fresh_database
from app.demo.joint_crews import choose_members
from app.demo.options import DemoOptions
from app.demo.run import run_demo
from app.demo.summary import missed
from app.demo.video import short_video
from app.demo.walk import NothingThere, a_photo, best_paid
from app.provision import CannotProvision, ensure_database

NOW = datetime(2027, 1, 13, 4, 0, tzinfo=UTC)


def story(state: str, *events: dict[str, Any], **order: Any) -> Story:
    told = {"id": "1", "state": state, "hold_until": None, "hold_reason": None, "rework_of": None}
    return Story(told | {"clocks": []} | order, list(events), [], False, [])


def event(action: str, to_state: str = "NEW", **payload: Any) -> dict[str, Any]:
    return {"action": action, "to_state": to_state, "at": NOW.isoformat(), "payload": payload}


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "why"),
        [
            (DemoOptions(map_file=Path("a"), demand_file=Path("b"), area="X"), "not both"),
            (DemoOptions(demand_file=Path("b")), "--area"),
            (DemoOptions(push_loss=1.5), "--push-loss"),
            (DemoOptions(rate=61), "--rate"),
            (DemoOptions(sabotage="spill-coffee"), "--sabotage"),
            (DemoOptions(map_file=Path("/nowhere.osm.pbf")), "there is no file"),
        ],
    )
    def test_impossible_ones_are_refused_in_one_sentence(
        self, options: DemoOptions, why: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_demo(options) == 2
        assert why in capsys.readouterr().out

    def test_the_default_morning_takes_five_minutes_and_the_clock_is_never_over_60(self) -> None:
        assert 4 * 3600 / DemoOptions().clock_rate() == pytest.approx(240)
        assert DemoOptions(hours=8).clock_rate() == 60

    def test_a_slow_machine_takes_its_time_and_a_fast_one_is_told_nothing_sooner(self) -> None:
        assert DemoOptions().clock_rate(0.5) == 30
        assert DemoOptions().clock_rate(0.001) == 1
        assert DemoOptions().clock_rate(4.0) == 60
        assert DemoOptions(rate=50).clock_rate(0.5) == 50

    def test_the_slower_of_two_at_once_says_how_fast_a_machine_is(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert machine._seconds(0) > 0  # as measured here
        took = iter([0.22, 0.11, 0.44, 0.22, 9.0, 0.01])
        monkeypatch.setattr(machine, "_seconds", lambda _: next(took))
        assert machine.speed() == 0.5


@pytest.fixture
def own_database() -> Iterator[str]:
    server = os.environ.get("DATABASE_URL") or ensure_database("paigong_tests", throwaway=True)
    name = f"paigong_guest_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


class TestTheDatabaseOfAnother:
    def test_with_tables_of_its_own_is_refused_and_left_alone(
        self, own_database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", own_database)
        with psycopg.connect(own_database) as owner:
            owner.execute("CREATE TABLE ledgers (n int); INSERT INTO ledgers VALUES (1)")
        with pytest.raises(CannotProvision, match="no demo made"):
            fresh_database()
        with psycopg.connect(own_database) as owner:
            assert owner.execute("SELECT n FROM ledgers").fetchall() == [(1,)]

    def test_empty_is_taken_and_later_emptied_again(
        self, own_database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", own_database)
        assert fresh_database() == own_database
        with psycopg.connect(own_database) as owner:
            owner.execute("CREATE TABLE left_by_the_demo (n int)")
        assert fresh_database() == own_database
        with psycopg.connect(own_database) as owner:
            assert owner.execute("SELECT to_regclass('left_by_the_demo')").fetchone() == (None,)


def crew(*people: str) -> dict[str, Any]:
    return {"members": [{"technician_id": person} for person in people]}


def skilled(**skills: list[str]) -> dict[str, dict[str, Any]]:
    return {
        who: {"skills": [{"skill": skill.lstrip("-"), "valid": skill[0] != "-"} for skill in held]}
        for who, held in skills.items()
    }


class TestJointCrews:
    FAULT = {"crew_size": 3, "skills": [{"skill": "PL", "count": 3}]}  # noqa: RUF012

    def test_take_whole_crews_in_the_order_of_preference(self) -> None:
        people = skilled(a=["PL"], b=["PL"], c=["HB"], d=["PL"], e=["PL"])
        crews = [crew("a", "b"), crew("c"), crew("d", "e")]
        assert choose_members(self.FAULT, crews, people) == ["a", "b", "d", "e"]

    def test_do_not_count_a_certificate_that_ran_out(self) -> None:
        people = skilled(a=["PL"], b=["-PL"], c=["PL"], d=["PL"])
        assert choose_members(self.FAULT, [crew("a", "b"), crew("c")], people) == []
        crews = [crew("a", "b"), crew("c"), crew("d")]
        assert choose_members(self.FAULT, crews, people) == ["a", "b", "c", "d"]


class TestAlbum:
    def test_files_are_taken_before_or_after_and_readings_are_no_files(self) -> None:
        assert file_kinds("ABFGRTVWX") == (["B"], ["F", "G", "W", "X"])

    def test_a_video_is_boxes_whose_first_chunk_holds_the_frames(self) -> None:
        frames = [b"first", b"second!"]
        video = short_video(frames, (640, 480))
        boxes, at = [], 0
        while at < len(video):
            size, kind = struct.unpack(">I4s", video[at : at + 8])
            boxes.append(kind)
            at += size
        assert boxes == [b"ftyp", b"mdat", b"moov"]
        offset = struct.unpack(">I", video[video.index(b"stco") + 12 :][:4])[0]
        assert video[offset : offset + 12] == b"firstsecond!"


class TestExplained:
    def test_a_hold_only_until_its_date(self) -> None:
        tomorrow = (NOW + timedelta(days=1)).isoformat()
        with clock.frozen(NOW):
            assert story("HOLD", hold_until=tomorrow).explanation()
            assert story("HOLD", hold_until=NOW.isoformat()).explanation() is None

    def test_a_cancellation_only_with_its_approval(self) -> None:
        approved = event("cancelled", "CANCELLED", approval_id="7", reason="warm again")
        assert story("CANCELLED", approved).explanation()
        assert story("CANCELLED", event("cancelled", "CANCELLED")).explanation() is None

    def test_waiting_orders_count_as_unexplained_without_reason_or_plan(self) -> None:
        waiting, planned, reasoned = story("NEW"), story("NEW"), story("NEW")
        planned.planned = True
        reasoned.plan_reasons = [{"code": "no_capacity"}]
        figures = order_figures([waiting, planned, reasoned], posted=3)
        assert (figures["unexplained"], figures["in_flight"], figures["explained"]) == (1, 1, 1)

    def test_crew_time_runs_from_departure_to_the_end_of_the_visit(self) -> None:
        told = story("DONE", event("departed", "ENROUTE"), event("completed", "DONE"))
        told.events[1]["at"] = (NOW + timedelta(minutes=30)).isoformat()
        assert told.crew_seconds() == 1800


class TestWalk:
    def test_it_takes_the_best_line_of_the_best_paid(self) -> None:
        def person(*lines: tuple[str, int]) -> dict[str, Any]:
            told = [{"kind": kind, "amount_minor": minor} for kind, minor in lines]
            total = sum(minor for _, minor in lines)
            return {"lines": told, "totals": {"total": {"amount_minor": total}}}

        poor, rich = person(("EARN", 500)), person(("EARN", 300), ("EARN", 400), ("CARRY", 450))
        assert best_paid([poor, rich]) == (rich, rich["lines"][1])
        with pytest.raises(NothingThere):
            best_paid([person(("CARRY", 900))])

    def test_it_wants_a_verified_picture_of_the_finished_work(self) -> None:
        def file(kind: str, state: str = "verified", **more: Any) -> dict[str, Any]:
            told = {"kind": kind, "state": state, "media_type": "image/jpeg", "in_manifest": True}
            return told | {"captured_at": None, "declared_at": "2027-01-13"} | more

        replaced = file("F", in_manifest=False)
        files = [file("B"), replaced, file("F", id=1), file("G", media_type="image/png")]
        assert a_photo(files)["id"] == 1
        with pytest.raises(NothingThere):
            a_photo([file("F", "rejected"), file("C", media_type="video/mp4")])


class TestThresholds:
    GOOD = {  # noqa: RUF012
        "orders": {
            "posted": 20,
            "reworks": 0,
            "by_state": {"CLOSED": 20},
            "closed_share": 1.0,
            "in_flight_share": 0.0,
            "unexplained": 0,
        },
        "verify": {"differences": 0},
        "pushes": {"acknowledged": 9, "delivery_rate": 0.9, "really_delivered": 0.95},
        "service_levels": {
            clock: {"n": 20} for clock in ("K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "SAFE")
        },
        "phones": {"pushes_heard": 9},
        "planning": {"runs": 4},
        "evidence": {"files": 40},
        "pay": {"points_total": 80.0},
        "routing": {"sources": {"osrm": 1.0}},
        "month": {
            "state": "settled",
            "appeal": {"company": "granted"},
            "books": {"entries": 60, "differences": 0},
            "walk": ["summary", "statements", "evidence", "photo"],
        },
    }

    def test_a_clock_without_a_figure_is_named(self) -> None:
        clocks = {name: told for name, told in self.GOOD["service_levels"].items() if name != "K5"}
        bad = self.GOOD | {"service_levels": clocks}
        assert len(missed(bad, roads=True, pushes_lost=False)) == 1

    def test_a_good_day_misses_none(self) -> None:
        assert missed(self.GOOD, roads=True, pushes_lost=False) == []

    @pytest.mark.parametrize(
        ("section", "figures"),
        [
            ("orders", {"closed_share": 0.84}),
            ("orders", {"in_flight_share": 0.04}),
            ("orders", {"unexplained": 1}),
            ("orders", {"posted": 21}),
            ("verify", {"differences": 1}),
            ("pushes", {"acknowledged": 0}),
            ("pushes", {"delivery_rate": 0.89}),
            ("pushes", {"delivery_rate": None}),
            ("phones", {"pushes_heard": 0}),
            ("planning", {"runs": 0}),
            ("evidence", {"files": 0}),
            ("pay", {"points_total": 0.0}),
            ("routing", {"sources": {"osrm": 0.98, "estimate": 0.02}}),
            ("month", {"state": "locked"}),
            ("month", {"appeal": {}}),
            ("month", {"books": {"entries": 60, "differences": 1}}),
            ("month", {"books": {"entries": 0, "differences": 0}}),
            ("month", {"walk": ["summary", "statements", "stopped: no photo"]}),
            ("month", {"walk": ["a call"] * 6}),
        ],
    )
    def test_each_bad_figure_is_named(self, section: str, figures: dict[str, Any]) -> None:
        day = self.GOOD | {section: {**self.GOOD[section], **figures}}
        assert len(missed(day, roads=True, pushes_lost=False)) == 1
