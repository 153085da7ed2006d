"""What a working day costs in bytes, and what both sides hold at its end."""

import gzip
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
import zstandard
from sqlmodel import select

from app.core.db import Database
from app.mobile.models import PhoneManifest
from tests.factories.desk import Desk
from tests.factories.phone import Phone

DAY = [
    (f"{building}-{unit}", fault)
    for building in ("锦绣家园1", "锦绣家园3")
    for unit in ("1-101", "1-102", "2-201")
    for fault in ("H01", "P07")
]


async def raw_sync(
    client: httpx.AsyncClient, phone: Phone, how: str, **more: str
) -> tuple[httpx.Response, bytes]:
    """The answer and its body as it crossed the wire; headers come on top of it."""
    headers = phone.headers | {"Accept-Encoding": how} | more
    params = {"cursor": phone.cursor} if phone.cursor else {}
    async with client.stream("GET", "/mobile/sync", params=params, headers=headers) as answer:
        body = b"".join([part async for part in answer.aiter_raw()])
    return answer, body


def decoded(body: bytes, how: str) -> Any:
    unpacked = {
        "gzip": gzip.decompress,
        "zstd": lambda raw: zstandard.ZstdDecompressor().decompress(raw),
        "identity": lambda raw: raw,
    }[how](body)
    return json.loads(unpacked)


def as_sent(answer: httpx.Response, body: bytes) -> Any:
    """The body, packed or not: small answers are not."""
    return decoded(body, answer.headers.get("Content-Encoding", "identity"))


class TestBytes:
    async def test_a_day_of_twelve_jobs_and_a_sync_that_tells_nothing(
        self,
        desk: Desk,
        leader: Phone,
        client: httpx.AsyncClient,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        for premises, fault in DAY:
            await desk.sent(premises=premises, fault_code=fault)
        await leader.sync_until(lambda body: len(leader.jobs) == 12 and not body["settling"])
        known, leader.cursor = leader.cursor, None
        sizes = {}
        for how in ("gzip", "zstd", "identity"):
            _, body = await raw_sync(client, leader, how)
            told = decoded(body, how)
            assert len(told["jobs"]) == 12
            assert len(told["catalogue"]["faults"]) > 50
            assert {"crews", "shifts", "notices", "rules", "device"} <= told.keys()
            sizes[how] = len(body)
        assert sizes["gzip"] <= 12_000
        assert sizes["zstd"] <= 12_000
        leader.cursor = known
        answer, empty = await raw_sync(client, leader, "zstd")
        while (told := as_sent(answer, empty))["jobs"] or told["settling"]:
            leader.cursor = told["cursor"]
            answer, empty = await raw_sync(client, leader, "zstd")
        assert json.loads(empty)["mode"] == "changes"
        assert len(empty) <= 300
        leader.cursor = json.loads(empty)["cursor"]
        tag = {"If-None-Match": answer.headers["ETag"]}
        same, nothing = await raw_sync(client, leader, "zstd", **tag)
        assert (same.status_code, nothing) == (304, b"")
        leader.cursor = None
        whole, nothing = await raw_sync(client, leader, "zstd", **tag)
        assert (whole.status_code, nothing) == (304, b"")
        first = await desk.order(next(iter(leader.jobs)))
        await desk.amend(first["id"], notes="后门进")
        for _ in range(200):
            changed, _ = await raw_sync(client, leader, "zstd", **tag)
            if changed.status_code == 200:
                break
        assert changed.status_code == 200
        with capsys.disabled():
            print(f"\nsync of 12 jobs: {sizes}, nothing new: {len(empty)} bytes of body")


class TestReconcile:
    async def test_everything_is_in_exactly_one_list(
        self,
        desk: Desk,
        leader: Phone,
        other: Phone,
        client: httpx.AsyncClient,
        database: Database,
    ) -> None:
        order_id, new = await desk.sent(), await desk.sent(premises="锦绣家园1-1-102")
        accept = leader.command("accept", order_id)
        early = leader.command("start", order_id)
        bad = leader.command("hold", order_id)
        await leader.send(accept, early, bad)
        unsent = leader.command("depart", order_id)
        leader.seq += 1
        beyond = leader.command("arrive", order_id)
        foreign = other.command("accept", order_id)
        await other.send(foreign)
        version = (await desk.order(order_id))["version"]
        commands = [accept, early, bad, unsent, beyond, foreign]
        file = {"id": str(uuid4()), "order_id": order_id, "sha256": "0" * 64, "size_bytes": 7}
        manifest = {
            "orders": [{"id": order_id, "version": version}, {"id": str(uuid4()), "version": 1}],
            "commands": [{"id": e["id"], "device_seq": e["device_seq"]} for e in commands],
            "files": [file],
        }
        answer = await client.post("/mobile/reconcile", json=manifest, headers=leader.headers)
        assert answer.status_code == 200, answer.text
        out = answer.json()
        assert out["complete"] is False
        assert (out["orders"]["same"], out["orders"]["missing"]) == (1, [new])
        assert len(out["orders"]["gone"]) == 1
        told = out["commands"]
        assert (told["applied"], told["conflicts"]) == (1, [early["id"]])
        assert told["refused"] == [bad["id"]]
        assert told["missing"] == [unsent["id"], beyond["id"]]
        assert told["differing"] == [{"id": foreign["id"], "why": "not_yours"}]
        assert (told["last_seq"], told["unlisted"]) == (3, 0)
        assert told["gaps"] == [{"first": 5, "last": 5}]
        assert out["files"]["missing"] == [file["id"]]
        notices = (await leader.sync())["notices"]
        assert "commands_missing" in [each["kind"] for each in notices]

        await self._page_by_page(leader, client, database, manifest)
        lost = {"commands": [unsent, beyond], "lost": [5]}
        sent = await client.post("/mobile/commands", json=lost, headers=leader.headers)
        assert sent.json()["last_seq"] == 6
        await leader.pulls()
        manifest["orders"] = [
            {"id": job["id"], "version": job["version"]} for job in leader.jobs.values()
        ]
        manifest["commands"] = manifest["commands"][:5]
        manifest["files"] = []
        answer = await client.post("/mobile/reconcile", json=manifest, headers=leader.headers)
        assert answer.json()["complete"] is True, answer.json()
        notices = (await leader.sync())["notices"]
        assert "commands_missing" not in [each["kind"] for each in notices]

    async def _page_by_page(
        self, leader: Phone, client: httpx.AsyncClient, database: Database, manifest: dict[str, Any]
    ) -> None:
        """Pages add up: what the first one lacks is not forgotten over the last."""
        nothing: dict[str, Any] = {"orders": [], "commands": [], "files": []}
        for page, held in ((1, manifest), (2, nothing), (3, nothing)):
            body = held | {"page": page, "of": 3}
            answer = await client.post("/mobile/reconcile", json=body, headers=leader.headers)
            assert answer.status_code == 200, answer.text
        beyond = await client.post(
            "/mobile/reconcile", json=nothing | {"page": 2}, headers=leader.headers
        )
        assert beyond.status_code == 422
        async with database.transaction() as session:
            note = (await session.exec(select(PhoneManifest))).one()
        assert (note.orders, note.commands, note.files) == (2, 6, 1)
        assert (note.missing_commands, note.missing_files, note.differing) == (2, 1, 1)
        notices = (await leader.sync())["notices"]
        (told,) = [each["data"] for each in notices if each["kind"] == "commands_missing"]
        assert told == {"commands": 2}
