"""The JavaScript tus client against a real server; skipped where there is no Node."""

import asyncio
import hashlib
import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.core.db import Database
from app.evidence.models import EvidenceFile
from tests.app.evidence.at_work import UPLOADS, PhoneFile, jpeg, kept
from tests.app.evidence.test_resumption import bearer, stored
from tests.app.evidence.torn_line import torn_line
from tests.conftest import Headers

HERE = Path(__file__).parent / "tus_js"
ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def script() -> Path:
    """The driver with its client installed beside it, once per lock file, under `var/`."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("tus-js-client needs Node 18 or later and npm on PATH")
    lock = (HERE / "package-lock.json").read_bytes()
    folder = ROOT / "var" / "tus_js" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "node_modules" / "tus-js-client").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        installing = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(installing, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(folder)
            pytest.skip(f"tus-js-client could not be installed: {done.stderr[-300:]}")
    shutil.copy(HERE / "upload.mjs", folder)
    return folder / "upload.mjs"


@pytest.fixture
def js(script: Path, order_id: UUID, as_: Headers, tmp_path: Path) -> Run:
    """Upload a file with tus-js-client; what it tells."""

    async def run(
        server: str, file: PhoneFile, username: str = "tech01", **asked: Any
    ) -> dict[str, Any]:
        path = tmp_path / file.id.hex
        path.write_bytes(file.content)
        said = {
            "endpoint": server + UPLOADS,
            "headers": bearer(as_, username),
            "metadata": file.metadata(order_id),
            "path": str(path),
        }
        done = await asyncio.to_thread(
            subprocess.run,
            ["node", str(script)],
            input=json.dumps(said | asked),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    return run


class TestTusJs:
    async def test_a_file_survives_a_line_torn_again_and_again(
        self, js: Run, server: str, database: Database
    ) -> None:
        file = PhoneFile(jpeg(98))
        with torn_line(server, [30_000, 90_000, 150_000]) as bad:
            told = await js(bad, file, chunkSize=100_000, retries=10)
        assert told["error"] is None
        assert told["retries"] >= 3  # a retry that finds the file busy is one more
        assert (await stored(database, file)).state == "verified"
        assert kept(file.sha256) == file.content

    async def test_bytes_come_with_the_creation_stop_and_go_on_another_day(
        self, js: Run, server: str, database: Database
    ) -> None:
        file = PhoneFile(jpeg())
        begun = await js(
            server, file, chunkSize=40_000, uploadDataDuringCreation=True, stopAfter=40_000
        )
        assert (begun["error"], begun["sent"]) == (None, 40_000)
        assert (await stored(database, file)).received_bytes == 40_000
        foreign = await js(server, file, "tech02", uploadUrl=begun["url"])
        assert foreign["status"] == 404
        told = await js(server, file, uploadUrl=begun["url"], overridePatchMethod=True)
        assert (told["error"], told["sent"]) == (None, len(file.content))
        assert (await stored(database, file)).state == "verified"

    async def test_an_upload_is_ended_and_a_liar_refused(
        self, js: Run, server: str, database: Database
    ) -> None:
        file, liar = PhoneFile(jpeg()), PhoneFile(jpeg() + b"<script>alert(1)</script>")
        ended = await js(server, file, chunkSize=40_000, stopAfter=40_000, terminate=True)
        assert ended["error"] is None
        async with database.transaction() as session:
            assert await session.get(EvidenceFile, file.id) is None
        told = await js(server, liar)
        assert told["status"] == 422
        assert told["why"] == "foreign-data"
        assert (await stored(database, liar)).rejected_why == "foreign-data"
