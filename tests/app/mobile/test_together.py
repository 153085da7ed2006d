"""Leader and helper on one job: what joins, what contradicts, what is still owed."""

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from app.core import clock
from app.core.db import Database
from app.evidence.models import EvidenceFile
from app.mobile import notices
from app.verification import fold
from tests.app.evidence.at_work import UPLOADS
from tests.factories.desk import Desk
from tests.factories.phone import Chief, Phone
from tests.factories.world import World

Json = dict[str, Any]
ROOM = {"kind": "R", "value": 20, "unit": "°C", "room": "客厅"}


def photo(kind: str, number: int) -> Json:
    return {
        "file_id": str(uuid4()),
        "kind": kind,
        "media_type": "image/png" if kind == "G" else "image/jpeg",
        "size_bytes": 1_000 + number,
        "sha256": f"{number:064x}",
    }


def record(*files: Json, **said: Any) -> Json:
    return {
        "outcome": "fixed",
        "cause_code": "equipment_age",
        "summary": "已排气",
        "manifest": list(files),
    } | said


class TestTogether:
    async def test_fields_of_both_join_and_contradictions_are_decided_on(
        self,
        desk: Desk,
        leader: Phone,
        helper: Phone,
        chief: Chief,
        database: Database,
        world: World,
        client: httpx.AsyncClient,
    ) -> None:
        order_id = await desk.sent(fault_code="H02")
        await leader.works(order_id)
        before, after, signed, second = (photo(k, n) for n, k in enumerate("BFGG", start=1))
        noted = await helper.do(
            "record",
            order_id,
            contribution={"note": "立管 3 号阀", "readings": [ROOM], "files": [before]},
        )
        assert noted["outcome"] == "applied", noted
        helper_id = world.users["tech02"]
        await self._half_sent_and_forgotten(helper, client, database, before, helper_id)
        done = await leader.do("complete", order_id, completion=record(after, signed))
        assert done["outcome"] == "applied", done
        async with database.transaction() as session:
            file = await session.get(EvidenceFile, UUID(before["file_id"]))
            assert file is not None and (file.owner_id, file.in_manifest) == (helper_id, True)
        part = {"name": "自动排气阀", "quantity": "1", "unit": "件"}
        said = record(after, second, outcome="no_fault_found", summary="已换排气阀", parts=[part])
        command = helper.command("complete", order_id, completion=said)
        answer = (await helper.send(command))["answers"][0]
        assert (answer["outcome"], answer["conflict_reason"]) == ("conflict", "fields_differ")
        assert answer["problem"]["fields"] == ["outcome", "signature"]
        assert answer["result"]["completion_id"] == done["result"]["completion_id"]

        (shown,) = await chief.reads(f"/work-orders/{order_id}/completions")
        assert (shown["outcome"], shown["summary"]) == ("fixed", "已排气")
        first, joined = shown["contributions"]
        assert (first["user_id"], first["note"]) == (str(world.users["tech02"]), "立管 3 号阀")
        assert first["readings"][0]["value"] == 20
        assert (joined["note"], joined["files"]) == ("已换排气阀", [])
        assert joined["parts"][0]["name"] == "自动排气阀"
        assert shown["arrival"]["proved"] == "place"
        await leader.sync()
        missing = set(leader.jobs[order_id]["evidence"]["missing_files"])
        assert missing == {each["file_id"] for each in (before, after, signed)}
        assert await _differences(database) == []

        conflict_id = answer["conflict_id"]
        assert (await chief.resolves(conflict_id, "split", "parts")).status_code == 422
        assert (await chief.resolves(conflict_id, "apply")).json()["type"].endswith("leader-only")
        assert (await desk.order(order_id))["state"] == "DONE"
        assert (await chief.resolves(conflict_id, "keep")).status_code == 200

        await self._owed(leader, helper, client, database, order_id, before)

    async def _half_sent_and_forgotten(
        self,
        helper: Phone,
        client: httpx.AsyncClient,
        database: Database,
        before: Json,
        helper_id: UUID,
    ) -> None:
        """An upload that is given up stays the helper's, even where the row itself is gone."""
        named = base64.b64encode(before["file_id"].encode()).decode()
        begin = {"Upload-Length": str(before["size_bytes"]), "Upload-Metadata": f"file_id {named}"}
        headers = helper.headers | {"Tus-Resumable": "1.0.0"}
        begun = await client.post(UPLOADS, headers=headers | begin)
        assert begun.status_code == 201, begun.text
        ended = await client.delete(f"{UPLOADS}/{before['file_id']}", headers=headers)
        assert ended.status_code == 204, ended.text
        async with database.transaction() as session:
            gone = text("DELETE FROM evidence_files WHERE id = :id RETURNING state, owner_id")
            row = (await session.execute(gone, {"id": before["file_id"]})).one()
        assert row.state == "declared"
        assert row.owner_id == helper_id

    async def _owed(
        self,
        leader: Phone,
        helper: Phone,
        client: httpx.AsyncClient,
        database: Database,
        order_id: str,
        before: Json,
    ) -> None:
        """Both are reminded of their own files, and no longer once these are in."""
        await helper.sync()
        assert await notices.remind(database) == 0
        clock.advance(timedelta(minutes=31))
        assert await notices.remind(database) == 2
        (owed,) = [
            each
            for each in (await helper.sync())["notices"]
            if each["kind"] == "evidence_incomplete"
        ]
        assert owed["data"]["missing_files"] == [before["file_id"]]
        held = {
            "id": before["file_id"],
            "order_id": order_id,
            "sha256": before["sha256"],
            "size_bytes": before["size_bytes"],
        }
        manifest = {"orders": [], "commands": [], "files": [held]}
        answer = await client.post("/mobile/reconcile", json=manifest, headers=helper.headers)
        assert answer.json()["files"]["missing"] == [before["file_id"]]
        nothing: Json = {"orders": [], "commands": [], "files": []}

        async def unlisted() -> list[str]:
            answer = await client.post("/mobile/reconcile", json=nothing, headers=helper.headers)
            return [each["id"] for each in answer.json()["files"]["unlisted"]]

        assert await unlisted() == [before["file_id"]]
        async with database.transaction() as session:
            begun = "UPDATE evidence_files SET device_id = (SELECT device_id FROM phone_commands"
            begun += " WHERE user_id <> evidence_files.owner_id LIMIT 1) WHERE id = :id"
            await session.execute(text(begun), {"id": before["file_id"]})
        assert await unlisted() == [], "another phone has it"
        assert await self._rejected(helper, database, before) == [before["file_id"]]
        async with database.transaction() as session:
            await session.execute(text("UPDATE evidence_files SET state = 'verified'"))
        assert await notices.remind(database) == 0
        kinds = [each["kind"] for each in (await helper.sync())["notices"]]
        assert "evidence_incomplete" not in kinds

    async def _rejected(self, helper: Phone, database: Database, before: Json) -> Any:
        """The files that the helper is told to take anew, after one was rejected."""
        async with database.transaction() as session:
            sql = "UPDATE evidence_files SET state = 'rejected' WHERE id = :id"
            await session.execute(text(sql), {"id": before["file_id"]})
        assert await notices.remind(database) == 2
        told = (await helper.sync())["notices"]
        (owed,) = [each["data"] for each in told if each["kind"] == "evidence_incomplete"]
        assert owed["missing_files"] == []
        return owed["rejected_files"]


async def _differences(database: Database) -> list[Any]:
    async with database.transaction() as session:
        return (await fold(session)).differences
