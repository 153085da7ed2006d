"""Manifests: what a crew says it recorded, what a fault demands, and how much of it is in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.models import FaultCode
from app.core import clock, feed
from app.core.problems import NotFound
from app.core.scope import Principal
from app.evidence import limits, readers, repository
from app.evidence.errors import (
    EvidenceDiffers,
    EvidenceKindMismatch,
    EvidenceNoThumbnail,
    EvidenceNotReadable,
    EvidenceRemoved,
    EvidenceTooLarge,
)
from app.evidence.models import EvidenceFile, EvidenceInspection
from app.evidence.policy import ALWAYS, EXTENSIONS, media_allowed
from app.evidence.seen import SeenFile, SeenVisit, seen
from app.evidence.storage import kept_key, thumbnail_key
from app.work_orders.models import WorkOrder
from app.work_orders.transitions import audience

HASH_DIFFERS = "hash-differs"
"""The one rejection that sending the same file again can heal."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One file as the phone describes it; `sha256` in lower-case hex of the whole file."""

    file_id: UUID
    kind: str
    media_type: str
    size_bytes: int
    sha256: str
    captured_at: datetime | None = None


def required_letters(fault: FaultCode) -> frozenset[str]:
    """Every evidence letter of the fault, with A and F, which all faults demand (DOMAIN 4)."""
    return frozenset(fault.evidence) | ALWAYS


def check_declared(declared: Declared) -> None:
    """Raises EvidenceTooLarge, or EvidenceKindMismatch for a media type that cannot show it."""
    allowed = media_allowed(declared.kind)
    if declared.media_type not in allowed:
        raise EvidenceKindMismatch(
            kind=declared.kind, media_type=declared.media_type, allowed=sorted(allowed)
        )
    largest = limits.current().bytes.of(declared.kind, declared.media_type)
    if declared.size_bytes > largest:
        raise EvidenceTooLarge(max_bytes=largest, kind=declared.kind)


def new_file(order_id: UUID, owner_id: UUID, declared: Declared, state: str) -> EvidenceFile:
    """A row for a file that was not known before."""
    return EvidenceFile(
        id=declared.file_id,
        order_id=order_id,
        owner_id=owner_id,
        kind=declared.kind,
        media_type=declared.media_type,
        size_bytes=declared.size_bytes,
        sha256=declared.sha256,
        captured_at=declared.captured_at,
        state=state,
        declared_at=clock.now(),
    )


def is_same(file: EvidenceFile, order_id: UUID, declared: Declared) -> bool:
    """Whether the row describes these bytes for this order; the capture time may come later."""
    return (file.order_id, file.kind, file.media_type, file.size_bytes, file.sha256) == (
        order_id,
        declared.kind,
        declared.media_type,
        declared.size_bytes,
        declared.sha256,
    )


async def declare(
    session: AsyncSession, order: WorkOrder, owner_id: UUID, manifest: Sequence[Declared]
) -> None:
    """Make `manifest` the one of a locked order; files may be in already, or come later.

    Idempotent by file id. Raises EvidenceDiffers for an id that names another file,
    EvidenceTooLarge and EvidenceKindMismatch.
    """
    for declared in manifest:
        check_declared(declared)
    await repository.insert_absent(
        session, [new_file(order.id, owner_id, each, "declared") for each in manifest]
    )
    known = await repository.locked(session, [each.file_id for each in manifest])
    differing = [
        str(each.file_id) for each in manifest if not is_same(known[each.file_id], order.id, each)
    ]
    if differing:
        raise EvidenceDiffers(files=differing)
    files = await repository.of_order(session, order.id)
    standing = {standing_for(each.file_id, files) for each in manifest}
    for file in files:
        file.in_manifest = file.id in standing
    await refresh_state(session, order)


def standing_for(file_id: UUID, files: Sequence[EvidenceFile]) -> UUID:
    """The file that counts where `file_id` is named: itself, or the last that replaced it."""
    taken_over = {file.replaces: file.id for file in files if file.replaces is not None}
    while file_id in taken_over:
        file_id = taken_over[file_id]
    return file_id


