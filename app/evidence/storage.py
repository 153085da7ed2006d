"""Bytes on disk: grown in a part file, kept under their sha256, or set aside in quarantine."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from app.core import settings
from app.evidence.policy import HEAD_BYTES


class PartShorter(Exception):
    """The disk holds fewer bytes than the database believes; `length` is what is there."""

    def __init__(self, length: int) -> None:
        super().__init__(f"only {length} bytes are on disk")
        self.length = length


class Examined(NamedTuple):
    """What a finished file turned out to be."""

    sha256: str
    head: bytes


class EvidenceStore:
    """One folder tree; every call blocks and belongs in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def part_path(self, file_id: UUID) -> Path:
        return self.root / "parts" / file_id.hex

    def kept_path(self, sha256: str) -> Path:
        """Where verified bytes with this hash lie; equal files share one."""
        return self.root / "kept" / sha256[:2] / sha256

    def quarantine_path(self, file_id: UUID) -> Path:
        return self.root / "quarantine" / file_id.hex

    def open_part(self, file_id: UUID, offset: int) -> BinaryIO:
        """The part file cut to `offset`, ready to append; raises PartShorter."""
        path = self.part_path(file_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        length = path.stat().st_size if path.exists() else 0
        if length < offset:
            raise PartShorter(length)
        part = path.open("r+b" if path.exists() else "w+b")
        part.truncate(offset)
        part.seek(offset)
        return part

    def examine(self, file_id: UUID) -> Examined:
        """Hash and first bytes of the whole part file, read back from disk."""
        with self.part_path(file_id).open("rb") as part:
            head = part.read(HEAD_BYTES)
            part.seek(0)
            return Examined(hashlib.file_digest(part, "sha256").hexdigest(), head)

    def keep(self, file_id: UUID, sha256: str) -> None:
        """Copy the verified part to its final name; atomic, and safe to repeat.

        A copy, not a rename or a link: until the database knows, a crash must leave a part to
        resume from, and writing to that part must not touch kept bytes that others share.
        """
        kept = self.kept_path(sha256)
        kept.parent.mkdir(parents=True, exist_ok=True)
        copy = kept.with_name(f"{sha256}.{file_id.hex}")
        shutil.copyfile(self.part_path(file_id), copy)
        with copy.open("rb+") as written:
            os.fsync(written.fileno())
        copy.replace(kept)
        _sync_folder(kept.parent)

    def forget_part(self, file_id: UUID) -> None:
        self.part_path(file_id).unlink(missing_ok=True)

    def set_aside(self, file_id: UUID) -> None:
        """Move a rejected part into quarantine, from where nothing is served."""
        target = self.quarantine_path(file_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.part_path(file_id).replace(target)
        _sync_folder(target.parent)


def sync_part(part: BinaryIO) -> None:
    """Bring what was written to the disk itself, so that an offset is never a promise."""
    part.flush()
    os.fsync(part.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def store() -> EvidenceStore:
    """The deployment's store, under `data_dir`."""
    return EvidenceStore(settings.current().data_dir / "evidence")
