import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from routing import (
    CHINA_CITY,
    UNREACHABLE_S,
    EngineFailed,
    Estimate,
    HourBucket,
    LegSource,
    Matrix,
    MatrixCache,
    NoRoadBetween,
    OsrmHttp,
    OsrmServer,
    Place,
    Traffic,
    import_map,
)
from tests.routing.conftest import MIDDAY
from tests.routing.flat_tables import flat_table
from tests.routing.grid_city import (
    FAR_OFF,
    ISLAND,
    MAINLAND,
    ONE_WAY_EAST,
    ONE_WAY_WEST,
    TRAP_END,
    corner,
)
from tests.routing.test_estimate import shanghai


class TestMatrix:
    async def test_drives_between_mainland_places(self, roads: OsrmHttp) -> None:
        matrix = await roads.matrix(MAINLAND, MAINLAND, MIDDAY)
        away = ~np.eye(len(MAINLAND), dtype=bool)
        assert (matrix.seconds[away] > 30).all()
        assert (matrix.seconds[away] < 600).all()
        assert (matrix.seconds[~away] == 0).all()
        assert matrix.count_legs().shares()["osrm"] == 1.0
        assert matrix.hour_bucket is HourBucket.DAY

    async def test_one_place_alone_is_no_failure(self, roads: OsrmHttp) -> None:
        matrix = await roads.matrix([MAINLAND[0]], [MAINLAND[0]], MIDDAY)
        assert matrix.seconds.tolist() == [[0]]
        assert matrix.count_legs().estimate == 0

    async def test_gives_the_same_answer_in_any_block_size(
        self, server: OsrmServer, roads: OsrmHttp, traffic: Traffic
    ) -> None:
        sources, targets = [*MAINLAND, FAR_OFF], [*reversed(MAINLAND), ISLAND[0], FAR_OFF]
        whole = await roads.matrix(sources, targets, MIDDAY)
        async with OsrmHttp(server.base_url, traffic, block=2) as small:
            pieces = await small.matrix(sources, targets, MIDDAY)
        assert (whole.seconds == pieces.seconds).all()
        assert (whole.unreachable == pieces.unreachable).all()
        assert (whole.estimated == pieces.estimated).all()

    async def test_a_map_of_one_hour_is_turned_into_another_by_their_factors(
        self, roads: OsrmHttp
    ) -> None:
        midday = await roads.matrix(MAINLAND, MAINLAND, MIDDAY)
        evening = await roads.matrix(MAINLAND, MAINLAND, shanghai(17))
        assert np.allclose(evening.seconds, midday.seconds * 0.90 / 0.65, atol=1.5)

    async def test_obeys_a_one_way_street(self, roads: OsrmHttp) -> None:
        ends = [ONE_WAY_WEST, ONE_WAY_EAST]
        seconds = (await roads.matrix(ends, ends, MIDDAY)).seconds
        assert seconds[0, 1] < 15
        assert seconds[1, 0] > 60

    async def test_flags_an_island_as_unreachable(self, roads: OsrmHttp) -> None:
        matrix = await roads.matrix([MAINLAND[0], ISLAND[0]], [MAINLAND[1], ISLAND[0]], MIDDAY)
        assert matrix.unreachable.tolist() == [[False, True], [True, False]]
        assert matrix.seconds[0, 1] == matrix.seconds[1, 0] == UNREACHABLE_S
        assert matrix.seconds[1, 1] == 0

    async def test_drives_within_an_island(self, roads: OsrmHttp) -> None:
        matrix = await roads.matrix(ISLAND, ISLAND, MIDDAY)
        assert not matrix.unreachable.any()
        assert 10 < matrix.seconds[0, 1] < 200

    async def test_flags_the_end_of_a_one_way_trap(self, roads: OsrmHttp) -> None:
        matrix = await roads.matrix([TRAP_END], [MAINLAND[0]], MIDDAY)
        assert matrix.unreachable[0, 0]

    async def test_enters_a_one_way_trap_but_never_leaves_it_when_it_counts_as_a_town(
        self, grid_file: Path, tmp_path: Path, traffic: Traffic
    ) -> None:
        # Below 1000 nodes every part is small, so nothing is joined to a mainland.
        report = import_map(grid_file, tmp_path)
        ends = [MAINLAND[0], TRAP_END]
        async with (
            OsrmServer(report.version_dir / HourBucket.DAY) as server,
            OsrmHttp(server.base_url, traffic) as roads,
        ):
            matrix = await roads.matrix(ends, ends, MIDDAY)
        assert matrix.unreachable.tolist() == [[False, False], [True, False]]
        assert matrix.seconds[0, 1] > 100

    async def test_estimates_a_place_far_from_every_road(
        self, roads: OsrmHttp, traffic: Traffic
    ) -> None:
        matrix = await roads.matrix([MAINLAND[0], FAR_OFF], [FAR_OFF, MAINLAND[1]], MIDDAY)
        expected = await Estimate(traffic).matrix([MAINLAND[0]], [FAR_OFF], MIDDAY)
        assert matrix.estimated.tolist() == [[True, False], [True, True]]
        assert matrix.seconds[0, 0] == expected.seconds[0, 0]
        assert not matrix.unreachable.any()

    async def test_is_zero_between_places_that_join_the_road_at_one_point(
        self, roads: OsrmHttp
    ) -> None:
        corner_of_town = [corner(-0.5, -0.5), corner(-0.6, -0.6)]
        matrix = await roads.matrix(corner_of_town, corner_of_town, MIDDAY)
        assert (matrix.seconds == 0).all()

    async def test_takes_at_least_a_second_between_different_points_of_a_road(
        self, roads: OsrmHttp
    ) -> None:
        near = [corner(4.40, 5), corner(4.405, 5)]  # a metre apart along the street
        assert (await roads.matrix(near[:1], near[1:], MIDDAY)).seconds[0, 0] == 1

    async def test_gives_an_empty_matrix_for_no_places(self, roads: OsrmHttp) -> None:
        assert (await roads.matrix([], MAINLAND, MIDDAY)).seconds.shape == (0, 4)


