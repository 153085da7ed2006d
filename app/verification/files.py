"""Evidence: rows against manifests, and bytes on the disk against rows."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, NamedTuple

from app.evidence.models import EvidenceFile
from app.evidence.storage import Storage, kept_key
from app.verification.case import Case
from app.verification.difference import Difference, differ, differ_in

CHECK = "evidence"
READERS = 2
"""Threads that hash; the disk is slower than they are."""


class Wanted(NamedTuple):
    """A verified file that must lie on the disk."""

    subject: str
    sha256: str
    size_bytes: int


def check_evidence(case: Case) -> Iterator[Difference]:
    """The manifest's files are known as declared; a passed order has them all."""
    serial = case.order.serial
    named = _named(case)
    rows = {str(row.id): row for row in case.files}
    for declared in named:
        subject = f"{serial} file {declared['file_id']}"
        row = rows.get(declared["file_id"])
        if row is None:
            yield Difference(CHECK, subject, "nothing", f"a file of kind {declared['kind']}")
            continue
        expected = {name: declared[name] for name in ("kind", "media_type", "size_bytes", "sha256")}
        yield from differ_in(CHECK, subject, row, expected)
        if case.done("passed"):
            standing = rows[_standing(declared["file_id"], case.files)]
            yield from differ(CHECK, f"{subject} state", standing.state, "verified")
    in_manifest = {str(row.id) for row in case.files if row.in_manifest}
    names = {_standing(declared["file_id"], case.files) for declared in named}
    yield from differ(CHECK, f"{serial} manifest", sorted(in_manifest), sorted(names))
    states = {rows[name].state if name in rows else "declared" for name in names}
    expected_state = "none" if not names else "incomplete"
    if names and states == {"verified"}:
        expected_state = "complete"
    yield from differ(CHECK, f"{serial} evidence_state", case.order.evidence_state, expected_state)
    yield from _removals(case)


def _removals(case: Case) -> Iterator[Difference]:
    """Bytes are gone only where the chain says so: recordings, verified so many days before."""
    told = {
        each["file_id"]: (event, each["sha256"])
        for event in case.done("recordings_removed")
        for each in event.payload["files"]
    }
    for row in case.files:
        subject = f"{case.order.serial} file {row.id} removed"
        if (said := told.pop(str(row.id), None)) is None:
            yield from differ(CHECK, subject, row.removed_at, None)
            continue
        event, sha256 = said
        yield from differ(CHECK, subject, (row.removed_at, row.sha256), (event.at, sha256))
        kept = timedelta(days=event.payload["days"])
        recorded = row.media_type.startswith(("audio/", "video/"))
        if not recorded or row.verified_at is None or event.at - row.verified_at < kept:
            yield Difference(CHECK, subject, row.media_type, f"a recording of {kept.days} days")
    for file_id in told:
        yield Difference(CHECK, f"{case.order.serial} file {file_id}", "nothing", "a removed file")


def _standing(file_id: str, files: Sequence[EvidenceFile]) -> str:
    """The file that stands for a declared one: itself, or what replaced it when it was rejected.

    A replacement counts only for a rejected file of the same kind.
    """
    named = next((row for row in files if str(row.id) == file_id), None)
    for row in files:
        if named and row.replaces == named.id and named.state == "rejected":
            return _standing(str(row.id), files) if row.kind == named.kind else file_id
    return file_id


def _named(case: Case) -> list[dict[str, Any]]:
    """What the last record declared, and what its crew contributed; each file once."""
    if not case.records:
        return []
    record = case.records[-1]
    files = {
        each["file_id"]: each
        for row in case.contributions
        if row.assignment_id == record.assignment_id
        for each in row.files
    }
    return list((files | {each["file_id"]: each for each in record.manifest}).values())


def wanted(case: Case) -> Iterator[Wanted]:
    """Every verified file of the order, whether its manifest still names it or not.

    Not what policy removed: `_removals` holds that against the chain.
    """
    for row in case.files:
        if row.state == "verified" and row.removed_at is None:
            subject = f"{case.order.serial} file {row.id}"
            yield Wanted(subject, row.sha256, row.size_bytes)


def check_stored(store: Storage, files: Iterable[Wanted]) -> list[Difference]:
    """Each verified file lies under its hash, with that hash and its size; blocks, for a thread.

    Equal files share one place and are read once.
    """
    files = list(files)
    hashes = sorted({each.sha256 for each in files})
    with ThreadPoolExecutor(READERS) as readers:
        read = readers.map(lambda sha256: _read(store, sha256), hashes)
        found = dict(zip(hashes, read, strict=True))
    differences: list[Difference] = []
    for each in files:
        seen = found[each.sha256]
        if seen is None:
            differences.append(Difference(CHECK, each.subject, "no file", f"sha256 {each.sha256}"))
            continue
        size_bytes, digest = seen
        differences += differ(CHECK, f"{each.subject} bytes", size_bytes, each.size_bytes)
        differences += differ(CHECK, f"{each.subject} sha256", digest, each.sha256)
    return differences


def _read(store: Storage, sha256: str) -> tuple[int, str] | None:
    """Size and hash of the bytes; None when they cannot be read at all."""
    size_bytes, digest = 0, hashlib.sha256()
    try:
        for block in store.read(kept_key(sha256)):
            size_bytes += len(block)
            digest.update(block)
    except OSError:
        return None
    return size_bytes, digest.hexdigest()
