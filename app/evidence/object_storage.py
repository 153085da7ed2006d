"""Whole files in an S3-compatible store; small ones in one request, large ones in parts."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import obstore
from obstore.exceptions import BaseError
from obstore.exceptions import NotFoundError as Absent
from obstore.store import ObjectStore, S3Store

from app.evidence.errors import EvidenceStoreBusy

BLOCK_BYTES = 256 * 1024
PART_BYTES = 16 * 1024 * 1024
"""A photo goes in one request: parts of 5 MiB would be two requests more for nothing."""
_PATIENCE = timedelta(seconds=10)


def _blocks(source: Path, assert_whole: Callable[[], None]) -> Iterator[bytes]:
    """The file in parts. What is not whole at its end breaks off, so that no object appears."""
    with source.open("rb") as file:
        while block := file.read(PART_BYTES):
            yield block
    assert_whole()


class ObjectStorage:
    """Raises EvidenceStoreBusy while the store cannot be reached."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def at(cls, url: str, options: dict[str, str]) -> Self:
        """The bucket and prefix of `s3://bucket/prefix`; `options` as obstore names them."""
        chosen: dict[str, Any] = dict(options)
        allow_http = chosen.get("endpoint", "").startswith("http://")
        store = S3Store.from_url(
            url,
            config=chosen,  # type: ignore[arg-type]
            client_options={"timeout": _PATIENCE, "allow_http": allow_http},
            retry_config={"max_retries": 2, "retry_timeout": _PATIENCE},
        )
        return cls(store)

    def put(self, key: str, source: Path, assert_whole: Callable[[], None] = lambda: None) -> None:
        if source.stat().st_size > PART_BYTES:
            self._put(key, _blocks(source, assert_whole))
            return
        content = source.read_bytes()
        assert_whole()  # after the reading, before the first byte goes under the name
        self._put(key, content)

    def put_bytes(self, key: str, content: bytes) -> None:
        self._put(key, content)

    def _put(self, key: str, content: bytes | Iterator[bytes]) -> None:
        try:
            obstore.put(self._store, key, content, chunk_size=PART_BYTES)
        except BaseError as error:
            raise EvidenceStoreBusy() from error

    def size(self, key: str) -> int | None:
        try:
            return obstore.head(self._store, key)["size"]
        except (Absent, FileNotFoundError):
            return None
        except BaseError as error:
            raise EvidenceStoreBusy() from error

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        whole = start == 0 and end is None
        size = self.size(key) if end is None else end
        if size is None:
            raise FileNotFoundError(key)
        try:
            found = obstore.get(self._store, key, options={} if whole else {"range": (start, size)})
        except (Absent, FileNotFoundError) as error:
            raise FileNotFoundError(key) from error
        except BaseError as error:
            raise EvidenceStoreBusy() from error
        return (bytes(block) for block in found.stream(BLOCK_BYTES))

    def delete(self, key: str) -> None:
        try:
            obstore.delete(self._store, key)
        except (Absent, FileNotFoundError):
            return
        except BaseError as error:
            raise EvidenceStoreBusy() from error
