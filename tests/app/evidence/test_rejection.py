"""A file that was opened and not taken: told to phone and reviewer, kept aside, replaced."""

import httpx
from sqlmodel import select

from app.core import settings
from app.core.db import Database
from app.core.settings import Settings
from app.evidence.models import QuarantinedFile
from app.evidence.storage import storage
from app.verification import verify
from tests.app.completions.said import complete, record
from tests.app.evidence.at_work import (
    UPLOADS,
    PhoneFile,
    h02_files,
    is_kept,
    jpeg,
    png,
    quarantined,
)
from tests.app.evidence.conftest import Phone
from tests.app.evidence.fake_s3 import FakeS3
from tests.app.evidence.recordings import photo, strokes
from tests.app.evidence.test_manifest import declare, lines
from tests.app.evidence.test_manifest import told as told_changes
from tests.app.evidence.test_storage import s3_settings
from tests.app.evidence.test_tus import problem
from tests.conftest import Headers
from tests.factories.world import World

PLACE = (117.02, 36.65)
"""Where 锦绣家园1-1-101 is."""


async def evidence_of_job(phone: Phone) -> dict[str, object]:
    answer = await phone.client.get("/mobile/sync", headers=phone.headers())
    jobs = {job["id"]: job for job in answer.json()["jobs"]}
    evidence: dict[str, object] = jobs[str(phone.order_id)]["evidence"]
    return evidence


