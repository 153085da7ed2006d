import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from routing import (
    CHINA_CITY,
    ROAD_CLASSES,
    EngineFailed,
    Estimate,
    Fallback,
    Fix,
    HourBucket,
    LegSource,
    MapReport,
    OsrmEmbedded,
    Place,
    RoadClass,
    Traffic,
    import_map,
)
from tests.routing.conftest import MIDDAY
from tests.routing.grid_city import ISLAND, MAINLAND, grid_city
from tests.routing.test_estimate import shanghai

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
async def embedded(grid_map: MapReport) -> AsyncIterator[OsrmEmbedded]:
    async with OsrmEmbedded(grid_map.version_dir.parents[1], SHANGHAI) as engine:
        yield engine


class TestStart:
    async def test_nothing_runs_until_it_is_asked(self, embedded: OsrmEmbedded) -> None:
        assert embedded.pids == []
        await embedded.matrix(MAINLAND, MAINLAND, MIDDAY)
        assert len(embedded.pids) == 1

    async def test_many_first_questions_start_one_server(self, embedded: OsrmEmbedded) -> None:
        await asyncio.gather(*(embedded.matrix(MAINLAND, MAINLAND, MIDDAY) for _ in range(5)))
        assert len(embedded.pids) == 1

    async def test_leaving_ends_the_servers(self, grid_map: MapReport) -> None:
        async with OsrmEmbedded(grid_map.version_dir.parents[1], SHANGHAI) as engine:
            await engine.matrix(MAINLAND, MAINLAND, MIDDAY)
            (pid,) = engine.pids
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    async def test_fails_without_a_map(self, tmp_path: Path) -> None:
        async with OsrmEmbedded(tmp_path, SHANGHAI) as engine:
            with pytest.raises(EngineFailed, match="no map is imported"):
                await engine.matrix(MAINLAND, MAINLAND, MIDDAY)


class TestMatrix:
    async def test_each_hour_has_its_own_speeds(self, embedded: OsrmEmbedded) -> None:
        away = ~np.eye(len(MAINLAND), dtype=bool)
        took = {}
        for hour in (3, 8, 12, 18):
            matrix = await embedded.matrix(MAINLAND, MAINLAND, shanghai(hour))
            took[matrix.hour_bucket] = matrix.seconds[away].mean()
        assert len(embedded.pids) == 4
        by_speed = sorted(took, key=lambda bucket: took[bucket])
        assert by_speed == sorted(HourBucket, key=lambda bucket: -CHINA_CITY.factors[bucket])

    async def test_flags_an_island_as_unreachable(self, embedded: OsrmEmbedded) -> None:
        matrix = await embedded.matrix([MAINLAND[0]], [ISLAND[0]], MIDDAY)
        assert matrix.unreachable.all()


class TestRoute:
    async def test_says_the_seconds_on_each_road_class(self, embedded: OsrmEmbedded) -> None:
        route = await embedded.route(MAINLAND[:2], MIDDAY)
        assert route.class_seconds is not None
        by_class = dict(zip(ROAD_CLASSES, route.class_seconds, strict=True))
        assert sum(route.class_seconds) == pytest.approx(route.seconds, abs=1)
        # 1.2 km along the rows at 18 km/h, 220 m along a column at 32 km/h, both at the day's 0.9
        assert by_class[RoadClass.RESIDENTIAL] == pytest.approx(1170 / 16.2 * 3.6, rel=0.1)
        assert by_class[RoadClass.SECONDARY] == pytest.approx(220 / 28.8 * 3.6, rel=0.1)
        assert by_class[RoadClass.MOTORWAY] == 0


async def drive(engine: OsrmEmbedded, every_s: float = 20.0) -> tuple[list[Fix], int]:
    """Drive a route at even speed; gives a fix at every step of it, and its metres."""
    route = await engine.route([MAINLAND[0], MAINLAND[2]], MIDDAY)
    line = np.array(route.geometry)
    steps = np.hypot(*np.diff(line * [0.803, 1.0], axis=0).T).cumsum() / route.seconds
    along = np.concatenate([[0.0], steps / steps[-1]])
    times = np.arange(0, route.seconds, every_s)
    points = [np.interp(times / route.seconds, along, line[:, axis]) for axis in (0, 1)]
    fixes = [
        Fix(Place(float(lon), float(lat)), MIDDAY + timedelta(seconds=float(at)), 8.0)
        for at, lon, lat in zip(times, *points, strict=True)
    ]
    return fixes, route.metres


