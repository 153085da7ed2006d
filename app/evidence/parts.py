"""Uploads under way: each grows in a part file on the local disk, whatever keeps it later."""

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
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


class Parts:
    """The folder of part files; every call blocks and belongs in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, file_id: UUID) -> Path:
        return self.root / file_id.hex

    def open(self, file_id: UUID, offset: int) -> BinaryIO:
        """The part cut to `offset`, ready to append; raises PartShorter."""
        path = self.path(file_id)
        self.root.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        length = 0 if new else path.stat().st_size
        if length < offset:
            raise PartShorter(length)
        part = path.open("w+b" if new else "r+b")
        part.truncate(offset)
        part.seek(offset)
        if new:
            sync_folder(self.root)
        return part

    def examine(self, file_id: UUID) -> Examined:
        """Hash and first bytes of the whole part, read back from disk."""
        with self.path(file_id).open("rb") as part:
            head = part.read(HEAD_BYTES)
            part.seek(0)
            return Examined(hashlib.file_digest(part, "sha256").hexdigest(), head)

    def forget(self, file_id: UUID) -> None:
        self.path(file_id).unlink(missing_ok=True)

    def untouched_since(self, before: datetime) -> Iterator[UUID]:
        """Parts that nobody wrote to since `before` (real time)."""
        if not self.root.is_dir():
            return
        for path in self.root.iterdir():
            touched = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if touched < before and len(path.name) == 32:
                yield UUID(hex=path.name)


def sync_part(part: BinaryIO) -> None:
    """Bring what was written to the disk itself, so that an offset is never a promise."""
    part.flush()
    os.fsync(part.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the folder's names to the disk: a file whose name is lost is lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def parts() -> Parts:
    """The deployment's, under `data_dir`."""
    return Parts(settings.current().data_dir / "evidence" / "parts")
