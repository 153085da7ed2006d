import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from routing import (
    BreakerState,
    EngineFailed,
    Estimate,
    Fallback,
    Fix,
    HourBucket,
    LegSource,
    MapReport,
    Matrix,
    NoRoadBetween,
    OsrmHttp,
    OsrmServer,
    Place,
    Route,
    Trace,
    Traffic,
)
from tests.routing.conftest import MIDDAY
from tests.routing.grid_city import MAINLAND


class Clock:
    """A time source that moves only when told."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Moody(Estimate):
    """An engine whose failure can be switched; it counts how often it is asked."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__(traffic)
        self.graph_version = "moody"
        self.trouble: BaseException | None = EngineFailed("down")
        self.match_fails = False
        self.asked = 0
        self.gate: asyncio.Event | None = None
        self.waiting = asyncio.Event()

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        self.asked += 1
        if self.gate is not None:
            self.waiting.set()
            await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        return await super().matrix(sources, targets, depart_at)

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        raise NoRoadBetween("river")

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        if self.match_fails:
            raise EngineFailed("too long")
        return await super().match(fixes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def moody(traffic: Traffic) -> Moody:
    return Moody(traffic)


@pytest.fixture
def fallback(moody: Moody, traffic: Traffic, clock: Clock) -> Fallback:
    return Fallback([moody, Estimate(traffic)], now=clock)


async def ask(fallback: Fallback, times: int = 1) -> list[str]:
    return [(await fallback.matrix(MAINLAND, MAINLAND, MIDDAY)).graph_version for _ in range(times)]


class TestLog:
    async def test_says_when_an_engine_fails_rests_and_is_back(
        self, moody: Moody, traffic: Traffic, clock: Clock
    ) -> None:
        said: list[str] = []
        fallback = Fallback([moody, Estimate(traffic)], now=clock, log=said.append)
        await ask(fallback, times=10)
        assert [line.split(",")[0] for line in said] == [
            "ALERT Moody failed",
            "ALERT Moody is left alone for 30 s at a time: down",
        ]
        clock.now_s += 31
        moody.trouble = None
        await ask(fallback, times=2)
        assert said[2:] == ["Moody answers again"]

    async def test_a_failing_match_leaves_tables_alone(
        self, moody: Moody, traffic: Traffic, clock: Clock
    ) -> None:
        moody.trouble, moody.match_fails = None, True
        fallback = Fallback([moody, Estimate(traffic)], now=clock)
        fixes = [Fix(place, MIDDAY + timedelta(minutes=n), 8.0) for n, place in enumerate(MAINLAND)]
        for _ in range(5):
            assert (await fallback.match(fixes)).source is LegSource.ESTIMATE
        assert await ask(fallback) == ["moody"]


class TestMatrix:
    async def test_falls_to_the_next_engine_and_its_answer_says_so(
        self, fallback: Fallback
    ) -> None:
        matrix = await fallback.matrix(MAINLAND, MAINLAND, MIDDAY)
        assert matrix.estimated.all()
        assert matrix.graph_version.startswith("estimate:")

    async def test_leaves_an_engine_alone_after_three_failures_in_a_row(
        self, fallback: Fallback, moody: Moody
    ) -> None:
        await ask(fallback, times=10)
        assert moody.asked == 3
        assert fallback.states[0] is BreakerState.OPEN

    async def test_forgets_failures_after_a_success(self, fallback: Fallback, moody: Moody) -> None:
        await ask(fallback, times=2)
        moody.trouble = None
        assert await ask(fallback) == ["moody"]
        moody.trouble = EngineFailed("down again")
        await ask(fallback, times=2)
        assert fallback.states[0] is BreakerState.CLOSED

    async def test_tries_once_after_thirty_seconds_and_rests_again_on_failure(
        self, fallback: Fallback, moody: Moody, clock: Clock
    ) -> None:
        await ask(fallback, times=3)
        clock.now_s += 29.9
        await ask(fallback)
        assert moody.asked == 3
        clock.now_s += 0.2
        assert fallback.states[0] is BreakerState.HALF_OPEN
        await ask(fallback, times=5)
        assert moody.asked == 4

    async def test_returns_to_an_engine_that_has_recovered(
        self, fallback: Fallback, moody: Moody, clock: Clock
    ) -> None:
        await ask(fallback, times=3)
        moody.trouble = None
        clock.now_s += 30
        assert await ask(fallback, times=2) == ["moody", "moody"]
        assert fallback.states[0] is BreakerState.CLOSED

    async def test_lets_only_one_call_try_a_resting_engine(
        self, fallback: Fallback, moody: Moody, clock: Clock
    ) -> None:
        await ask(fallback, times=3)
        clock.now_s += 30
        moody.trouble, moody.gate = None, asyncio.Event()
        trying = asyncio.create_task(ask(fallback))
        await moody.waiting.wait()
        assert (await ask(fallback))[0].startswith("estimate:")
        moody.gate.set()
        assert await trying == ["moody"]

    async def test_lets_another_try_when_the_trying_call_was_cancelled(
        self, fallback: Fallback, moody: Moody, clock: Clock
    ) -> None:
        await ask(fallback, times=3)
        clock.now_s += 30
        moody.trouble = asyncio.CancelledError()
        with pytest.raises(asyncio.CancelledError):
            await ask(fallback)
        moody.trouble = None
        assert await ask(fallback) == ["moody"]

    async def test_fails_when_no_engine_is_left(self, moody: Moody, clock: Clock) -> None:
        alone = Fallback([moody], now=clock)
        for _ in range(4):
            with pytest.raises(EngineFailed):
                await ask(alone)

    async def test_does_not_hide_a_bug(self, fallback: Fallback, moody: Moody) -> None:
        moody.trouble = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            await ask(fallback)


class TestRoute:
    async def test_takes_no_road_for_an_answer(self, fallback: Fallback) -> None:
        with pytest.raises(NoRoadBetween):
            await fallback.route(MAINLAND[:2], MIDDAY)
        assert fallback.states[0] is BreakerState.CLOSED


class TestDeadServer:
    async def test_answers_with_labelled_estimates_after_the_server_is_gone(
        self, grid_map: MapReport, traffic: Traffic
    ) -> None:
        async with OsrmServer(grid_map.version_dir / HourBucket.DAY) as server:
            roads = OsrmHttp(server.base_url, traffic)
            fallback = Fallback([roads, Estimate(traffic)])
            alive = await fallback.matrix(MAINLAND, MAINLAND, MIDDAY)
        dead = await fallback.matrix(MAINLAND, MAINLAND, MIDDAY)
        snaps = await fallback.snap(MAINLAND)
        await roads.aclose()
        assert alive.count_legs().shares()["osrm"] == 1.0
        assert dead.count_legs().shares()["estimate"] == 1.0
        assert {snap.source for snap in snaps} == {LegSource.ESTIMATE}