class TestSnap:
    async def test_joins_each_place_to_its_nearest_road(self, roads: OsrmHttp) -> None:
        near, island, far = await roads.snap([MAINLAND[0], ISLAND[1], FAR_OFF])
        assert not near.far
        assert near.distance_m < 60
        assert not island.far
        assert far.far
        assert far.distance_m > 2_000


class TestRoute:
    async def test_follows_the_roads_leg_by_leg(self, roads: OsrmHttp) -> None:
        stops = MAINLAND[:3]
        route = await roads.route(stops, MIDDAY)
        matrix = await roads.matrix(stops, stops, MIDDAY)
        assert route.legs_s == pytest.approx((matrix.seconds[0, 1], matrix.seconds[1, 2]), abs=1)
        assert route.seconds == sum(route.legs_s)
        assert len(route.geometry) > 10
        assert route.metres > 3_000
        assert route.source is LegSource.OSRM

    async def test_refuses_a_drive_to_an_island(self, roads: OsrmHttp) -> None:
        with pytest.raises(NoRoadBetween):
            await roads.route([MAINLAND[0], ISLAND[0]], MIDDAY)

    async def test_labels_a_drive_to_a_place_without_roads_as_an_estimate(
        self, roads: OsrmHttp
    ) -> None:
        route = await roads.route([MAINLAND[0], FAR_OFF], MIDDAY)
        assert route.source is LegSource.ESTIMATE
        assert route.graph_version == f"estimate:{CHINA_CITY.name}"

    async def test_needs_two_places(self, roads: OsrmHttp) -> None:
        with pytest.raises(ValueError, match="two points"):
            await roads.route(MAINLAND[:1], MIDDAY)


ENDS = (Place(117.0, 36.6), Place(117.01, 36.6))
ON_ROADS = [(lon, lat, 1.0) for lon, lat in ENDS]


def table_of(durations: Sequence[float], **extra: Any) -> bytes:
    """Write a table answer between two places that both stand on a road."""
    return flat_table(durations, ON_ROADS, ON_ROADS, **extra)


