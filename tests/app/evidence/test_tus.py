"""The protocol: creation, offsets, chunks, one writer at a time, and whose upload it is."""

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import httpx
import pytest

from app.core.db import Database
from app.evidence import limits
from app.evidence.models import EvidenceFile
from app.evidence.parts import parts
from tests.app.evidence.at_work import (
    UPLOADS,
    PhoneFile,
    chunk,
    is_kept,
    jpeg,
    kept,
    quarantined,
    tus,
)
from tests.app.evidence.conftest import Phone
from tests.conftest import Headers


def problem(answer: httpx.Response) -> str:
    """The problem's own name, on an answer that is one."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix("urn:paigong:problem:")


async def stored(database: Database, file: PhoneFile) -> EvidenceFile:
    async with database.transaction() as session:
        row = await session.get(EvidenceFile, file.id)
    assert row is not None
    return row


class TestOptions:
    async def test_tells_what_works_and_no_more(self, client: httpx.AsyncClient) -> None:
        answer = await client.options(UPLOADS)
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
        assert answer.headers["Tus-Extension"].split(",") == [
            *("creation", "creation-with-upload", "termination", "checksum", "expiration")
        ]
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
        assert answer.headers["Tus-Max-Size"] == str(limits.current().bytes.video)


class TestCreate:
    async def test_names_the_upload_by_the_phone_s_own_file_id(self, phone: Phone) -> None:
        file = PhoneFile(jpeg())
        answer = await phone.create(file)
        assert answer.status_code == 201, answer.text
        assert answer.headers["Location"] == f"/api/v1{file.url}"
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        found = await phone.offset(file)
        assert found.headers["Upload-Offset"] == "0"
        assert found.headers["Upload-Length"] == str(len(file.content))
        assert found.headers["Upload-Metadata"] == file.creation(phone.order_id)["Upload-Metadata"]
        assert found.headers["Cache-Control"] == "no-store"

    async def test_again_finds_the_same_upload_where_it_stands(self, phone: Phone) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        await phone.send(file, upto=5000)
        again = await phone.create(file)
        assert (again.status_code, again.headers["Upload-Offset"]) == (201, "5000")

    async def test_the_same_id_for_other_bytes_is_a_conflict(self, phone: Phone) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        other = PhoneFile(jpeg(61), id=file.id)
        answer = await phone.create(other)
        assert (answer.status_code, problem(answer)) == (409, "evidence-differs")
        assert answer.json()["files"] == [str(file.id)]

    async def test_larger_than_any_file_may_be_is_refused_before_a_byte(self, phone: Phone) -> None:
        too_long = str(limits.current().bytes.photo + 1)
        answer = await phone.create(PhoneFile(jpeg()), **{"Upload-Length": too_long})
        assert (answer.status_code, problem(answer)) == (413, "evidence-too-large")

    async def test_a_picture_is_no_video(self, phone: Phone) -> None:
        answer = await phone.create(PhoneFile(jpeg(), kind="C"))
        assert (answer.status_code, problem(answer)) == (422, "evidence-kind-mismatch")

    @pytest.mark.parametrize(
        ("metadata", "at"),
        [
            ("order_id ###", "order_id"),
            ("kind Rg==", "file_id"),
            ("file_id ZmFjYWRlMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAw", "order_id"),
            ("", "file_id"),
        ],
    )
    async def test_metadata_that_is_none_is_told_by_key(
        self, phone: Phone, metadata: str, at: str
    ) -> None:
        answer = await phone.create(PhoneFile(jpeg()), **{"Upload-Metadata": metadata})
        assert (answer.status_code, problem(answer)) == (422, "upload-metadata-invalid")
        assert at in {each["at"][0] for each in answer.json()["errors"]}

    async def test_a_crew_that_never_had_the_order_is_told_nothing(
        self, phone_of: Callable[[str], Phone]
    ) -> None:
        answer = await phone_of("tech03").create(PhoneFile(jpeg()))
        assert (answer.status_code, problem(answer)) == (404, "not-found")

    async def test_the_desk_does_not_upload(self, phone_of: Callable[[str], Phone]) -> None:
        answer = await phone_of("dispatcher").create(PhoneFile(jpeg()))
        assert (answer.status_code, problem(answer)) == (403, "forbidden")
        assert answer.headers["Tus-Resumable"] == "1.0.0"


class TestVersion:
    async def test_another_version_is_refused_and_ours_is_named(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        headers = as_("tech01") | {"Tus-Resumable": "0.2.2"}
        answer = await client.post(UPLOADS, headers=headers)
        assert (answer.status_code, problem(answer)) == (412, "tus-version")
        assert answer.headers["Tus-Version"] == "1.0.0"

    async def test_a_missing_header_is_refused_as_any_input(self, phone: Phone) -> None:
        answer = await phone.client.post(UPLOADS, headers=phone.headers() | tus())
        assert (answer.status_code, problem(answer)) == (422, "invalid-input")
        assert answer.headers["Tus-Resumable"] == "1.0.0"


class TestChunks:
    async def test_pieces_make_the_file_that_was_declared(
        self, phone: Phone, database: Database
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        first = await phone.send(file, upto=40_000)
        assert (first.status_code, first.headers["Upload-Offset"]) == (204, "40000")
        assert (await phone.offset(file)).headers["Upload-Offset"] == "40000"
        last = await phone.send(file, offset=40_000)
        assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(file.content)))
        assert (await stored(database, file)).state == "verified"
        assert kept(file.sha256) == file.content
        assert not parts().path(file.id).exists()

    async def test_a_chunk_elsewhere_than_at_the_end_is_a_conflict(self, phone: Phone) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        await phone.send(file, upto=1000)
        for wrong in (0, 999, 1001):
            answer = await phone.send(file, offset=wrong)
            assert (answer.status_code, problem(answer)) == (409, "upload-offset-conflict")
            assert answer.json()["offset"] == 1000

    async def test_a_finished_upload_takes_no_more(self, phone: Phone) -> None:
        file = PhoneFile(jpeg())
        await phone.upload(file)
        answer = await phone.send(file, offset=len(file.content))
        assert (answer.status_code, problem(answer)) == (409, "upload-offset-conflict")

    async def test_more_than_announced_is_refused(self, phone: Phone, database: Database) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        file.content += b"x"
        answer = await phone.send(file)
        assert (answer.status_code, problem(answer)) == (413, "upload-too-long")
        assert (await stored(database, file)).state == "receiving"

    async def test_more_than_announced_without_a_length_is_refused_as_it_comes(
        self, phone: Phone, database: Database
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(10):
                yield file.content

        answer = await phone.client.patch(
            file.url, headers=phone.headers() | chunk(0), content=endless()
        )
        assert (answer.status_code, problem(answer)) == (413, "upload-too-long")
        assert (await stored(database, file)).state == "receiving"

    async def test_a_chunk_says_that_it_is_one(self, phone: Phone) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        answer = await phone.send(file, **{"Content-Type": "image/jpeg"})
        assert (answer.status_code, problem(answer)) == (415, "upload-media-type")

    async def test_bytes_beyond_the_known_offset_are_overwritten(
        self, phone: Phone, database: Database
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        await phone.send(file, upto=1000)
        with parts().path(file.id).open("ab") as part:
            part.write(b"what a killed server wrote and never told")
        assert (await phone.send(file, offset=1000)).status_code == 204
        assert (await stored(database, file)).state == "verified"

    async def test_bytes_lost_on_disk_are_asked_for_again(
        self, phone: Phone, database: Database
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        await phone.send(file, upto=9000)
        parts().path(file.id).write_bytes(file.content[:4000])
        answer = await phone.send(file, offset=9000)
        assert (answer.status_code, answer.json()["offset"]) == (409, 4000)
        assert (await phone.send(file, offset=4000)).status_code == 204
        assert (await stored(database, file)).state == "verified"


class TestVerification:
    async def test_other_bytes_than_declared_are_set_aside_and_may_be_sent_again(
        self, phone: Phone, database: Database
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        true_content, file.content = file.content, file.content[:-1] + b"\x00"
        answer = await phone.send(file)
        assert (answer.status_code, problem(answer)) == (422, "evidence-hash-differs")
        row = await stored(database, file)
        assert (row.state, row.rejected_why) == ("rejected", "hash-differs")
        assert quarantined(file) == file.content
        assert (await phone.offset(file)).status_code == 410
        file.content = true_content
        assert (await phone.upload(file)).status_code == 204
        assert (await stored(database, file)).state == "verified"

    async def test_a_file_that_is_not_what_it_claims_is_refused_for_good(
        self, phone: Phone, database: Database
    ) -> None:
        liar = PhoneFile(b"<html><script>alert(1)</script></html>")
        answer = await phone.upload(liar)
        assert (answer.status_code, problem(answer)) == (422, "evidence-not-what-it-claims")
        assert (await stored(database, liar)).state == "rejected"
        assert not is_kept(liar.sha256)
        assert quarantined(liar) == liar.content
        again = await phone.create(liar)
        assert (again.status_code, problem(again)) == (410, "upload-gone")

    async def test_equal_files_share_their_bytes(self, phone: Phone, database: Database) -> None:
        one, two = PhoneFile(jpeg()), PhoneFile(jpeg())
        await phone.upload(one)
        await phone.upload(two)
        assert (await stored(database, two)).state == "verified"
        assert kept(one.sha256) == one.content


class TestOwner:
    async def test_a_colleague_of_the_crew_cannot_see_or_touch_my_upload(
        self, phone: Phone, phone_of: Callable[[str], Phone]
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        helper = phone_of("tech02")
        assert (await helper.offset(file)).status_code == 404
        assert (await helper.send(file)).status_code == 404
        assert (await helper.create(file)).status_code == 404

    async def test_an_upload_that_nobody_created_is_not_found(self, phone: Phone) -> None:
        file = PhoneFile(jpeg(), id=uuid4())
        assert (await phone.offset(file)).status_code == 404
        answer = await phone.send(file)
        assert (answer.status_code, problem(answer)) == (404, "not-found")

    async def test_without_a_sign_in_nothing_is_said(self, client: httpx.AsyncClient) -> None:
        answer = await client.patch(f"{UPLOADS}/{uuid4()}", headers=chunk(0), content=b"x")
        assert answer.status_code == 401
        assert answer.headers["Tus-Resumable"] == "1.0.0"
