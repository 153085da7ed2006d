"""The nightly learning: what it reads, what it writes, and when it writes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from app.cli import cli
from app.core import clock
from app.core.db import Database
from app.core.settings import Settings
from app.travel import known_speeds, policy
from app.travel.learning import learn_by_night, learn_speeds
from app.travel.models import Drive, LearningRun, MatchedSpan
from app.work_orders.states import State
from routing import (
    CHINA_CITY,
    ROAD_CLASSES,
    HourBucket,
    RoadClass,
    SpeedProfile,
    load_profile,
    store_profile,
)
from tests.app.travel.conftest import VERSION, MadeUpRoads, primary
from tests.factories.orders import order_in
from tests.factories.world import NOW, World

NIGHT = datetime(2026, 1, 15, 18, 40, tzinfo=UTC)
"""02:40 of the 16th in Shanghai."""
SLOWER = 1.5


@pytest.fixture
def maps_dir(config: Settings) -> Path:
    """A map version that was built with the shipped speeds."""
    version = config.data_dir / "maps" / "versions" / VERSION
    version.mkdir(parents=True)
    store_profile(CHINA_CITY, version / "speeds.toml")
    return config.data_dir / "maps"


OWN = replace(
    CHINA_CITY,
    name="our-town",
    speeds_kmh={road: speed * 0.8 for road, speed in CHINA_CITY.speeds_kmh.items()},
    morning_peak=(6, 8),
)


def in_use(maps_dir: Path, profile: SpeedProfile) -> Path:
    """The folder of the map in use, built with this profile."""
    version = maps_dir / "versions" / "chosen"
    version.mkdir()
    store_profile(profile, version / "speeds.toml")
    (maps_dir / "current").symlink_to(version.relative_to(maps_dir))
    return version


async def drove(database: Database, world: World, count: int, **facts: Any) -> None:
    """So many drives of ten minutes by the map, on primary roads, that took half as long again."""
    async with database.transaction() as session:
        for number in range(count):
            road_s = 400.0 + number
            row = {
                "crew_id": world.crews["A1"],
                "kind": "visit",
                "order_id": None,
                "started_at": NOW - timedelta(hours=1),
                "ended_at": NOW + timedelta(seconds=number),
                "metres": 5000,
                "road_s": road_s,
                "taken_s": road_s * SLOWER,
                "class_seconds": list(primary(road_s)),
                "hour_bucket": "day",
                "graph_version": VERSION,
                "source": "osrm",
                "observed": True,
            } | facts
            session.add(Drive(**row))


async def all_runs(database: Database) -> list[LearningRun]:
    async with database.transaction() as session:
        query = select(LearningRun).order_by(col(LearningRun.started_at))
        return list((await session.exec(query)).all())


class TestLearnSpeeds:
    async def test_writes_a_file_that_the_next_map_build_reads(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        await drove(database, world, policy.FEWEST_DRIVES + 20)
        run = await learn_speeds(database)
        assert run is not None
        assert (run.outcome, run.file, run.trigger) == ("written", "speeds.toml", "manual")
        assert run.drives == policy.FEWEST_DRIVES + 20
        assert run.error_before_s is not None and run.error_after_s is not None
        assert run.error_after_s < run.error_before_s / 3
        learnt = load_profile(maps_dir / "speeds.toml")
        factor = learnt.factor(HourBucket.DAY, RoadClass.PRIMARY)
        prior = CHINA_CITY.factor(HourBucket.DAY, RoadClass.PRIMARY)
        assert factor == pytest.approx(prior / SLOWER, rel=0.1)
        assert learnt.factors[HourBucket.NIGHT] == CHINA_CITY.factors[HourBucket.NIGHT]

    async def test_writes_nothing_from_few_drives(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        await drove(database, world, policy.FEWEST_DRIVES - 1)
        run = await learn_speeds(database)
        assert run is not None
        assert (run.outcome, run.drives) == ("too_few", policy.FEWEST_DRIVES - 1)
        assert not (maps_dir / "speeds.toml").exists()

    @pytest.mark.parametrize(
        "facts",
        [{"observed": False}, {"started_at": NOW - policy.LEARNT_FROM - timedelta(hours=1)}],
    )
    async def test_reads_only_what_tells_of_speeds_and_is_not_too_old(
        self, database: Database, world: World, maps_dir: Path, facts: dict[str, Any]
    ) -> None:
        await drove(database, world, policy.FEWEST_DRIVES, **facts)
        run = await learn_speeds(database)
        assert run is not None and (run.outcome, run.drives) == ("too_few", 0)

    @pytest.mark.parametrize("version", ["unknown", "../versions/" + VERSION])
    async def test_says_when_nobody_knows_the_speeds_of_the_map(
        self, database: Database, world: World, maps_dir: Path, version: str
    ) -> None:
        """A server elsewhere has its own map: more drives would not help."""
        await drove(database, world, policy.FEWEST_DRIVES, graph_version=version)
        await drove(database, world, 3)
        run = await learn_speeds(database)
        assert run is not None and (run.outcome, run.drives) == ("speeds_unknown", 3)
        assert run.detail == {"left_out": {"speeds_unknown": policy.FEWEST_DRIVES}}

    async def test_writes_nothing_when_the_prior_is_as_good(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        async with database.transaction() as session:
            for number in range(policy.FEWEST_DRIVES):
                road_s = 600.0
                session.add(_row(world, road_s, road_s, number))
        run = await learn_speeds(database)
        assert run is not None and run.outcome == "no_better"
        assert not (maps_dir / "speeds.toml").exists()

    async def test_drives_of_a_map_with_learnt_speeds_count_from_the_prior(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        """The map is right already: what is learnt from it is what it was built with."""
        slower = _with_primary(
            CHINA_CITY, CHINA_CITY.factor(HourBucket.DAY, RoadClass.PRIMARY) / 1.5
        )
        version = maps_dir / "versions" / "learnt"
        version.mkdir()
        store_profile(slower, version / "speeds.toml")
        async with database.transaction() as session:
            for number in range(policy.FEWEST_DRIVES + 1):
                session.add(
                    _row(world, 600.0 + number, 600.0 + number, number, graph_version="learnt")
                )
        run = await learn_speeds(database)
        assert run is not None and run.outcome == "written"
        learnt = load_profile(maps_dir / "speeds.toml")
        assert learnt.factor(HourBucket.DAY, RoadClass.PRIMARY) == pytest.approx(
            slower.factor(HourBucket.DAY, RoadClass.PRIMARY), rel=0.1
        )

    async def test_the_prior_is_what_the_company_chose_its_map_with(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        """The next plain import takes the learnt file: hours and speeds must be the company's."""
        chosen = in_use(maps_dir, OWN)
        store_profile(OWN, chosen / "prior.toml")
        await drove(database, world, policy.FEWEST_DRIVES + 20, graph_version="chosen")
        run = await learn_speeds(database)
        assert run is not None and run.outcome == "written"
        learnt = load_profile(maps_dir / "speeds.toml")
        assert learnt.speeds_kmh == OWN.speeds_kmh
        assert learnt.morning_peak == OWN.morning_peak
        assert learnt.name.startswith("our-town+learnt-")

    async def test_a_map_that_does_not_say_its_prior_was_chosen_with_the_shipped_one(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        in_use(maps_dir, CHINA_CITY)
        await drove(database, world, policy.FEWEST_DRIVES + 20)
        await learn_speeds(database)
        assert load_profile(maps_dir / "speeds.toml").speeds_kmh == CHINA_CITY.speeds_kmh

    async def test_drives_of_other_hours_are_left_out(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        """The `day` of one profile is the `morning_peak` of another."""
        store_profile(OWN, in_use(maps_dir, OWN) / "prior.toml")
        await drove(database, world, policy.FEWEST_DRIVES)
        await drove(database, world, 2, graph_version="chosen")
        run = await learn_speeds(database)
        assert run is not None and (run.outcome, run.drives) == ("too_few", 2)
        assert run.detail == {"left_out": {"other_hours": policy.FEWEST_DRIVES}}

    async def test_what_is_learnt_must_beat_the_speeds_in_use(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        """The shipped speeds are worse; but the map in use was built with learnt ones."""
        right = _with_primary(
            CHINA_CITY, CHINA_CITY.factor(HourBucket.DAY, RoadClass.PRIMARY) / SLOWER
        )
        in_use(maps_dir, right)
        await drove(database, world, policy.FEWEST_DRIVES + 20)
        run = await learn_speeds(database)
        assert run is not None and run.outcome == "no_better"
        assert run.error_before_s == pytest.approx(0, abs=1)
        assert not (maps_dir / "speeds.toml").exists()

    async def test_a_visit_that_phones_measured_counts_once(
        self, database: Database, world: World, maps_dir: Path, roads: MadeUpRoads
    ) -> None:
        async with database.transaction() as session:
            order = (await order_in(session, world, State.ACCEPTED)).id
        await drove(database, world, 1, order_id=order)
        await drove(database, world, 1, order_id=order, kind="positions")
        run = await learn_speeds(database)
        assert run is not None and run.drives == 1

    async def test_a_failure_is_written_on_the_run(
        self, database: Database, world: World, maps_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr("app.travel.learning.store_profile", fail)
        await drove(database, world, policy.FEWEST_DRIVES)
        with pytest.raises(OSError, match="the disk is full"):
            await learn_speeds(database)
        (run,) = await all_runs(database)
        assert run.outcome == "failed" and run.finished_at is not None
        assert "the disk is full" in str(run.detail)


def _row(world: World, road_s: float, taken_s: float, number: int, **facts: Any) -> Drive:
    return Drive(
        crew_id=world.crews["A1"],
        kind="visit",
        started_at=NOW - timedelta(hours=1),
        ended_at=NOW + timedelta(seconds=number),
        metres=5000,
        road_s=road_s,
        taken_s=taken_s,
        class_seconds=list(primary(road_s)),
        hour_bucket="day",
        source="osrm",
        observed=True,
        **{"graph_version": VERSION} | facts,
    )


def _with_primary(profile: SpeedProfile, factor: float) -> SpeedProfile:
    by_road = dict.fromkeys(ROAD_CLASSES, CHINA_CITY.factors[HourBucket.DAY])
    return replace(profile, class_factors={HourBucket.DAY: by_road | {RoadClass.PRIMARY: factor}})


class TestLearnByNight:
    async def test_runs_once_a_night(
        self, database: Database, world: World, maps_dir: Path, roads: MadeUpRoads
    ) -> None:
        with clock.frozen(NIGHT):
            first = await learn_by_night(database, roads)
            assert await learn_by_night(database, roads) is None
        with clock.frozen(NIGHT + timedelta(days=1)):
            second = await learn_by_night(database, roads)
        assert first is not None and second is not None
        assert [str(run.day) for run in await all_runs(database)] == ["2026-01-16", "2026-01-17"]

    @pytest.mark.parametrize("minutes", [-11, 140])
    async def test_sleeps_by_day(
        self, database: Database, world: World, roads: MadeUpRoads, minutes: int
    ) -> None:
        with clock.frozen(NIGHT + timedelta(minutes=minutes)):
            assert await learn_by_night(database, roads) is None
        assert await all_runs(database) == []

    async def test_forgets_what_was_matched_long_ago(
        self, database: Database, world: World, maps_dir: Path, roads: MadeUpRoads
    ) -> None:
        async with database.transaction() as session:
            for hours in (20, 100):
                began = NIGHT - timedelta(hours=hours)
                session.add(MatchedSpan(crew_id=world.crews["A1"], from_at=began, to_at=began))
        with clock.frozen(NIGHT):
            await learn_by_night(database, roads)
        async with database.transaction() as session:
            kept = (await session.exec(select(MatchedSpan.from_at))).all()
        assert kept == [NIGHT - timedelta(hours=20)]

    async def test_of_two_workers_one_learns(
        self, database: Database, world: World, maps_dir: Path
    ) -> None:
        assert await learn_speeds(database, trigger="nightly") is not None
        assert await learn_speeds(database, trigger="nightly") is None

    async def test_the_speeds_of_a_map_outlive_it(
        self, database: Database, world: World, maps_dir: Path, roads: MadeUpRoads
    ) -> None:
        await drove(database, world, policy.FEWEST_DRIVES)
        with clock.frozen(NIGHT):
            await learn_by_night(database, roads)
        (maps_dir / "versions" / VERSION / "speeds.toml").unlink()
        assert known_speeds.known(maps_dir, VERSION) == CHINA_CITY
        run = await learn_speeds(database)
        assert run is not None and run.outcome == "written"


class TestKnownSpeeds:
    @pytest.mark.parametrize("version", ["", ".", "..", "a/b", "../x"])
    def test_a_strange_name_is_no_path(self, tmp_path: Path, version: str) -> None:
        known_speeds.keep(tmp_path, [version])
        assert known_speeds.known(tmp_path, version) is None
        assert list(tmp_path.rglob("*")) == []

    def test_a_broken_file_is_told(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        broken = tmp_path / "versions" / "v1" / "speeds.toml"
        broken.parent.mkdir(parents=True)
        broken.write_text("name = 3")
        assert known_speeds.known(tmp_path, "v1") is None
        assert "ALERT the speeds of map v1" in caplog.text


class TestCommand:
    def test_says_what_was_learnt(
        self, config: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("PAIGONG_SECRET_KEY", "a test secret of more than 32 characters")
        monkeypatch.setenv("PAIGONG_ENVIRONMENT", "test")
        monkeypatch.setenv("PAIGONG_DATA_DIR", str(config.data_dir))
        answer = CliRunner().invoke(cli, ["learn-speeds"])
        assert answer.exit_code == 0, answer.output
        assert "0 drives: too few drives are known yet" in answer.output
