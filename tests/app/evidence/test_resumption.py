"""A real tus client against a real server, with the line torn in the middle of a chunk."""

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
import uvicorn
from tusclient.client import TusClient

from app.core.db import Database
from app.core.settings import Settings
from app.evidence.models import EvidenceFile
from app.main import create_app
from tests.app.evidence.at_work import UPLOADS, PhoneFile, chunk, jpeg, kept
from tests.conftest import Headers


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


def bearer(as_: Headers, username: str = "tech01") -> dict[str, str]:
    return {"Authorization": as_(username)["Authorization"]}


def tear(url: str, headers: dict[str, str], content: bytes, sent: int) -> None:
    """Announce all of `content`, send `sent` bytes of it, and cut the line."""
    parts = urlsplit(url)
    head = [f"PATCH {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    head += [f"Content-Length: {len(content)}", "", ""]
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=10) as line:
        line.sendall("\r\n".join(head).encode() + content[:sent])


def offset_after_tear(url: str, headers: dict[str, str]) -> int:
    """Ask with HEAD until the server has noticed and stored what came."""
    with httpx.Client(headers=headers | {"Tus-Resumable": "1.0.0"}) as http:
        for _ in range(2000):
            offset = int(http.head(url).headers["Upload-Offset"])
            if offset:
                return offset
    raise AssertionError("nothing of the torn chunk was kept")


async def stored(database: Database, file: PhoneFile) -> EvidenceFile:
    async with database.transaction() as session:
        row = await session.get(EvidenceFile, file.id)
    assert row is not None
    return row


def uploader(server: str, file: PhoneFile, headers: dict[str, str], **more: Any) -> Any:
    client = TusClient(server + UPLOADS, headers=headers)
    return client.uploader(file_stream=io.BytesIO(file.content), retries=100, retry_delay=0, **more)


class TestTuspy:
    async def test_uploads_in_chunks(
        self, server: str, database: Database, order_id: UUID, as_: Headers
    ) -> None:
        file = PhoneFile(jpeg())
        uploader(
            server, file, bearer(as_), chunk_size=30_000, metadata=file.metadata(order_id)
        ).upload()
        assert (await stored(database, file)).state == "verified"
        assert kept(file.sha256) == file.content

    async def test_goes_on_after_a_line_torn_in_the_middle_of_a_chunk(
        self, server: str, database: Database, order_id: UUID, as_: Headers
    ) -> None:
        file = PhoneFile(jpeg(98))
        headers = bearer(as_)
        created = uploader(server, file, headers, metadata=file.metadata(order_id)).create_url()
        tear(created, headers | chunk(0), file.content, sent=len(file.content) * 2 // 3)
        known = offset_after_tear(created, headers)
        assert 0 < known <= len(file.content) * 2 // 3
        resumed = uploader(server, file, headers, url=created)
        assert resumed.offset == known
        resumed.upload()
        assert (await stored(database, file)).state == "verified"
        assert kept(file.sha256) == file.content
