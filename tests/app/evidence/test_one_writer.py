"""One writer at a time: leases in real time, and what racing chunks get."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from app.core.db import Database
from app.evidence import leases
from app.evidence.errors import UploadBusy
from app.evidence.models import EvidenceFile
from app.evidence.storage import kept_key, storage
from tests.app.evidence.at_work import PhoneFile, chunk, jpeg, kept, person
from tests.app.evidence.conftest import Phone
from tests.app.evidence.test_tus import problem, stored
from tests.factories.world import World


class TestOneWriter:
    async def test_a_second_writer_is_locked_out_while_the_first_writes(
        self, phone: Phone, database: Database
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield file.content[:1000]
            begun.set()
            await go_on.wait()
            yield file.content[1000:]

        first = asyncio.create_task(
            phone.client.patch(file.url, headers=phone.headers() | chunk(0), content=slowly())
        )
        await begun.wait()
        second = await phone.send(file)
        assert (second.status_code, problem(second)) == (423, "upload-busy")
        assert second.headers["Retry-After"] == "2"
        go_on.set()
        assert (await first).status_code == 204
        assert (await stored(database, file)).state == "verified"

    async def test_of_four_racing_chunks_one_is_taken(
        self, phone: Phone, database: Database
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        answers = await asyncio.gather(*(phone.send(file) for _ in range(4)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] == 204
        assert set(statuses[1:]) <= {409, 423}
        assert kept(file.sha256) == file.content

    async def test_a_writer_that_died_gives_way_when_its_lease_is_over(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        async with database.transaction() as session:
            owner = await person(session, world, "tech01")
        dead = await leases.take(database, owner, file.id, 0)
        assert (await phone.send(file)).status_code == 423
        await _expire(database, file.id)
        assert (await phone.send(file)).status_code == 204
        with pytest.raises(UploadBusy):
            await leases.checkpoint(database, dead, 10)
        assert (await stored(database, file)).received_bytes == len(file.content)

    async def test_a_lease_outlives_a_long_finish_and_says_when_it_is_lost(
        self,
        phone: Phone,
        database: Database,
        world: World,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        beats: asyncio.Queue[float] = asyncio.Queue()
        renew = leases._renew

        async def counted(database: Database, lease: leases.Lease) -> None:
            try:
                await renew(database, lease)
            finally:
                beats.put_nowait(lease.renewed)

        monkeypatch.setattr(leases, "_renew", counted)
        monkeypatch.setattr(leases, "_AGEING_S", 0.001)
        file = PhoneFile(jpeg())
        await phone.create(file)
        async with database.transaction() as session:
            owner = await person(session, world, "tech01")
        lease = await leases.take(database, owner, file.id, 0)
        await _expire(database, file.id)
        async with leases.kept_alive(database, lease):
            assert await beats.get() > 0
            assert (await phone.send(file)).status_code == 423
            lease.assert_held()
            await leases.release(database, lease)
            while await beats.get() > 0:
                continue
        source = tmp_path / "part"
        source.write_bytes(b"half")
        with pytest.raises(UploadBusy):
            storage().put(kept_key(file.sha256), source, lease.assert_held)
        assert storage().size(kept_key(file.sha256)) is None


async def _expire(database: Database, file_id: UUID) -> None:
    async with database.transaction() as session:
        row = await session.get(EvidenceFile, file_id)
        assert row is not None and row.lease_until is not None
        row.lease_until = row.declared_at.replace(year=2020)
