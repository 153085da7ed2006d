"""GET /stream"""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.identity.service import principal_of_user
from tests.app.stream.listening import Event, Reader, events
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World


@pytest.fixture
def desk(client: httpx.AsyncClient, world: World, as_: Headers) -> Desk:
    return Desk(client, world, as_)


def gone(told: Event, order_id: str) -> bool:
    return order_id in told.data and '"gone":true' in told.data


class TestRoute:
    """GET /stream"""

    async def test_a_reassigned_job_is_gone_from_the_old_crews_stream_and_sync(
        self,
        client: httpx.AsyncClient,
        app: FastAPI,
        as_: Headers,
        desk: Desk,
        database: Database,
        world: World,
    ) -> None:
        order_id = await desk.sent(crew="A2")
        phone = Phone(client, as_("tech03"))
        await phone.sync_until(lambda _: order_id in phone.jobs)
        async with database.transaction() as session:
            technician = await principal_of_user(session, world.users["tech03"])
        live = Reader(await app.state.stream.of(database), technician)
        await live.until(1)
        answer = await client.get("/stream", headers=as_("tech03"))
        place = events(answer.content)[-1].id
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert place is not None
        await desk.assign(order_id, "A3")
        await live.until_told(lambda each: gone(each, order_id))
        # What was sent may be told once more before; nothing else is.
        assert all(order_id in each.data for each in live.heard[1:])
        await phone.sync_until(lambda _: order_id not in phone.jobs)
        await live.close()
        told: list[Event] = []
        for _ in range(200):
            answer = await client.get("/stream", headers=as_("tech03") | {"Last-Event-ID": place})
            told = events(answer.content)
            if any(gone(each, order_id) for each in told):
                break
            await asyncio.sleep(0.01)
        assert [gone(each, order_id) for each in told if order_id in each.data][-1:] == [True]
        other = await client.get("/stream", headers=as_("chief2") | {"Last-Event-ID": place})
        assert [each.name for each in events(other.content)] == ["ready"]
        wrong = await client.get("/stream", headers=as_("tech03") | {"Last-Event-ID": "x"})
        assert wrong.status_code == 422
        await app.state.stream.close()