def answering(body: bytes | object, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    """Answer tables so, and everything else as a server that names the map v1."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    nearest = {"code": "Ok", "waypoints": [], "data_version": "v1.day"}

    def answer(request: httpx.Request) -> httpx.Response:
        if "/table/" in request.url.path:
            return httpx.Response(status, content=content)
        return httpx.Response(200, content=json.dumps(nearest))

    return answer


class TestBadAnswers:
    async def ask(
        self, traffic: Traffic, handler: Callable[[httpx.Request], httpx.Response]
    ) -> Matrix:
        transport = httpx.MockTransport(handler)
        async with OsrmHttp("http://roads", traffic, transport=transport) as engine:
            return await engine.matrix(ENDS, ENDS, MIDDAY)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            {"code": "Ok"},
            table_of([0, 5]),
            table_of([0, -5, 5, 0]),
            table_of([0, float("nan"), 5, 0]),
            table_of([0, 5, 5, 0], data_version="another map"),
        ],
    )
    async def test_refuses_what_it_cannot_believe(self, traffic: Traffic, body: object) -> None:
        with pytest.raises(EngineFailed):
            await self.ask(traffic, answering(body))

    @pytest.mark.parametrize("body", [[], {"code": "InvalidQuery"}, {"code": "Ok"}, b"<html>"])
    async def test_passes_on_a_refusal(self, traffic: Traffic, body: object) -> None:
        with pytest.raises(EngineFailed, match=r"refused|no answer"):
            await self.ask(traffic, answering(body, 400))

    async def test_fails_when_nobody_listens(self, traffic: Traffic) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused", request=request)

        with pytest.raises(EngineFailed, match="no answer"):
            await self.ask(traffic, refuse)

    async def test_asks_again_when_the_server_closed_a_silent_connection(
        self, traffic: Traffic
    ) -> None:
        answer, asked = answering(table_of([0, 5, 6, 0])), []

        def closes_first(request: httpx.Request) -> httpx.Response:
            asked.append(request.url.path)
            if len(asked) == 1:
                raise httpx.RemoteProtocolError("closed", request=request)
            return answer(request)

        matrix = await self.ask(traffic, closes_first)
        assert matrix.seconds.tolist() == [[0, 5], [6, 0]]

    async def test_a_listed_cell_is_unreachable_though_it_holds_a_number(
        self, traffic: Traffic
    ) -> None:
        matrix = await self.ask(traffic, answering(table_of([0, 9, 5, 0], missing=[0, 1])))
        assert matrix.unreachable.tolist() == [[False, True], [False, False]]
        assert matrix.seconds[0, 1] == UNREACHABLE_S

    async def test_never_believes_a_zero_between_different_places(self, traffic: Traffic) -> None:
        matrix = await self.ask(traffic, answering(table_of([0, 0, 0, 0])))
        assert matrix.seconds.tolist() == [[0, 1], [1, 0]]


class TestBlocks:
    PLACES = tuple(Place(117.0 + k / 10_000, 36.6) for k in range(350))

    async def asked(
        self, traffic: Traffic, limit: int, refusal: httpx.Response, *, at_once: int = 1
    ) -> list[int]:
        """Ask a server that takes `limit` x `limit` cells, twice; gives the rows of each table."""
        rows: list[int] = []

        def answer(request: httpx.Request) -> httpx.Response:
            if "/table/" not in request.url.path:
                return answering(b"")(request)
            ends = request.url.params.get("sources", "").count(";") + 1
            count = request.url.path.count(";") + 1
            high, wide = (count, count) if ends == 1 else (ends, count - ends)
            rows.append(high)
            if high * wide > limit**2:
                return refusal
            spots = [(117.0 + k / 10_000, 36.6, 1.0) for k in range(max(high, wide))]
            return httpx.Response(
                200, content=flat_table([7] * high * wide, spots[:high], spots[:wide])
            )

        transport = httpx.MockTransport(answer)
        async with OsrmHttp("http://roads", traffic, transport=transport) as engine:
            for _ in range(2):
                await asyncio.gather(
                    *(engine.matrix(self.PLACES, self.PLACES, MIDDAY) for _ in range(at_once))
                )
        return rows

    async def test_takes_one_table_where_the_server_does(self, traffic: Traffic) -> None:
        assert await self.asked(traffic, 1000, httpx.Response(400)) == [350, 350]

    async def test_learns_the_limit_of_a_stock_server(self, traffic: Traffic) -> None:
        refusal = httpx.Response(400, content=b'{"code":"TooBig"}')
        rows = await self.asked(traffic, 100, refusal)
        assert rows[0] == 350
        assert rows[-16:].count(100) == 12  # four by four blocks, the last row of 50

    async def test_learns_the_longest_address_of_a_proxy(self, traffic: Traffic) -> None:
        rows = await self.asked(traffic, 300, httpx.Response(414))
        assert sorted(rows[-4:]) == [50, 50, 300, 300]

    async def test_many_refused_at_once_learn_one_step(self, traffic: Traffic) -> None:
        refusal = httpx.Response(400, content=b'{"code":"TooBig"}')
        assert 100 not in await self.asked(traffic, 300, refusal, at_once=4)


class Renamed:
    """A server whose map can be called something else while it is asked."""

    def __init__(self, held: str) -> None:
        self.held = held

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/table/" in request.url.path:
            return httpx.Response(200, content=table_of([0, 5, 5, 0], data_version=self.held))
        body = {"code": "Ok", "waypoints": [], "data_version": self.held}
        return httpx.Response(200, content=json.dumps(body))


class TestWhichMap:
    async def test_a_dotted_name_is_a_name(self, traffic: Traffic) -> None:
        server = Renamed("2026.11")
        transport = httpx.MockTransport(server)
        async with OsrmHttp("http://roads", traffic, transport=transport) as engine:
            assert (await engine.matrix(ENDS, ENDS, MIDDAY)).graph_version == "2026.11"
            server.held = "2026.12"
            with pytest.raises(EngineFailed, match=r"holds map 2026\.12"):
                await engine.matrix(ENDS, ENDS, MIDDAY)

    async def test_an_address_of_one_hour_with_the_map_of_another_is_refused(
        self, traffic: Traffic
    ) -> None:
        transport = httpx.MockTransport(answering(table_of([0, 5, 5, 0], data_version="v1.night")))
        servers = {bucket: f"http://{bucket.value}" for bucket in HourBucket}
        async with OsrmHttp(servers, traffic, transport=transport) as engine:
            with pytest.raises(EngineFailed, match=r"holds map v1\.night"):
                await engine.matrix(ENDS, ENDS, MIDDAY)

    async def test_is_asked_of_the_server_and_of_a_changed_one_anew(self, traffic: Traffic) -> None:
        server = Renamed("v1.day")
        transport = httpx.MockTransport(server)
        async with OsrmHttp("http://roads", traffic, transport=transport) as engine:
            first = await engine.matrix(ENDS, ENDS, MIDDAY)
            server.held = "v2.day"
            with pytest.raises(EngineFailed, match=r"holds map v2"):
                await engine.matrix(ENDS, ENDS, MIDDAY)
            second = await engine.matrix(ENDS, ENDS, MIDDAY)
        assert (first.graph_version, second.graph_version) == ("v1", "v2")

    async def test_a_server_that_names_none_is_believed_and_never_remembered(
        self, traffic: Traffic, tmp_path: Path
    ) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if "/table/" in request.url.path:
                return httpx.Response(200, content=table_of([0, 5, 5, 0]))
            return httpx.Response(200, content=json.dumps({"code": "Ok", "waypoints": []}))

        transport, cache = httpx.MockTransport(answer), MatrixCache(tmp_path)
        async with OsrmHttp("http://roads", traffic, transport=transport, cache=cache) as engine:
            matrix = await engine.matrix(ENDS, ENDS, MIDDAY)
        assert matrix.graph_version == "unnamed"
        assert list(tmp_path.iterdir()) == []

    async def test_each_hour_has_its_own_server_when_they_are_named_apart(
        self, traffic: Traffic
    ) -> None:
        asked = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append((request.url.host, request.url.path.split("/")[1]))
            held = f"v1.{request.url.host}"
            return answering(table_of([0, 100, 100, 0], data_version=held))(request)

        servers = {bucket: f"http://{bucket.value}" for bucket in HourBucket}
        transport = httpx.MockTransport(answer)
        async with OsrmHttp(servers, traffic, transport=transport) as engine:
            matrix = await engine.matrix(ENDS, ENDS, shanghai(17))
        assert asked[-1] == ("evening_peak", "table")
        assert matrix.seconds[0, 1] == 100  # the map holds the hour's speeds: nothing is divided
