"""The phone's core against a real server; skipped where there is no Node."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from geoalchemy2.shape import to_shape
from sqlmodel import select

from app.core.db import Database
from app.evidence.models import EvidenceFile
from tests.app.completions.said import complete, record
from tests.app.evidence.at_work import PhoneFile, h02_files, jpeg, kept
from tests.app.evidence.conftest import Phone
from tests.e2e.test_hostile import built_core
from tests.factories.world import PASSWORD, World


def errand(server: str, picture: Path) -> dict[str, Any]:
    """What the core tells of one round: pull, retake, upload, reconcile."""
    said = {
        "url": server.removesuffix("/api/v1"),
        "username": "tech01",
        "password": PASSWORD,
        "device_id": str(uuid4()),
    }
    script = built_core() / "test" / "retake.js"
    command = ["node", "--enable-source-maps", str(script), str(picture)]
    done = subprocess.run(
        command, input=json.dumps(said), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def test_a_file_that_was_not_taken_is_taken_anew_with_its_place_and_source(
    phone: Phone, server: str, database: Database, world: World, tmp_path: Path
) -> None:
    """The phone's clock shows 1970: that is kept as it was shown, and the photo counts."""
    torn, (before, _, signature) = PhoneFile(jpeg()[:-3000]), h02_files()
    await complete(database, world, phone.order_id, record([before, torn, signature]))
    for whole in (before, signature):
        await phone.upload(whole)
    assert (await phone.upload(torn)).json()["why"] == "truncated"
    picture = tmp_path / "again.jpg"
    picture.write_bytes(jpeg(62))
    told = await asyncio.to_thread(errand, server, picture)
    wanted = {"orderId": str(phone.order_id), "kind": "F", "replaces": str(torn.id)}
    assert told["retakes"] == [wanted | {"why": "truncated"}]
    assert (told["states"], told["still"], told["complete"]) == (["released"], [], True)
    assert told["told"]["files"]["verified"] == 1
    async with database.transaction() as session:
        query = select(EvidenceFile).where(EvidenceFile.id == UUID(told["files"][0]))
        row = (await session.exec(query)).one()
    assert (row.replaces, row.state, row.source) == (torn.id, "verified", "camera")
    assert row.in_manifest and row.captured_at == datetime(1970, 1, 1, tzinfo=UTC)
    spot = to_shape(row.captured_place)
    assert (spot.x, spot.y) == pytest.approx((117.02, 36.65), abs=0.01)
    assert kept(row.sha256) == jpeg(62)
