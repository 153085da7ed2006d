"""Evidence: rows against manifests, and bytes on the disk against rows."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

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
    named = case.records[-1].manifest if case.records else []
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
            yield from differ(CHECK, f"{subject} state", row.state, "verified")
    in_manifest = {str(row.id) for row in case.files if row.in_manifest}
    names = {declared["file_id"] for declared in named}
    yield from differ(CHECK, f"{serial} manifest", sorted(in_manifest), sorted(names))
    states = {rows[name].state if name in rows else "declared" for name in names}
    expected_state = "none" if not names else "incomplete"
    if names and states == {"verified"}:
        expected_state = "complete"
    yield from differ(CHECK, f"{serial} evidence_state", case.order.evidence_state, expected_state)


def wanted(case: Case) -> Iterator[Wanted]:
    """Every verified file of the order, whether its manifest still names it or not."""
    for row in case.files:
        if row.state == "verified":
            subject = f"{case.order.serial} file {row.id}"
            yield Wanted(subject, row.sha256, row.size_bytes)


def check_disk(data_dir: Path, files: Iterable[Wanted]) -> list[Difference]:
    """Each verified file lies under its hash, with that hash and its size; blocks, for a thread.

    Equal files share one place and are read once.
    """
    files = list(files)
    hashes = sorted({each.sha256 for each in files})
    kept = data_dir / "evidence" / "kept"
    with ThreadPoolExecutor(READERS) as readers:
        found = dict(
            zip(
                hashes, readers.map(lambda name: _read(kept / name[:2] / name), hashes), strict=True
            )
        )
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


def _read(path: Path) -> tuple[int, str] | None:
    """Size and hash of the bytes; None when they cannot be read at all."""
    try:
        with path.open("rb") as kept:
            digest = hashlib.file_digest(kept, "sha256").hexdigest()
            return kept.tell(), digest
    except OSError:
        return None
