"""Resumable uploads: created once, written by one at a time, verified at the end.

The offset in PostgreSQL is the truth and never runs ahead of the disk: bytes are synced first.
No transaction is open while bytes stream; a lease in real time keeps a second writer out.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import BinaryIO, NamedTuple
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.db import Database
from app.core.problems import NotFound
from app.core.scope import Principal
from app.evidence import leases
from app.evidence.checksums import Checksum
from app.evidence.errors import ChecksumDiffers, UploadGone, UploadTooLong
from app.evidence.finishing import finish
from app.evidence.leases import Lease
from app.evidence.models import EvidenceFile
from app.evidence.parts import sync_part

CHECKPOINT_BYTES = 1_000_000
"""What a killed server can lose of a chunk; a photo on a bad line is sent in a few of these."""


class Reached(NamedTuple):
    """Where the upload stands; `expires_at` is None once the file is whole."""

    offset: int
    expires_at: datetime | None


async def standing(session: AsyncSession, principal: Principal, file_id: UUID) -> EvidenceFile:
    """The caller's own upload; raises NotFound, or UploadGone after a rejection."""
    file = await session.get(EvidenceFile, file_id)
    if file is None or file.owner_id != principal.id or file.state == "declared":
        raise NotFound()
    if file.state == "rejected":
        raise UploadGone(why=file.rejected_why)
    return file


class Chunk(NamedTuple):
    """Bytes on their way; `announced` is their number by Content-Length, 0 when unknown."""

    offset: int
    announced: int
    blocks: AsyncIterator[bytes]
    checksum: Checksum | None = None


async def receive(database: Database, principal: Principal, file_id: UUID, chunk: Chunk) -> Reached:
    """Append a chunk; returns where the upload stands, after verification at the end.

    What came before a failure is kept, unless the chunk has a checksum: then it counts as a
    whole. Raises NotFound, UploadGone, UploadBusy, UploadOffsetConflict, UploadTooLong,
    ChecksumDiffers and what `finish` raises.
    """
    lease = await leases.take(database, principal, file_id, chunk.offset)
    try:
        if chunk.offset + chunk.announced > lease.size_bytes:
            raise UploadTooLong(size_bytes=lease.size_bytes)
        part = await leases.open_part(database, lease)
        reached = await _append(database, lease, part, chunk)
        if reached < lease.size_bytes:
            return Reached(reached, lease.expires_at)
        await finish(database, lease)
        return Reached(reached, None)
    finally:
        await leases.release(database, lease)


async def _append(database: Database, lease: Lease, part: BinaryIO, chunk: Chunk) -> int:
    with part:
        if chunk.checksum is not None:
            return await _append_whole(database, lease, part, chunk.blocks, chunk.checksum)
        reached = lease.offset
        try:
            async for block in chunk.blocks:
                reached = await _write(lease, part, reached, block)
                if reached - lease.offset >= CHECKPOINT_BYTES or lease.is_ageing():
                    await _save(database, lease, part, reached)
        finally:
            await _save(database, lease, part, reached)
        return reached


async def _append_whole(
    database: Database,
    lease: Lease,
    part: BinaryIO,
    blocks: AsyncIterator[bytes],
    checksum: Checksum,
) -> int:
    """All of the chunk or, when its sum differs, nothing."""
    begun = reached = lease.offset
    async for block in blocks:
        checksum.update(block)
        reached = await _write(lease, part, reached, block)
        if lease.is_ageing():
            await leases.checkpoint(database, lease, begun)
    if not checksum.matches():
        raise ChecksumDiffers(offset=begun)
    await _save(database, lease, part, reached)
    return reached


async def _write(lease: Lease, part: BinaryIO, reached: int, block: bytes) -> int:
    if reached + len(block) > lease.size_bytes:
        raise UploadTooLong(size_bytes=lease.size_bytes)
    lease.assert_held()
    await asyncio.to_thread(part.write, block)
    return reached + len(block)


async def _save(database: Database, lease: Lease, part: BinaryIO, reached: int) -> None:
    """Sync, then move the offset. The last byte is left out: it counts once it is verified."""
    await asyncio.to_thread(sync_part, part)
    if lease.offset < reached < lease.size_bytes:
        await leases.checkpoint(database, lease, reached)
