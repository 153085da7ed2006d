"""A real tus client against a real server, with the line torn in the middle of a chunk."""

import io
import socket
import threading
from base64 import b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from tusclient.client import TusClient

from app.core.db import Database
from app.evidence.models import EvidenceFile
from tests.app.evidence.at_work import UPLOADS, PhoneFile, chunk, jpeg, kept
from tests.app.evidence.torn_line import torn_line
from tests.conftest import Headers


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

    async def test_goes_on_by_itself_over_a_bad_line_with_a_checksum_on_each_chunk(
        self, server: str, database: Database, order_id: UUID, as_: Headers
    ) -> None:
        file = PhoneFile(jpeg(98))
        with torn_line(server, [30_000, 90_000, 150_000]) as bad:
            uploader(
                bad,
                file,
                bearer(as_) | {"Connection": "close"},
                chunk_size=100_000,
                metadata=file.metadata(order_id),
                upload_checksum=True,
            ).upload()
        assert (await stored(database, file)).state == "verified"
        assert kept(file.sha256) == file.content


class TestOneServer:
    async def test_four_racing_chunks_wrong_offset_wrong_sum_and_a_stranger(
        self, server: str, database: Database, order_id: UUID, as_: Headers
    ) -> None:
        file = PhoneFile(jpeg(98))
        headers = bearer(as_)
        url = uploader(server, file, headers, metadata=file.metadata(order_id)).create_url()

        def patch(offset: int, content: bytes, **more: str) -> httpx.Response:
            return httpx.patch(url, headers=headers | chunk(offset) | more, content=content)

        assert patch(7, file.content).status_code == 409
        wrong = {"Upload-Checksum": f"sha256 {b64encode(sha256(b'').digest()).decode()}"}
        assert patch(0, file.content, **wrong).status_code == 460
        assert patch(0, file.content, **bearer(as_, "tech02")).status_code == 404
        statuses: list[int] = []
        racing = [
            threading.Thread(target=lambda: statuses.append(patch(0, file.content).status_code))
            for _ in range(4)
        ]
        for each in racing:
            each.start()
        for each in racing:
            each.join()
        assert sorted(statuses)[0] == 204
        assert set(sorted(statuses)[1:]) <= {409, 423}
        assert (await stored(database, file)).state == "verified"
        assert kept(file.sha256) == file.content
