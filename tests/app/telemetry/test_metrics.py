"""GET /metrics"""

import httpx
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.world import World


async def test_figures_of_all_processes_come_from_the_database(
    app: FastAPI, client: httpx.AsyncClient, as_: Headers, world: World
) -> None:
    await Desk(client, world, as_).sent(crew="A1")
    answer = await client.get("http://test/metrics", headers=as_("admin"))
    assert answer.status_code == 200, answer.text
    told = {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert told["paigong_ladder_climbs_total", ("0", "ordinary")] == 1
    assert told["paigong_messages_waiting", ("push",)] == 2
    assert told["paigong_orders", ("SENT",)] == 1
    assert told["paigong_queue_jobs", ("push", "todo")] == 2
    assert told["paigong_queue_age_seconds", ("push",)] >= 0
    assert ("paigong_feed_lag_seconds", ()) in told
    assert ("paigong_planning_seconds_total", ()) in told
    assert told["paigong_open_streams", ()] == 0
    assert (await client.get("http://test/metrics", headers=as_("manager"))).status_code == 403
    assert (await client.get("http://test/metrics")).status_code == 401
