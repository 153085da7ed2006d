"""Resumable uploads: created once, written by one at a time, verified at the end.

The offset in PostgreSQL is the truth and never runs ahead of the disk: bytes are synced first.
No transaction is open while bytes stream; a lease in real time keeps a second writer out.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import BinaryIO
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.core.problems import NotFound
from app.core.scope import Principal
from app.evidence import leases, repository
from app.evidence.errors import (
    EvidenceDiffers,
    EvidenceHashDiffers,
    EvidenceNotWhatItClaims,
    UploadGone,
    UploadTooLong,
)
from app.evidence.leases import Lease
from app.evidence.models import EvidenceFile
from app.evidence.policy import media_types_of
from app.evidence.service import (
    HASH_DIFFERS,
    Declared,
    check_declared,
    is_same,
    new_file,
    refresh_state,
)
from app.evidence.storage import Examined, store, sync_part
from app.work_orders import service as work_orders

CHECKPOINT_BYTES = 1_000_000
"""What a killed server can lose of a chunk; a photo on a bad line is sent in a few of these."""


async def create(
    session: AsyncSession,
    principal: Principal,
    order_id: UUID,
    declared: Declared,
    metadata: str | None = None,
) -> EvidenceFile:
    """Open the upload of a file, or find it again: the same id and metadata may come many times.

    A file that the leader declared belongs to whoever of the crew sends it first. Raises
    NotFound for orders never held by the caller's crew and for another's file, EvidenceDiffers,
    EvidenceTooLarge, EvidenceKindMismatch and UploadGone.
    """
    check_declared(declared)
    await _require_crew(session, principal, order_id)
    await repository.insert_absent(
        session, [new_file(order_id, principal.id, declared, "receiving")]
    )
    file = (await repository.locked(session, [declared.file_id]))[declared.file_id]
    if file.state == "declared" and file.order_id == order_id:
        file.owner_id = principal.id
    if file.owner_id != principal.id:
        raise NotFound()
    if not is_same(file, order_id, declared):
        raise EvidenceDiffers(files=[str(file.id)])
    if file.state == "rejected" and file.rejected_why != HASH_DIFFERS:
        raise UploadGone(why=file.rejected_why)
    if file.state in ("declared", "rejected"):
        file.state, file.received_bytes, file.rejected_why = "receiving", 0, None
    file.captured_at = file.captured_at or declared.captured_at
    file.upload_metadata = metadata
    return file


async def _require_crew(session: AsyncSession, principal: Principal, order_id: UUID) -> None:
    technician_id = principal.technician_id
    if technician_id is None or not await repository.held_by(session, technician_id, order_id):
        raise NotFound()


async def standing(session: AsyncSession, principal: Principal, file_id: UUID) -> EvidenceFile:
    """The caller's own upload; raises NotFound, or UploadGone after a rejection."""
    file = await session.get(EvidenceFile, file_id)
    if file is None or file.owner_id != principal.id or file.state == "declared":
        raise NotFound()
    if file.state == "rejected":
        raise UploadGone(why=file.rejected_why)
    return file


async def receive(
    database: Database,
    principal: Principal,
    file_id: UUID,
    offset: int,
    announced: int,
    blocks: AsyncIterator[bytes],
) -> int:
    """Append `blocks` from `offset`; returns the new offset, after verification at the end.

    `announced` is the chunk's Content-Length, 0 when unknown. What came before a failure is
    kept. Raises NotFound, UploadGone, UploadBusy, UploadOffsetConflict, UploadTooLong,
    EvidenceHashDiffers and EvidenceNotWhatItClaims.
    """
    lease = await leases.take(database, principal, file_id, offset)
    try:
        if offset + announced > lease.size_bytes:
            raise UploadTooLong(size_bytes=lease.size_bytes)
        part = await leases.open_part(database, lease)
        reached = await _append(database, lease, part, blocks)
        if reached == lease.size_bytes:
            await _finish(database, lease)
        return reached
    finally:
        await leases.release(database, lease)


async def _append(
    database: Database, lease: Lease, part: BinaryIO, blocks: AsyncIterator[bytes]
) -> int:
    reached = lease.offset
    with part:
        try:
            async for block in blocks:
                if reached + len(block) > lease.size_bytes:
                    raise UploadTooLong(size_bytes=lease.size_bytes)
                lease.assert_held()
                await asyncio.to_thread(part.write, block)
                reached += len(block)
                if reached - lease.offset >= CHECKPOINT_BYTES or lease.is_ageing():
                    await _save(database, lease, part, reached)
        finally:
            await _save(database, lease, part, reached)
    return reached


async def _save(database: Database, lease: Lease, part: BinaryIO, reached: int) -> None:
    """Sync, then move the offset. The last byte is left out: it counts once it is verified."""
    await asyncio.to_thread(sync_part, part)
    if lease.offset < reached < lease.size_bytes:
        await leases.checkpoint(database, lease, reached)


async def _finish(database: Database, lease: Lease) -> None:
    found = await asyncio.to_thread(store().examine, lease.file_id)
    why = _fault_of(lease, found)
    if why is None:
        await asyncio.to_thread(store().keep, lease.file_id, lease.sha256)
    async with database.transaction() as session:
        order = await work_orders.locked_any(session, lease.order_id)
        file = await leases.still_held(session, lease)
        if why is None:
            file.state, file.received_bytes = "verified", file.size_bytes
            file.verified_at = clock.now()
        else:
            file.state, file.received_bytes, file.rejected_why = "rejected", 0, why
        await refresh_state(session, order)
    if why is None:
        await asyncio.to_thread(store().forget_part, lease.file_id)
        return
    await asyncio.to_thread(store().set_aside, lease.file_id)
    if why == HASH_DIFFERS:
        raise EvidenceHashDiffers(sha256=found.sha256)
    raise EvidenceNotWhatItClaims(media_type=lease.media_type)


def _fault_of(lease: Lease, found: Examined) -> str | None:
    if found.sha256 != lease.sha256:
        return HASH_DIFFERS
    if lease.media_type not in media_types_of(found.head):
        return "not-what-it-claims"
    return None
