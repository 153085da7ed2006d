"""Whole files on a disk and in an S3-compatible store, and parts through crashes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from obstore.store import MemoryStore

from app.core.settings import Environment, Settings
from app.evidence.errors import EvidenceStoreBusy, UploadBusy
from app.evidence.object_storage import ObjectStorage
from app.evidence.parts import Parts, PartShorter
from app.evidence.storage import DiskStorage, Storage, kept_key, storage_of
from tests.app.evidence.fake_s3 import FakeS3

KEY = kept_key("ab" * 32)


def s3_settings(tmp_path: Path, endpoint: str) -> Settings:
    return Settings(
        environment=Environment.TEST,
        DATABASE_URL="postgresql:///none",
        secret_key="a test secret of more than 32 characters",
        data_dir=tmp_path,
        evidence_store="s3://evidence/company",
        evidence_store_options={
            "endpoint": endpoint,
            "region": "cn-north-1",
            "access_key_id": "key",
            "secret_access_key": "secret",
        },
    )


@pytest.fixture(params=["disk", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Each of them keeps the same promises."""
    if request.param == "disk":
        yield DiskStorage(tmp_path / "evidence")
    elif request.param == "memory":
        yield ObjectStorage(MemoryStore())
    else:
        with FakeS3() as s3:
            yield storage_of(s3_settings(tmp_path, s3.url))


def refuses_what_is_not_whole(store: Storage, source: Path) -> None:
    """Neither does it replace what is there, nor appear where nothing is."""

    def is_not() -> None:
        raise UploadBusy()

    source.write_bytes(b"short" * 500)
    store.put_bytes(KEY, b"whole")
    for key in (KEY, "another"):
        with pytest.raises(UploadBusy):
            store.put(key, source, is_not)
    assert (b"".join(store.read(KEY)), store.size("another")) == (b"whole", None)


class TestStorage:
    def test_keeps_whole_files_by_key(self, store: Storage, tmp_path: Path) -> None:
        source = tmp_path / "part"
        content = bytes(range(256)) * 3000
        source.write_bytes(content)
        assert store.size(KEY) is None
        with pytest.raises(FileNotFoundError):
            store.read(KEY)
        store.put(KEY, source)
        source.write_bytes(b"what is written to the part later")
        assert store.size(KEY) == len(content)
        assert b"".join(store.read(KEY)) == content
        assert b"".join(store.read(KEY, 1000, 300_000)) == content[1000:300_000]
        store.put_bytes(KEY, b"whole")  # what is damaged is replaced by what was verified
        assert b"".join(store.read(KEY)) == b"whole"
        for _ in range(2):
            store.delete(KEY)
        assert store.size(KEY) is None

    def test_what_was_written_to_meanwhile_replaces_nothing(
        self, store: Storage, tmp_path: Path
    ) -> None:
        refuses_what_is_not_whole(store, tmp_path / "part")

    def test_nor_does_it_in_parts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.evidence.object_storage.PART_BYTES", 1000)
        store, source = ObjectStorage(MemoryStore()), tmp_path / "part"
        refuses_what_is_not_whole(store, source)
        store.put(KEY, source)
        assert b"".join(store.read(KEY)) == source.read_bytes()

    def test_a_store_that_is_away_is_said_to_be(self, tmp_path: Path) -> None:
        away = storage_of(s3_settings(tmp_path, "http://127.0.0.1:9"))
        for ask in (away.size, away.read, away.delete):
            with pytest.raises(EvidenceStoreBusy):
                ask(KEY)


class TestDisk:
    def test_a_file_appears_under_its_name_only_when_it_is_whole(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disk = DiskStorage(tmp_path)
        disk.path(KEY).parent.mkdir(parents=True)

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("app.evidence.storage.os.fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            disk.put_bytes(KEY, b"half")
        assert disk.size(KEY) is None
        torn = list(disk.path(KEY).parent.iterdir())
        assert len(torn) == 1
        disk.forget_torn(datetime.now(UTC) - timedelta(days=1))
        assert torn[0].exists()
        disk.forget_torn(datetime.now(UTC) + timedelta(seconds=1))
        assert not torn[0].exists()


class TestParts:
    def test_a_part_is_cut_to_what_the_database_knows(self, tmp_path: Path) -> None:
        parts, file_id = Parts(tmp_path / "parts"), uuid4()
        with parts.open(file_id, 0) as part:
            part.write(b"0123456789")
        with parts.open(file_id, 4) as part:
            part.write(b"XY")
        assert parts.path(file_id).read_bytes() == b"0123XY"
        with pytest.raises(PartShorter) as shorter:
            parts.open(file_id, 7)
        assert shorter.value.length == 6

    def test_old_parts_can_be_found(self, tmp_path: Path) -> None:
        parts, file_id = Parts(tmp_path / "parts"), uuid4()
        now = datetime.now(UTC)
        assert list(parts.untouched_since(now)) == []
        parts.open(file_id, 0).close()
        assert list(parts.untouched_since(now - timedelta(days=7))) == []
        assert list(parts.untouched_since(now + timedelta(seconds=1))) == [file_id]