async def manifest_of(session: AsyncSession, order_id: UUID) -> list[EvidenceFile]:
    """The files that the order's current manifest names."""
    return [file for file in await repository.of_order(session, order_id) if file.in_manifest]


async def state_of(session: AsyncSession, order_id: UUID) -> str:
    """`none` without a manifest, `complete` when all of it is verified, else `incomplete`."""
    files = await manifest_of(session, order_id)
    if not files:
        return "none"
    return "complete" if all(file.state == "verified" for file in files) else "incomplete"


async def refresh_state(session: AsyncSession, order: WorkOrder, *, tell: bool = False) -> None:
    """Keep the locked order's `evidence_state`; screens hear of a change through the feed.

    `tell` makes them hear in any case: a file was rejected, and the demand for it is open again.
    """
    await session.flush()
    state = await state_of(session, order.id)
    if state == order.evidence_state and not tell:
        return
    order.evidence_state = state
    tokens = await audience(session, order)
    await feed.append(session, "work_order", order.id, before=tokens, after=tokens)
    await session.flush()


class EvidenceOfOrder(NamedTuple):
    """An order's files and the letters that its fault demands."""

    order: WorkOrder
    letters: frozenset[str]
    visit: SeenVisit
    files: Sequence[SeenFile]


async def of_order(session: AsyncSession, principal: Principal, order_id: UUID) -> EvidenceOfOrder:
    """What the reader may see of an order in scope, judged beside all of it; raises NotFound."""
    order = await readers.visible_order(session, principal, order_id)
    if order is None:
        raise NotFound()
    files = await repository.of_order(session, order_id)
    inspections = await repository.inspections(session, order_id)
    visit, shown = await seen(session, order_id, files, inspections)
    visible = await readers.visible_ids(session, principal, [file.id for file in files])
    mine = [each for each in shown if each.file.id in visible]
    return EvidenceOfOrder(order, await letters_of(session, order), visit, mine)


async def letters_of(session: AsyncSession, order: WorkOrder) -> frozenset[str]:
    """The letters of the order's own fault code, of the catalogue version it was taken in with."""
    fault = await session.get(FaultCode, order.fault_code_id)
    assert fault is not None  # a foreign key
    return required_letters(fault)


class ReadableFile(NamedTuple):
    """Verified bytes and how to name them."""

    key: str
    media_type: str
    sha256: str
    size_bytes: int
    file_name: str


async def readable(session: AsyncSession, principal: Principal, file_id: UUID) -> ReadableFile:
    """A verified file in scope.

    Raises NotFound, EvidenceNotReadable before it is verified, EvidenceRemoved after its days.
    """
    file, order = await _verified(session, principal, file_id)
    return ReadableFile(
        key=kept_key(file.sha256),
        media_type=file.media_type,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        file_name=f"{order.serial}-{file.kind}-{file.id}.{EXTENSIONS[file.media_type]}",
    )


async def thumbnail(session: AsyncSession, principal: Principal, file_id: UUID) -> ReadableFile:
    """The small picture of a verified file in scope; its size is not known.

    Raises NotFound, EvidenceNotReadable, EvidenceRemoved, or EvidenceNoThumbnail for a recording.
    """
    file, order = await _verified(session, principal, file_id)
    found = await session.get(EvidenceInspection, file_id)
    if found is None or not found.has_thumbnail:
        raise EvidenceNoThumbnail(media_type=file.media_type)
    return ReadableFile(
        key=thumbnail_key(file.sha256),
        media_type="image/webp",
        sha256=file.sha256,
        size_bytes=0,
        file_name=f"{order.serial}-{file.kind}-{file.id}-small.webp",
    )


async def _verified(
    session: AsyncSession, principal: Principal, file_id: UUID
) -> tuple[EvidenceFile, WorkOrder]:
    found = await readers.visible_file(session, principal, file_id)
    if found is None:
        raise NotFound()
    if found[0].state != "verified":
        raise EvidenceNotReadable(state=found[0].state)
    if found[0].removed_at is not None:
        raise EvidenceRemoved(removed_at=found[0].removed_at.isoformat())
    return found
