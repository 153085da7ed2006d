"""An order at work, seen from the phones of its crew."""

import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from tests.app.evidence.at_work import UPLOADS, PhoneFile, chunk, order_at_work
from tests.conftest import Headers
from tests.factories.world import World


@pytest.fixture
async def order_id(app: FastAPI, database: Database, world: World) -> UUID:
    """An H02 order that crew A1 (tech01, tech02) is working on."""
    async with database.transaction() as session:
        return (await order_at_work(session, world)).id


@pytest.fixture
def server(config: Settings) -> Iterator[str]:
    """The API on a port of its own; yields its base URL."""
    chosen = uvicorn.Config(
        create_app(config),
        host="127.0.0.1",
        port=0,
        log_level="warning",
        ws="none",
        timeout_graceful_shutdown=3,
    )
    running = uvicorn.Server(chosen)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive(), "the API did not start"
        thread.join(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/api/v1"
    running.should_exit = True
    thread.join()


class Phone:
    """A technician's phone speaking tus."""

    def __init__(
        self, client: httpx.AsyncClient, order_id: UUID, headers: Callable[[], dict[str, str]]
    ) -> None:
        self.client = client
        self.order_id = order_id
        self.headers = headers

    async def create(self, file: PhoneFile, **changed: str) -> httpx.Response:
        headers = self.headers() | file.creation(self.order_id) | changed
        return await self.client.post(UPLOADS, headers=headers)

    async def offset(self, file: PhoneFile) -> httpx.Response:
        headers = self.headers() | {"Tus-Resumable": "1.0.0"}
        return await self.client.head(file.url, headers=headers)

    async def send(
        self, file: PhoneFile, offset: int = 0, upto: int | None = None, **changed: str
    ) -> httpx.Response:
        headers = self.headers() | chunk(offset) | changed
        return await self.client.patch(file.url, headers=headers, content=file.content[offset:upto])

    async def upload(self, file: PhoneFile) -> httpx.Response:
        """The whole file in one chunk."""
        assert (await self.create(file)).status_code == 201
        return await self.send(file)


@pytest.fixture
def phone_of(client: httpx.AsyncClient, order_id: UUID, as_: Headers) -> Callable[[str], Phone]:
    return lambda username: Phone(client, order_id, lambda: as_(username))


@pytest.fixture
def phone(phone_of: Callable[[str], Phone]) -> Phone:
    """The leader's."""
    return phone_of("tech01")
