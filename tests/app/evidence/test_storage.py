"""Bytes on disk through crashes."""

from pathlib import Path
from uuid import uuid4

from app.evidence.storage import EvidenceStore
from tests.app.evidence.at_work import PhoneFile, jpeg


class TestKeep:
    def test_a_crash_before_the_database_knew_leaves_the_part_to_resume_from(
        self, tmp_path: Path
    ) -> None:
        disk, file = EvidenceStore(tmp_path), PhoneFile(jpeg())
        with disk.open_part(file.id, 0) as part:
            part.write(file.content)
        disk.keep(file.id, file.sha256)
        with disk.open_part(file.id, len(file.content)):  # what a resumed chunk finds
            pass
        disk.keep(file.id, file.sha256)
        disk.forget_part(file.id)
        kept = disk.kept_path(file.sha256)
        assert [path.name for path in kept.parent.iterdir()] == [file.sha256]
        assert kept.read_bytes() == file.content

    def test_what_is_written_after_such_a_crash_cannot_reach_the_kept_bytes(
        self, tmp_path: Path
    ) -> None:
        disk, file = EvidenceStore(tmp_path), PhoneFile(jpeg())
        with disk.open_part(file.id, 0) as part:
            part.write(file.content)
        disk.keep(file.id, file.sha256)
        with disk.open_part(file.id, 100) as part:
            part.write(b"something else")
        assert disk.kept_path(file.sha256).read_bytes() == file.content

    def test_verified_bytes_replace_damaged_ones(self, tmp_path: Path) -> None:
        disk, file = EvidenceStore(tmp_path), PhoneFile(jpeg())
        for _ in range(2):
            with disk.open_part(file.id, 0) as part:
                part.write(file.content)
            disk.keep(file.id, file.sha256)
            disk.forget_part(file.id)
            assert disk.kept_path(file.sha256).read_bytes() == file.content
            disk.kept_path(file.sha256).write_bytes(b"rotten")

    def test_a_rejected_part_is_moved_out_of_the_way(self, tmp_path: Path) -> None:
        disk, file_id = EvidenceStore(tmp_path), uuid4()
        with disk.open_part(file_id, 0) as part:
            part.write(b"<html>")
        disk.set_aside(file_id)
        assert disk.quarantine_path(file_id).read_bytes() == b"<html>"
        assert not disk.part_path(file_id).exists()
