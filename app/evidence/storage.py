"""Where whole files are kept: under their sha256, beside thumbnails and quarantine.

A folder on the local disk or an S3-compatible store, as `evidence_store` says. Names are keys
with slashes in both. Every call blocks and belongs in a thread.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

from app.core import settings
from app.core.settings import Settings
from app.evidence.parts import sync_folder

BLOCK_BYTES = 256 * 1024
_ASIDE = ".aside-"


def kept_key(sha256: str) -> str:
    """Verified bytes; equal files share one place."""
    return f"kept/{sha256[:2]}/{sha256}"


def thumbnail_key(sha256: str) -> str:
    """The small WebP of the picture with this hash."""
    return f"thumbnails/{sha256[:2]}/{sha256}.webp"


def quarantine_key(quarantine_id: UUID) -> str:
    """A rejected original, from where nothing is served."""
    return f"quarantine/{quarantine_id.hex}"


type Check = Callable[[], None]


def untouched() -> None:
    """Nobody else writes to the source."""


class Storage(Protocol):
    """Keeps whole files by key."""

    def put(self, key: str, source: Path, assert_whole: Check = untouched) -> None:
        """Copy a local file to its key: all of it or nothing, durable, safe to repeat.

        `assert_whole` raises when somebody else may have written to the source meanwhile.
        """

    def put_bytes(self, key: str, content: bytes) -> None:
        """The same for a few bytes."""

    def size(self, key: str) -> int | None:
        """Bytes under the key; None when there is nothing."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in blocks; raises FileNotFoundError at once."""

    def delete(self, key: str) -> None:
        """Nothing happens when there is nothing."""


class DiskStorage:
    """A folder: copied aside, synced, renamed, and the folder synced too."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        return self.root / key

    def put(self, key: str, source: Path, assert_whole: Check = untouched) -> None:
        # A copy, not a rename or a link: until the database knows, a crash must leave a part to
        # resume from, and writing to that part must not touch kept bytes that others share.
        aside = self._aside(key)
        try:
            shutil.copyfile(source, aside)
            assert_whole()
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        self._settle(aside, key)

    def put_bytes(self, key: str, content: bytes) -> None:
        aside = self._aside(key)
        aside.write_bytes(content)
        self._settle(aside, key)

    def _aside(self, key: str) -> Path:
        folder = self.path(key).parent
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
        return folder / f"{_ASIDE}{uuid4().hex}"

    def _settle(self, aside: Path, key: str) -> None:
        with aside.open("rb+") as written:
            os.fsync(written.fileno())
        aside.replace(self.path(key))
        sync_folder(aside.parent)

    def size(self, key: str) -> int | None:
        try:
            return self.path(key).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        file = self.path(key).open("rb")

        def blocks() -> Iterator[bytes]:
            with file:
                left = (file.seek(0, os.SEEK_END) if end is None else end) - start
                file.seek(start)
                while left > 0 and (block := file.read(min(left, BLOCK_BYTES))):
                    left -= len(block)
                    yield block

        return blocks()

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def forget_torn(self, before: datetime) -> None:
        """Remove copies that a killed server never renamed."""
        for aside in self.root.glob(f"*/**/{_ASIDE}*"):
            if datetime.fromtimestamp(aside.stat().st_mtime, UTC) < before:
                aside.unlink(missing_ok=True)


def storage() -> Storage:
    """The deployment's."""
    return storage_of(settings.current())


def storage_of(chosen: Settings) -> Storage:
    """The one that these settings name."""
    if chosen.evidence_store is None:
        return DiskStorage(chosen.data_dir / "evidence")
    return _object_storage(
        chosen.evidence_store, tuple(sorted(chosen.evidence_store_options.items()))
    )


@cache
def _object_storage(url: str, options: tuple[tuple[str, str], ...]) -> Storage:
    from app.evidence.object_storage import ObjectStorage  # loads a runtime of its own

    return ObjectStorage.at(url, dict(options))