class TestMatch:
    async def test_finds_the_drive_behind_the_fixes(self, embedded: OsrmEmbedded) -> None:
        fixes, metres = await drive(embedded)
        trace = await embedded.match(fixes)
        assert trace.source is LegSource.OSRM
        assert trace.metres == pytest.approx(metres, rel=0.1)
        assert trace.dropped == 0
        taken_s = sum(stretch.taken_s for stretch in trace.stretches)
        assert taken_s == (fixes[-1].at - fixes[0].at).total_seconds()
        for stretch in trace.stretches:
            assert stretch.class_seconds is not None
            assert sum(stretch.class_seconds) == pytest.approx(stretch.road_s, abs=0.2)

    async def test_drops_a_fix_that_fits_no_road(self, embedded: OsrmEmbedded) -> None:
        fixes, metres = await drive(embedded)
        wild = fixes[4]._replace(place=Place(fixes[4].place.lon + 0.05, fixes[4].place.lat + 0.05))
        trace = await embedded.match([*fixes[:4], wild, *fixes[5:]])
        assert trace.dropped >= 1
        assert trace.metres == pytest.approx(metres, rel=0.25)

    async def test_follows_a_drive_longer_than_one_question(self, embedded: OsrmEmbedded) -> None:
        fixes, metres = await drive(embedded, every_s=2.0)
        assert len(fixes) > 150
        trace = await embedded.match(fixes)
        assert trace.metres == pytest.approx(metres, rel=0.1)

    async def test_two_fixes_in_one_second_are_one(self, embedded: OsrmEmbedded) -> None:
        fixes, _ = await drive(embedded)
        twin = fixes[3]._replace(at=fixes[3].at + timedelta(milliseconds=200))
        trace = await embedded.match([*fixes[:4], twin, *fixes[4:]])
        assert trace.dropped == 1

    async def test_fixes_in_the_wilderness_give_no_drive(self, embedded: OsrmEmbedded) -> None:
        fixes = [
            Fix(Place(110.0, 30.0 + k / 100), MIDDAY + timedelta(minutes=k), 8.0) for k in range(3)
        ]
        trace = await embedded.match(fixes)
        assert (trace.stretches, trace.dropped) == ((), 3)


class TestCrash:
    async def test_a_question_after_a_kill_waits_for_the_restart(
        self, embedded: OsrmEmbedded
    ) -> None:
        before = await embedded.matrix(MAINLAND, MAINLAND, MIDDAY)
        (pid,) = embedded.pids
        os.kill(pid, signal.SIGKILL)
        after = await embedded.matrix(MAINLAND, MAINLAND, MIDDAY)
        assert (after.seconds == before.seconds).all()
        assert embedded.pids not in ([], [pid])

    async def test_a_map_that_is_gone_leaves_flagged_estimates(
        self, grid_map: MapReport, tmp_path: Path, traffic: Traffic
    ) -> None:
        (tmp_path / "versions").mkdir()
        (tmp_path / "current").symlink_to(Path("versions") / grid_map.graph_version)
        async with OsrmEmbedded(tmp_path, SHANGHAI) as engine:
            matrix = await Fallback([engine, Estimate(traffic)]).matrix(MAINLAND, MAINLAND, MIDDAY)
        assert matrix.estimated.all()


class TestSwitch:
    async def test_a_new_map_is_taken_at_the_next_question_and_the_old_one_goes(
        self, grid_file: Path, tmp_path: Path
    ) -> None:
        maps_dir = tmp_path / "maps"
        old = import_map(grid_file, maps_dir, small_part_nodes=50)
        other = tmp_path / "other.osm"
        other.write_text(grid_city().replace('k="oneway" v="yes"', 'k="oneway" v="no"'), "utf-8")
        async with OsrmEmbedded(maps_dir, SHANGHAI) as engine:
            first = await engine.matrix(MAINLAND, MAINLAND, MIDDAY)
            new = import_map(other, maps_dir, small_part_nodes=50)
            assert old.version_dir.exists()  # it is served
            second = await engine.matrix(MAINLAND, MAINLAND, MIDDAY)
            third = await engine.matrix(MAINLAND, MAINLAND, MIDDAY)
        assert first.graph_version == old.graph_version
        assert second.graph_version == third.graph_version == new.graph_version
        assert not old.version_dir.exists()
