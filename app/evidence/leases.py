"""Who is writing an upload now: a lease in real time instead of a row lock."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID, uuid4

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.core.problems import NotFound
from app.core.scope import Principal
from app.evidence import limits, repository
from app.evidence.errors import UploadBusy, UploadGone, UploadOffsetConflict
from app.evidence.models import EvidenceFile
from app.evidence.parts import PartShorter, parts

log = logging.getLogger(__name__)

LEASE_S = 20.0
"""How long a writer that died keeps others out."""
_AGEING_S = LEASE_S / 4


@dataclass(slots=True)
class Lease:
    """The right to write one upload; `offset` is what the database knows."""

    id: UUID
    file_id: UUID
    order_id: UUID
    offset: int
    size_bytes: int
    sha256: str
    media_type: str
    expires_at: datetime
    renewed: float = field(default_factory=clock.monotonic)
    """Monotonic seconds."""

    def is_ageing(self) -> bool:
        return clock.monotonic() - self.renewed > _AGEING_S

    def assert_held(self) -> None:
        """Raises UploadBusy once the lease may have passed to another writer."""
        if clock.monotonic() - self.renewed > LEASE_S:
            raise UploadBusy()


async def take(database: Database, principal: Principal, file_id: UUID, offset: int) -> Lease:
    """The lease for a chunk at `offset` of the caller's own upload.

    Raises NotFound, UploadGone, UploadBusy while another writes, and UploadOffsetConflict.
    """
    async with database.transaction() as session:
        file = (await repository.locked(session, [file_id])).get(file_id)
        if file is None or file.owner_id != principal.id or file.state == "declared":
            raise NotFound()
        if file.state == "rejected":
            raise UploadGone(why=file.rejected_why)
        if file.lease_until is not None and file.lease_until > clock.real_now():
            raise UploadBusy()
        if offset != file.received_bytes or file.state == "verified":
            raise UploadOffsetConflict(offset=file.received_bytes)
        file.lease_id = uuid4()
        file.lease_until = clock.real_now() + timedelta(seconds=LEASE_S)
        return Lease(
            id=file.lease_id,
            file_id=file.id,
            order_id=file.order_id,
            offset=file.received_bytes,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            media_type=file.media_type,
            expires_at=file.expires_at or expiry(),
        )


def expiry() -> datetime:
    """When an upload that is touched now will be forgotten, in real time."""
    return clock.real_now() + timedelta(days=limits.current().keeping.upload_days)


async def open_part(database: Database, lease: Lease) -> BinaryIO:
    """The part file cut to the lease's offset.

    When the disk holds less than the database says (a restored backup), the offset falls back to
    what is there and UploadOffsetConflict names it: the phone sends the rest again.
    """
    try:
        return await asyncio.to_thread(parts().open, lease.file_id, lease.offset)
    except PartShorter as shorter:
        await checkpoint(database, lease, shorter.length)
        raise UploadOffsetConflict(offset=shorter.length) from shorter


async def checkpoint(database: Database, lease: Lease, offset: int) -> None:
    """Store what is safely on disk and renew the lease; raises UploadBusy when it is lost."""
    async with database.transaction() as session:
        file = await still_held(session, lease)
        file.received_bytes = offset
        file.lease_until = clock.real_now() + timedelta(seconds=LEASE_S)
        file.expires_at = lease.expires_at = expiry()
    lease.offset = offset
    lease.renewed = clock.monotonic()


@asynccontextmanager
async def kept_alive(database: Database, lease: Lease) -> AsyncIterator[None]:
    """Renew the lease meanwhile: hashing, inspecting and storing may outlast it.

    Once it cannot be renewed any more, `assert_held` says so.
    """
    over = asyncio.Event()
    beating = asyncio.create_task(_beat(database, lease, over))
    try:
        yield
    finally:
        over.set()
        await beating


async def _beat(database: Database, lease: Lease, over: asyncio.Event) -> None:
    while not over.is_set():
        try:
            async with asyncio.timeout(_AGEING_S):
                await over.wait()
        except TimeoutError:
            try:
                await _renew(database, lease)
            except UploadBusy:
                return
            except Exception as error:
                log.warning("lease of upload %s not renewed", lease.file_id, exc_info=error)


async def _renew(database: Database, lease: Lease) -> None:
    """A later end, and nothing else: where the upload stands is not for this to say."""
    now = clock.monotonic()
    async with database.transaction() as session:
        renewed = await session.execute(
            update(EvidenceFile)
            .where(col(EvidenceFile.id) == lease.file_id, col(EvidenceFile.lease_id) == lease.id)
            .values(lease_until=clock.real_now() + timedelta(seconds=LEASE_S))
            .returning(col(EvidenceFile.id))
        )
        if renewed.first() is None:
            lease.renewed = float("-inf")
            raise UploadBusy()
    lease.renewed = now


async def still_held(session: AsyncSession, lease: Lease) -> EvidenceFile:
    """The locked row while the lease is ours; raises UploadBusy otherwise."""
    file = (await repository.locked(session, [lease.file_id])).get(lease.file_id)
    if file is None or file.lease_id != lease.id:
        raise UploadBusy()
    return file


async def release(database: Database, lease: Lease) -> None:
    """Let the next writer in at once; nothing happens when the lease is another's by now."""
    async with database.transaction() as session:
        await session.execute(
            update(EvidenceFile)
            .where(col(EvidenceFile.id) == lease.file_id, col(EvidenceFile.lease_id) == lease.id)
            .values(lease_id=None, lease_until=None)
        )