class TestRejection:
    async def test_opens_the_demand_again_until_another_file_takes_its_place(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        torn = PhoneFile(jpeg()[:-3000], kind="F")
        before, _, signature = h02_files()
        await complete(database, world, phone.order_id, record([before, torn, signature]))
        for whole in (before, signature):
            await phone.upload(whole)
        refused = await phone.upload(torn)
        assert (refused.status_code, problem(refused)) == (422, "evidence-rejected")
        assert refused.json()["why"] == "truncated"
        gone = await phone.offset(torn)
        assert (gone.status_code, gone.headers["Upload-Rejected"]) == (410, "truncated")
        assert not is_kept(torn.sha256)
        assert quarantined(torn) == torn.content
        async with database.transaction() as session:
            aside = (await session.exec(select(QuarantinedFile))).one()
        assert (aside.file_id, aside.sha256, aside.why) == (torn.id, torn.sha256, "truncated")
        told = await evidence_of_job(phone)
        assert (told["state"], told["missing_files"]) == ("incomplete", [])
        assert told["rejected_files"] == [
            {"file_id": str(torn.id), "kind": "F", "why": "truncated"}
        ]
        await self._replace(phone, torn)
        told = await evidence_of_job(phone)
        assert (told["state"], told["rejected_files"]) == ("complete", [])
        again = lines(before, torn, signature)  # the record that is sent once more
        assert await declare(database, world, phone, *again) == "complete"
        found = await verify(database, storage())
        assert [each for each in found if each.check == "evidence"] == []

    async def _replace(self, phone: Phone, torn: PhoneFile) -> None:
        other_kind, again, late = (
            PhoneFile(jpeg(quality), kind) for quality, kind in ((62, "B"), (62, "F"), (63, "F"))
        )
        for wrong in (other_kind, again, late):
            headers = wrong.creation(phone.order_id, replaces=str(torn.id))
            answer = await phone.client.post(UPLOADS, headers=phone.headers() | headers)
            if wrong is again:
                assert answer.status_code == 201, answer.text
                assert (await phone.send(again)).status_code == 204
            else:
                assert (answer.status_code, problem(answer)) == (409, "replacement-invalid")

    async def test_another_hash_is_asked_for_again_and_told_each_time(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        file = PhoneFile(jpeg())
        await declare(database, world, phone, *lines(file))
        await phone.create(file)
        true_content, file.content = file.content, file.content[:-1] + b"\x00"
        before = len(await told_changes(database, phone))
        assert (await phone.send(file)).json()["why"] == "hash-differs"
        assert len(await told_changes(database, phone)) == before + 1
        told = await evidence_of_job(phone)
        assert (told["missing_files"], told["rejected_files"]) == ([str(file.id)], [])
        file.content = true_content
        await phone.upload(file)
        assert (await evidence_of_job(phone))["state"] == "complete"


class TestS3:
    async def test_whole_files_go_there_and_are_read_and_verified_from_there(
        self, phone: Phone, database: Database, as_: Headers, config: Settings
    ) -> None:
        file, torn = PhoneFile(jpeg()), PhoneFile(jpeg()[:-3000])
        with FakeS3() as s3:
            chosen = s3_settings(config.data_dir, s3.url)
            kept = {"evidence_store", "evidence_store_options"}
            settings.install(config.model_copy(update=chosen.model_dump(include=kept)))
            assert (await phone.upload(file)).status_code == 204
            assert (await phone.upload(torn)).status_code == 422
            assert not (config.data_dir / "evidence" / "kept").exists()
            assert sorted(path.split("/")[3] for path in s3.objects) == [
                *("kept", "quarantine", "thumbnails")
            ]
            url = f"/evidence/{file.id}"
            part = as_("reviewer") | {"Range": "bytes=1000-1999"}
            answer = await phone.client.get(url, headers=part)
            assert (answer.status_code, answer.content) == (206, file.content[1000:2000])
            assert answer.headers["Content-Range"] == f"bytes 1000-1999/{len(file.content)}"
            assert await verify(database, storage()) == []
            lost = next(path for path in s3.objects if file.sha256 in path and "kept" in path)
            del s3.objects[lost]
            assert [each.stored for each in await verify(database, storage())] == ["no file"]


class TestSeenByReviewers:
    async def test_camera_s_time_and_place_beside_the_visit_s(
        self, phone: Phone, as_: Headers, client: httpx.AsyncClient
    ) -> None:
        """Arrival was at 08:00 local time."""
        here = PhoneFile(photo("2026:01:15 08:05:00", "+08:00", PLACE), "B")
        away = PhoneFile(photo("2026:01:14 21:00:00", place=(117.12, 36.65), seed=3))
        picture = PhoneFile(png(), "G", "image/png")
        signed = PhoneFile(strokes(), "G", "application/json")
        for file in (here, away, picture, signed):
            assert (await phone.upload(file)).status_code == 204
        url = f"/work-orders/{phone.order_id}/evidence"
        found = (await client.get(url, headers=as_("reviewer"))).json()
        assert found["visit"]["place"] == {"lon": 117.02, "lat": 36.65}
        assert found["visit"]["arrived_at"] == "2026-01-15T00:00:00Z"
        told = {each["id"]: each for each in found["files"]}
        near, far = told[str(here.id)], told[str(away.id)]
        assert near["taken_at"] == "2026-01-15T00:05:00Z"
        assert near["taken_place"] == {"lon": 117.02, "lat": 36.65}
        assert (near["width"], near["height"], near["flags"]) == (64, 32, [])
        flags = {each["code"]: each for each in far["flags"]}
        assert set(flags) == {"taken-far", "taken-early", "clocks-differ"}
        assert 8500 < flags["taken-far"]["facts"]["distance_m"] < 9500
        assert flags["taken-early"]["facts"]["seconds"] == 11 * 3600
        assert flags["taken-far"]["zh"] and flags["taken-far"]["en"]
        signature = told[str(signed.id)]
        assert signature["signature"]["signed_by"] == "王女士"
        assert {each["code"] for each in signature["flags"]} == {"clocks-differ"}
        await self._thumbnails(client, as_, here, signed)

    async def _thumbnails(
        self, client: httpx.AsyncClient, as_: Headers, shown: PhoneFile, signed: PhoneFile
    ) -> None:
        url = f"/evidence/{shown.id}/thumbnail"
        small = await client.get(url, headers=as_("reviewer"))
        assert (small.status_code, small.headers["content-type"]) == (200, "image/webp")
        assert small.content[:4] == b"RIFF" and b"Exif" not in small.content
        unchanged = as_("reviewer") | {"If-None-Match": small.headers["etag"]}
        assert (await client.get(url, headers=unchanged)).status_code == 304
        assert (await client.get(url, headers=as_("reviewer2"))).status_code == 404
        none = await client.get(f"/evidence/{signed.id}/thumbnail", headers=as_("reviewer"))
        assert (none.status_code, problem(none)) == (404, "evidence-no-thumbnail")
