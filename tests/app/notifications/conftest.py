"""The fake push server, and a channel of the real SDK that speaks to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.demo.fcm_account import write_account
from app.notifications.fcm import FcmChannel
from tests.app.notifications.fake_server import FakeFcm, running


@pytest.fixture(scope="session")
def fcm_server() -> Iterator[FakeFcm]:
    with running() as fake:
        yield fake


@pytest.fixture
def fcm_account(tmp_path: Path, fcm_server: FakeFcm) -> Path:
    path = tmp_path / "service-account.json"
    write_account(path, fcm_server.url)
    return path


@pytest_asyncio.fixture
async def fcm(fcm_account: Path, fcm_server: FakeFcm) -> AsyncIterator[FcmChannel]:
    channel = FcmChannel(fcm_account, fcm_server.url, timeout_s=5)
    yield channel
    await channel.close()
