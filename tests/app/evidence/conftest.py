"""An order at work, seen from the phones of its crew."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from tests.app.evidence.at_work import UPLOADS, PhoneFile, chunk, order_at_work
from tests.conftest import Headers
from tests.factories.world import World


@pytest.fixture
async def order_id(app: FastAPI, database: Database, world: World) -> UUID:
    """An H02 order that crew A1 (tech01, tech02) is working on."""
    async with database.transaction() as session:
        return (await order_at_work(session, world)).id


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
