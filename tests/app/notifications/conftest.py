"""The fake push server, a channel of the real SDK that speaks to it, and the desk."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.core.db import Database
from app.core.ids import new_secret
from app.core.settings import Settings
from app.demo import text_gateway
from app.demo.fcm_account import write_account
from app.notifications.fcm import FcmChannel
from app.notifications.gateway import GatewayChannel
from tests.app.notifications.customer_house import Customers, Gateway
from tests.app.notifications.fake_server import FakeFcm, running
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.world import World

Register = Callable[[str], Awaitable[str]]
"""Gives a technician's phone an address at the fake server; the address."""


@pytest.fixture(scope="session")
def fcm_server() -> Iterator[FakeFcm]:
    with running() as fake:
        yield fake


@pytest.fixture
def fcm_account(tmp_path: Path, fcm_server: FakeFcm) -> Path:
    path = tmp_path / "service-account.json"
    write_account(path, fcm_server.url)
    return path


@pytest.fixture
async def fcm(fcm_account: Path, fcm_server: FakeFcm) -> AsyncIterator[FcmChannel]:
    channel = FcmChannel(fcm_account, fcm_server.url, timeout_s=5)
    yield channel
    await channel.close()


@pytest.fixture
def customers(
    config: Settings, database: Database, world: World, client: httpx.AsyncClient
) -> Customers:
    config.public_url = "https://help.example/h/"
    return Customers(database, world, Gateway(), client)


@pytest.fixture
def desk(client: httpx.AsyncClient, world: World, as_: Headers) -> Desk:
    return Desk(client, world, as_)


@pytest.fixture
def register(client: httpx.AsyncClient, as_: Headers) -> Register:
    async def put(username: str) -> str:
        address = f"{username}-{new_secret(6)}"
        answer = await client.put(
            "/mobile/push-address",
            json={"provider": "fcm", "kind": "fid", "address": address},
            headers=as_(username),
        )
        assert answer.status_code == 200, answer.text
        return address

    return put


@pytest.fixture
async def gateway(fcm_server: FakeFcm) -> AsyncIterator[GatewayChannel]:
    made = GatewayChannel("sms", fcm_server.url, text_gateway.TOKEN)
    yield made
    await made.close()
