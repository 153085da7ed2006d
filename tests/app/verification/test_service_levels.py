"""Service levels of a whole morning: told over HTTP, counted a second time, down to the runs."""

import csv
import io
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.core import clock
from app.core.db import Database
from app.core.problems import TYPE_BASE
from tests.app.board.both import counted
from tests.app.verification.conftest import Ground
from tests.factories.world import NOW, access_token

DAYS = {"since": "2026-01-01", "until": "2026-01-31"}


class Desk:
    """Asks for service levels as somebody of the world."""

    def __init__(self, client: httpx.AsyncClient, ground: Ground, database: Database) -> None:
        self.client, self.ground, self.database = client, ground, database

    async def get(self, path: str, who: str = "manager", **query: object) -> httpx.Response:
        token = access_token(self.ground.world, who)
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        asked = {key: str(value) for key, value in (DAYS | query).items()}
        return await self.client.get(f"/service-levels{path}", params=asked, headers=headers)


@pytest.fixture
async def desk(application: FastAPI, ground: Ground) -> AsyncIterator[Desk]:
    database = Database(ground.config.database_url)
    application.state.settings = ground.config
    application.state.database = database
    transport = httpx.ASGITransport(app=application)
    with clock.frozen(NOW.replace(day=19)):
        async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
            yield Desk(client, ground, database)
    await database.close()


async def test_they_are_those_of_a_second_count(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        told, found = await counted(session)
    assert told == found
    assert {place[3] for place in told} == {*(f"K{n}" for n in range(1, 9)), "SAFE"}
    assert sum(each["left_out"] for each in told.values()) > 0
    assert sum(each["late_gross"] for each in told.values()) > 0


async def test_each_figure_is_made_of_its_runs_and_csv_says_the_same(desk: Desk) -> None:
    whole = {"grain": "whole", "group_by": "station", "clock": "K4"}
    figures = (await desk.get("", **whole)).json()["figures"]
    runs = (await desk.get("/runs", clock="K4", limit=200)).json()["items"]
    for figure in figures:
        mine = [run for run in runs if run["station_id"] == figure["station_id"]]
        assert figure["n"] == sum(run["done"] for run in mine)
        for time in ("net", "gross"):
            assert figure[time]["late"] == sum(run[f"late_{time}"] is True for run in mine)
        assert figure["period"] is None and figure["service_class"] is None
    late = (await desk.get("/runs", clock="K4", late=True)).json()["items"]
    assert [run["serial"] for run in late] == [
        run["serial"] for run in runs if run["late_net"] or run["late_gross"]
    ]
    first = (await desk.get("/runs", clock="K4", limit=2)).json()
    second = (await desk.get("/runs", clock="K4", limit=2, cursor=first["next_cursor"])).json()
    assert first["items"] + second["items"] == runs[:4]
    answer = await desk.get("/export", **whole)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["station_code"], int(row["n"]), row["share_net"]) for row in rows] == [
        (code, each["n"], "" if each["net"]["share"] is None else str(each["net"]["share"]))
        for code, each in zip([row["station_code"] for row in rows], figures, strict=True)
    ]
    for row, each in zip(rows, figures, strict=True):
        kept = {promise["kept_gross"] for promise in each["promises"]} - {None}
        assert row["limits"].count("cap") + row["limits"].count("average") == len(each["promises"])
        assert row["kept_gross"] == ("" if not kept else "no" if False in kept else "yes")


async def test_a_chief_sees_the_own_station_and_no_other(desk: Desk) -> None:
    own = desk.ground.world.stations["S01"]
    figures = (await desk.get("", "chief1")).json()["figures"]
    assert {each["station_id"] for each in figures} == {str(own)}
    other = desk.ground.world.stations["S02"]
    assert (await desk.get("", "chief1", station_id=other)).status_code == 404
    assert (await desk.get("", "agent")).status_code == 403


async def test_a_published_profile_judges_instead_of_the_orders_own(desk: Desk) -> None:
    asked = {"grain": "whole", "group_by": "service_class", "clock": "K4", "service_class": "E1"}
    (own,) = (await desk.get("", **asked)).json()["figures"]
    answer = (await desk.get("", **asked, profile="State Grid promises")).json()
    (grid,) = answer["figures"]
    (judge,) = answer["judged_by"]
    assert (judge["name"], judge["effective_from"]) == ("State Grid promises", "2022-01-01")
    assert "heck current text" in judge["note"]
    assert own["net"]["mean_s"] == grid["net"]["mean_s"]
    assert [(each["kind"], each["limit_s"]) for each in own["promises"]] == [("cap", 1800)]
    (promise,) = grid["promises"]
    assert (promise["kind"], promise["limit_s"]) == ("average", 2700)
    assert promise["kept_net"] is (promise["net"]["mean_s"] <= 2700)
    unknown = await desk.get("", profile="nobody's")
    assert (unknown.status_code, unknown.json()["type"]) == (404, TYPE_BASE + "unknown-profile")
    assert (await desk.get("", since="2025-01-01", until="2026-12-31")).status_code == 422
    assert (await desk.get("/runs")).status_code == 422
