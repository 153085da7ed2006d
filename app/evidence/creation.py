"""Opening an upload, and ending one that is not wanted any more."""

import asyncio
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.core.problems import NotFound
from app.core.scope import Principal
from app.evidence import repository
from app.evidence.declaration import UploadMetadata
from app.evidence.errors import (
    EvidenceDiffers,
    ReplacementInvalid,
    UploadBusy,
    UploadFinished,
    UploadGone,
    UploadMetadataInvalid,
)
from app.evidence.leases import expiry
from app.evidence.models import EvidenceFile
from app.evidence.parts import parts
from app.evidence.quotas import check_quotas
from app.evidence.service import (
    HASH_DIFFERS,
    Declared,
    check_declared,
    is_same,
    new_file,
)

_NEEDED = ("order_id", "kind", "sha256", "filetype")
"""Metadata that only a declared file can do without."""


async def create(
    session: AsyncSession,
    principal: Principal,
    said: UploadMetadata,
    size_bytes: int,
    metadata: str | None = None,
) -> EvidenceFile:
    """Open the upload of a file, or find it again: the same id and metadata may come many times.

    A declared file is sent by whoever declared it. Raises NotFound for orders never held by the
    caller's crew and for another's file, EvidenceDiffers,
    EvidenceTooLarge, EvidenceKindMismatch, UploadMetadataInvalid, ReplacementInvalid, UploadGone
    and what `check_quotas` raises.
    """
    # Without a lock: the order's comes first, as for manifests.
    known = await session.get(EvidenceFile, said.file_id)
    order_id, declared = _described(said, size_bytes, known)
    check_declared(declared)
    await _require_crew(session, principal, order_id)
    await repository.insert_absent(
        session, [new_file(order_id, principal.id, declared, "receiving")]
    )
    file = (await repository.locked(session, [declared.file_id]))[declared.file_id]
    if file.owner_id != principal.id:
        raise NotFound()
    if not is_same(file, order_id, declared):
        raise EvidenceDiffers(files=[str(file.id)])
    if file.state == "rejected" and file.rejected_why != HASH_DIFFERS:
        raise UploadGone(why=file.rejected_why)
    new = file.state == "receiving" and file.expires_at is None
    if new or file.state in ("declared", "rejected"):
        await _begin(session, principal, file, said)
    _remember(file, said, metadata)
    return file


def _described(
    said: UploadMetadata, size_bytes: int, known: EvidenceFile | None
) -> tuple[UUID, Declared]:
    """What the metadata say, completed by what is known; raises UploadMetadataInvalid."""
    values = {name: getattr(said, name) for name in _NEEDED}
    if known is not None:
        told = (known.order_id, known.kind, known.sha256, known.media_type)
        pairs = zip(_NEEDED, told, strict=True)
        values |= {name: was for name, was in pairs if values[name] is None}
    if missing := [name for name in _NEEDED if values[name] is None]:
        why = "required, unless a manifest declared the file"
        raise UploadMetadataInvalid(errors=[{"at": [name], "why": why} for name in missing])
    declared = Declared(
        file_id=said.file_id,
        kind=values["kind"],
        media_type=values["filetype"],
        size_bytes=size_bytes,
        sha256=values["sha256"],
        captured_at=said.captured_at,
    )
    return values["order_id"], declared


async def _require_crew(session: AsyncSession, principal: Principal, order_id: UUID) -> None:
    technician_id = principal.technician_id
    if technician_id is None or not await repository.held_by(session, technician_id, order_id):
        raise NotFound()


async def _begin(
    session: AsyncSession, principal: Principal, file: EvidenceFile, said: UploadMetadata
) -> None:
    file.state, file.received_bytes, file.rejected_why = "receiving", 0, None
    file.device_id, file.expires_at = principal.device_id, expiry()
    await session.flush()
    await check_quotas(session, file)
    if said.replaces is not None and file.replaces is None:
        await _replace(session, file, said.replaces)


async def _replace(session: AsyncSession, file: EvidenceFile, replaced_id: UUID) -> None:
    """Take the place of a rejected file in the manifest; the record itself stays as it was said."""
    old = (await repository.locked(session, [replaced_id])).get(replaced_id)
    taken = await repository.replacement_of(session, replaced_id) is not None
    if (
        old is None
        or taken
        or (old.order_id, old.kind) != (file.order_id, file.kind)
        or old.state != "rejected"
        or not old.in_manifest
    ):
        raise ReplacementInvalid(replaces=str(replaced_id))
    old.in_manifest, file.in_manifest, file.replaces = False, True, old.id
    await session.flush()


def _remember(file: EvidenceFile, said: UploadMetadata, metadata: str | None) -> None:
    file.captured_at = file.captured_at or said.captured_at
    file.source = file.source or said.source
    place = said.place()
    if place is not None and file.captured_place is None:
        file.captured_place = place.element()
    file.upload_metadata = metadata


async def terminate(database: Database, principal: Principal, file_id: UUID) -> None:
    """Forget the caller's unfinished upload and its bytes; what a manifest names is still due.

    Raises NotFound, UploadGone, UploadBusy while a chunk is written, and UploadFinished.
    """
    async with database.transaction() as session:
        file = (await repository.locked(session, [file_id])).get(file_id)
        if file is None or file.owner_id != principal.id or file.state == "declared":
            raise NotFound()
        if file.state == "rejected":
            raise UploadGone(why=file.rejected_why)
        if file.state == "verified":
            raise UploadFinished()
        if is_leased(file, clock.real_now()):
            raise UploadBusy()
        await forget(session, file)
    await asyncio.to_thread(parts().forget, file_id)


def is_leased(file: EvidenceFile, at: datetime) -> bool:
    """Whether a request is writing the file."""
    return file.lease_until is not None and file.lease_until > at


async def forget(session: AsyncSession, file: EvidenceFile) -> None:
    """Make a locked unfinished file as if it had never been begun; who owes it owes it still."""
    if file.in_manifest or await repository.is_contributed(session, file):
        file.state, file.received_bytes = "declared", 0
        file.lease_id = file.lease_until = file.expires_at = None
    else:
        await session.delete(file)
    await session.flush()
