"""tus extensions: bytes at creation, checksums, termination, expiry, limits at creation."""

import base64
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
from sqlmodel import select

from app.core import clock, settings
from app.core.db import Database
from app.core.settings import Settings
from app.evidence import expiry, service
from app.evidence.declaration import DeclaredIn
from app.evidence.errors import EvidenceCheckBusy
from app.evidence.models import EvidenceFile, QuarantinedFile
from app.evidence.parts import parts
from tests.app.evidence.at_work import PhoneFile, jpeg, quarantined, reread, tus
from tests.app.evidence.conftest import Phone
from tests.app.evidence.test_tus import problem, stored
from tests.factories.world import PASSWORD, World

CHUNK = {"Content-Type": "application/offset+octet-stream"}


def checksum(content: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


def only(file: PhoneFile, *names: str) -> dict[str, str]:
    """`Upload-Metadata` with nothing but these keys; the order stays out."""
    said = {name: value for name, value in file.metadata(file.id).items() if name in names}
    pairs = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
    return {"Upload-Metadata": ",".join(pairs)}


async def create_with(phone: Phone, file: PhoneFile, upto: int | None = None) -> httpx.Response:
    headers = phone.headers() | file.creation(phone.order_id) | CHUNK
    return await phone.client.post(
        "/evidence/uploads", headers=headers, content=file.content[:upto]
    )


class TestCreationWithUpload:
    async def test_first_bytes_or_all_of_them_may_come_with_the_creation(
        self, phone: Phone, database: Database
    ) -> None:
        whole, begun = PhoneFile(jpeg()), PhoneFile(jpeg(61))
        answer = await create_with(phone, whole)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (
            201,
            str(len(whole.content)),
        )
        assert "Upload-Expires" not in answer.headers
        assert (await stored(database, whole)).state == "verified"
        answer = await create_with(phone, begun, 5000)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "5000")
        again = await create_with(phone, begun)  # what the first answer's loss brings
        assert (again.status_code, again.headers["Upload-Offset"]) == (201, "5000")
        assert (await phone.send(begun, offset=5000)).status_code == 204
        assert (await stored(database, begun)).state == "verified"
        page = await phone.client.post(
            "/evidence/uploads",
            headers=phone.headers() | PhoneFile(jpeg()).creation(phone.order_id),
            content=b"no chunk",
        )
        assert (page.status_code, problem(page)) == (415, "upload-media-type")

    async def test_a_declared_file_needs_no_more_than_its_id(
        self, phone: Phone, database: Database, world: World, phone_of: Callable[[str], Phone]
    ) -> None:
        file = PhoneFile(jpeg())
        bare = only(file, "file_id")
        unknown = await phone.create(file, **bare)
        assert (unknown.status_code, problem(unknown)) == (422, "upload-metadata-invalid")
        missing = [each["at"][0] for each in unknown.json()["errors"]]
        assert missing == ["order_id", "kind", "sha256", "filetype"]
        declared = DeclaredIn.model_validate(file.declared()).model_dump()
        async with database.transaction() as session:
            order = await reread(session, phone.order_id)
            manifest = [service.Declared(**declared)]
            await service.declare(session, order, world.users["tech01"], manifest)
        stranger = await phone_of("tech03").create(file, **bare)
        assert (stranger.status_code, problem(stranger)) == (404, "not-found")
        assert (await phone.create(file, **bare)).status_code == 201
        assert (await phone.send(file)).status_code == 204
        assert (await stored(database, file)).state == "verified"


class TestChecksum:
    async def test_a_chunk_counts_as_a_whole(self, phone: Phone, database: Database) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        first = checksum(file.content[:9000], "sha1")
        sent = await phone.send(file, upto=9000, **{"Upload-Checksum": first})
        assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, "9000")
        wrong = await phone.send(file, offset=9000, **{"Upload-Checksum": checksum(b"other")})
        assert (wrong.status_code, problem(wrong)) == (460, "checksum-differs")
        assert wrong.json()["offset"] == 9000
        assert (await phone.offset(file)).headers["Upload-Offset"] == "9000"
        for unknown in ("md5 YWJj", "sha256 #", "sha256"):
            answer = await phone.send(file, offset=9000, **{"Upload-Checksum": unknown})
            assert answer.status_code == (400 if unknown != "sha256" else 460), answer.text
        rest = checksum(file.content[9000:])
        assert (await phone.send(file, 9000, **{"Upload-Checksum": rest})).status_code == 204
        assert (await stored(database, file)).state == "verified"


