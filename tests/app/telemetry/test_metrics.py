"""GET /metrics"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import httpx
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.core import clock, feed
from app.core.db import Database
from app.core.feed import Cursor
from app.core.ids import new_id
from app.planning.models import PlanningRun
from app.telemetry import figures
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.world import World

Told = Mapping[tuple[str, tuple[str, ...]], float]


async def scrape(client: httpx.AsyncClient, as_: Headers) -> Told:
    """(name, label values) -> value."""
    answer = await client.get("http://test/metrics", headers=as_("admin"))
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def lag_of(database: Database, told: Cursor | None) -> float:
    """Business seconds; transactions of other databases on the server hold the feed back, too."""
    async with database.transaction() as session:
        _, samples = await figures.stream_lag(session, clock.now(), told)
    return samples[0][1]


async def test_figures_of_all_processes_come_from_the_database(
    app: FastAPI, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
) -> None:
    """One prepared database; each part depends on the one before."""
    await Desk(client, world, as_).sent(crew="A1")
    told = await scrape(client, as_)
    assert told["paigong_ladder_climbs_total", ("0", "ordinary")] == 1
    assert told["paigong_messages_waiting", ("push",)] == 2
    assert told["paigong_orders", ("SENT",)] == 1
    assert told["paigong_queue_jobs", ("default", "todo")] >= 1
    assert told["paigong_queue_age_seconds", ("wishes",)] >= 0
    assert told["paigong_queue_age_seconds", ("push",)] >= 0
    assert told["paigong_ladder_overdue_seconds", ()] == 0
    assert told["paigong_ladder_overdue_steps", ()] == 0
    assert told["paigong_planning_seconds_total", ()] == 0
    assert told["paigong_open_streams", ()] == 0
    assert told["paigong_stream_lag_seconds", ()] == 0
    assert (await client.get("http://test/metrics", headers=as_("manager"))).status_code == 403
    assert (await client.get("http://test/metrics")).status_code == 401

    async with asyncio.timeout(30):
        while (await scrape(client, as_))["paigong_feed_settling_rows", ()]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    # An older transaction holds the feed back, no worker climbs, and a plan took its time.
    async with database.transaction() as older:
        await older.execute(text("SELECT pg_current_xact_id()"))
        began = clock.now()
        async with database.transaction() as session:
            await feed.append(session, "work_order", new_id())
            for seconds, state in ((7, "published"), (5, "failed")):
                session.add(
                    PlanningRun(
                        station_id=world.stations["S01"],
                        state=state,
                        trigger="timer",
                        horizon_s=3600,
                        budget_s=5.0,
                        requested_at=began,
                        started_at=began,
                        finished_at=began + timedelta(seconds=seconds),
                    )
                )
        clock.advance(timedelta(seconds=150))
        held_back = await scrape(client, as_)
        start = Cursor(new_id(), 0, 0)
        _, samples = await figures.stream_lag(older, clock.now(), start)
    assert held_back["paigong_feed_lag_seconds", ()] == 150
    assert held_back["paigong_feed_settling_rows", ()] == 1
    assert samples == [([], 150.0)]
    assert held_back["paigong_ladder_overdue_seconds", ()] == 30, "its second step was due at 120"
    assert held_back["paigong_ladder_overdue_steps", ()] == 1
    assert held_back["paigong_planning_seconds_total", ()] == 12
    assert held_back["paigong_planning_runs_total", ("published",)] == 1

    # The hub of this process has told its streams everything.
    hub = await app.state.stream.of(database)
    async with asyncio.timeout(30):
        while await lag_of(database, hub.position) > 0:  # noqa: ASYNC110 - others hold the horizon
            await asyncio.sleep(0.02)
    await app.state.stream.close()