class TestTermination:
    async def test_forgets_what_is_unfinished_and_nothing_else(
        self, phone: Phone, phone_of: Callable[[str], Phone], database: Database
    ) -> None:
        begun, whole = PhoneFile(jpeg()), PhoneFile(jpeg(61))
        await phone.create(begun)
        await phone.send(begun, upto=5000)
        await phone.upload(whole)

        async def end(by: Phone, file: PhoneFile) -> httpx.Response:
            return await by.client.delete(file.url, headers=by.headers() | tus())

        assert (await end(phone_of("tech02"), begun)).status_code == 404
        assert (await end(phone, begun)).status_code == 204
        assert not parts().path(begun.id).exists()
        assert (await phone.offset(begun)).status_code == 404
        refused = await end(phone, whole)
        assert (refused.status_code, problem(refused)) == (409, "upload-finished")
        assert (await phone.upload(begun)).status_code == 204  # from the first byte


class TestExpiry:
    async def test_a_chunk_moves_it_on_and_the_purge_forgets_what_is_over(
        self, phone: Phone, database: Database
    ) -> None:
        left, alive, liar = PhoneFile(jpeg()), PhoneFile(jpeg(61)), PhoneFile(b"<html>")
        for file in (left, alive):
            answer = await phone.create(file)
            until = parsedate_to_datetime(answer.headers["Upload-Expires"])
            assert timedelta(days=6, hours=23) < until - clock.real_now() <= timedelta(days=7)
            await phone.send(file, upto=1000)
        await phone.upload(liar)
        stray = PhoneFile(b"stray")
        with parts().open(stray.id, 0) as part:
            part.write(b"of a server that was killed at the very end")
        old = datetime.now(UTC).timestamp() - 8 * 86_400
        os.utime(parts().path(stray.id), (old, old))
        async with database.transaction() as session:
            row = await session.get(EvidenceFile, left.id)
            assert row is not None
            row.expires_at = clock.real_now() - timedelta(seconds=1)
        await expiry.purge(database)
        assert (await phone.offset(left)).status_code == 404
        assert not parts().path(left.id).exists()
        assert not parts().path(stray.id).exists()
        assert (await phone.send(alive, offset=1000)).status_code == 204
        assert quarantined(liar) == liar.content
        clock.advance(timedelta(days=181))
        await expiry.purge(database)
        with pytest.raises(FileNotFoundError):
            quarantined(liar)
        async with database.transaction() as session:
            aside = (await session.exec(select(QuarantinedFile))).one()
        assert (aside.file_id, aside.why) == (liar.id, "not-what-it-claims")
        assert aside.purged_at == clock.now()


class TestLimits:
    async def test_an_order_and_a_phone_have_their_share(
        self, phone: Phone, phone_of: Callable[[str], Phone], config: Settings
    ) -> None:
        own = config.data_dir / "limits.toml"
        shares = "[order]\nfiles = 3\n[device]\nfiles = 2\n[person]\nfiles = 2\n"
        own.write_text(f"{shares}[bytes]\nsignature = 50\n")
        settings.install(config.model_copy(update={"evidence_limits": own}))
        one, two, three, four = (PhoneFile(jpeg()) for _ in range(4))
        for file in (one, two):
            assert (await phone.create(file)).status_code == 201
        assert (await phone.create(one)).status_code == 201  # again: it is no other file
        much = await phone.create(three)
        assert (much.status_code, problem(much)) == (429, "device-quota")
        assert much.headers["Retry-After"] == "3600"
        assert (await phone.offset(three)).status_code == 404
        named = {"username": "tech01", "password": PASSWORD}
        answer = await phone.client.post("/auth/login", json=named)
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        bare = Phone(phone.client, phone.order_id, lambda: bearer)
        assert problem(await bare.create(three)) == "device-quota"  # the person's share is used up
        helper = phone_of("tech02")
        assert (await helper.create(three)).status_code == 201
        full = await helper.create(four)
        assert (full.status_code, problem(full)) == (413, "order-quota")
        signed = PhoneFile(jpeg(), kind="G")
        large = await helper.create(signed)
        assert (large.status_code, large.json()["max_bytes"]) == (413, 50)


class TestBusyInspection:
    async def test_a_file_that_could_not_be_opened_now_goes_on_with_its_last_byte(
        self, phone: Phone, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Busy:
            async def inspect(self, *_: object) -> None:
                raise EvidenceCheckBusy()

        file = PhoneFile(jpeg())
        await phone.create(file)
        with monkeypatch.context() as patched:
            patched.setattr("app.evidence.finishing.inspector", Busy)
            busy = await phone.send(file)
        assert (busy.status_code, problem(busy)) == (503, "evidence-check-busy")
        reached = int((await phone.offset(file)).headers["Upload-Offset"])
        assert reached == len(file.content) - 1
        assert (await phone.send(file, offset=reached)).status_code == 204
        assert (await stored(database, file)).state == "verified"
