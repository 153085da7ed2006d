"""The end of an upload: hashed, opened elsewhere, then kept or set aside."""

import asyncio
import base64
import binascii
from datetime import datetime
from typing import NoReturn
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from app.core import clock, settings
from app.core.db import Database
from app.core.geo import point
from app.evidence import leases, repository
from app.evidence.errors import (
    EvidenceHashDiffers,
    EvidenceNotWhatItClaims,
    EvidenceRejected,
)
from app.evidence.inspection.findings import Findings
from app.evidence.inspection.inspector import inspector
from app.evidence.leases import Lease
from app.evidence.models import EvidenceFile, EvidenceInspection, QuarantinedFile
from app.evidence.parts import Examined, parts
from app.evidence.policy import media_types_of
from app.evidence.service import HASH_DIFFERS, refresh_state
from app.evidence.storage import kept_key, quarantine_key, storage, thumbnail_key
from app.work_orders import service as work_orders

NOT_WHAT_IT_CLAIMS = "not-what-it-claims"


async def finish(database: Database, lease: Lease) -> None:
    """Verify the whole part and keep it, or reject it by name and keep it in quarantine.

    All but the last byte is made safe first, so that whoever is killed here, or finds the
    inspection busy, goes on with one byte. Raises EvidenceHashDiffers, EvidenceNotWhatItClaims,
    EvidenceRejected, EvidenceCheckBusy, EvidenceStoreBusy and UploadBusy.
    """
    await leases.checkpoint(database, lease, max(lease.offset, lease.size_bytes - 1))
    async with leases.kept_alive(database, lease):
        await _finish(database, lease)


async def _finish(database: Database, lease: Lease) -> None:
    found = await asyncio.to_thread(parts().examine, lease.file_id)
    findings = await _findings(lease, found)
    if findings.why is None:
        await asyncio.to_thread(_keep, lease, findings)
        await _record(database, lease, findings)
        await asyncio.to_thread(parts().forget, lease.file_id)
        return
    aside = uuid5(lease.file_id, found.sha256)
    part = parts().path(lease.file_id)
    await asyncio.to_thread(storage().put, quarantine_key(aside), part, lease.assert_held)
    await _record_rejection(database, lease, findings.why, aside, found.sha256)
    await asyncio.to_thread(parts().forget, lease.file_id)
    _refuse(lease, findings.why, found)


async def _findings(lease: Lease, found: Examined) -> Findings:
    if found.sha256 != lease.sha256:
        return Findings(why=HASH_DIFFERS)
    if lease.media_type not in media_types_of(found.head):
        return Findings(why=NOT_WHAT_IT_CLAIMS)
    return await inspector().inspect(parts().path(lease.file_id), lease.media_type)


def _keep(lease: Lease, findings: Findings) -> None:
    storage().put(kept_key(lease.sha256), parts().path(lease.file_id), lease.assert_held)
    picture = _thumbnail(findings)
    if picture is not None:
        storage().put_bytes(thumbnail_key(lease.sha256), picture)


def _thumbnail(findings: Findings) -> bytes | None:
    """The small picture, when it is one: the process that made it is not trusted."""
    try:
        made = base64.b64decode(findings.thumbnail or "", validate=True)
    except binascii.Error:
        return None
    return made if media_types_of(made) == {"image/webp"} else None


async def _record(database: Database, lease: Lease, findings: Findings) -> None:
    async with database.transaction() as session:
        order = await work_orders.locked_any(session, lease.order_id)
        file = await leases.still_held(session, lease)
        file.state, file.received_bytes = "verified", file.size_bytes
        file.verified_at, file.expires_at = clock.now(), None
        session.add(_inspection(file, findings))
        await refresh_state(session, order)


def _inspection(file: EvidenceFile, findings: Findings) -> EvidenceInspection:
    place = findings.taken_place
    return EvidenceInspection(
        file_id=file.id,
        width=findings.width,
        height=findings.height,
        duration_ms=findings.duration_ms,
        taken_at=camera_time(findings.taken_at, settings.current().zone),
        taken_place=point(*place) if place else None,
        has_thumbnail=_thumbnail(findings) is not None,
        signature=findings.signature.model_dump() if findings.signature else None,
        inspected_at=clock.now(),
    )


def camera_time(said: str | None, zone: ZoneInfo) -> datetime | None:
    """The instant that a camera wrote; one without an offset is meant where the company works."""
    try:
        at = datetime.fromisoformat(said) if said else None
    except ValueError:
        return None
    return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at


async def _record_rejection(
    database: Database, lease: Lease, why: str, aside: UUID, sha256: str
) -> None:
    async with database.transaction() as session:
        order = await work_orders.locked_any(session, lease.order_id)
        file = await leases.still_held(session, lease)
        file.state, file.received_bytes, file.rejected_why = "rejected", 0, why
        file.expires_at = None
        await repository.quarantine(session, _set_aside(file, why, aside, sha256))
        await refresh_state(session, order, tell=True)


def _set_aside(file: EvidenceFile, why: str, aside: UUID, sha256: str) -> QuarantinedFile:
    return QuarantinedFile(
        id=aside,
        file_id=file.id,
        order_id=file.order_id,
        owner_id=file.owner_id,
        device_id=file.device_id,
        kind=file.kind,
        media_type=file.media_type,
        sha256=sha256,
        size_bytes=file.size_bytes,
        why=why,
        rejected_at=clock.now(),
    )


def _refuse(lease: Lease, why: str, found: Examined) -> NoReturn:
    if why == HASH_DIFFERS:
        raise EvidenceHashDiffers(sha256=found.sha256, why=why)
    if why == NOT_WHAT_IT_CLAIMS:
        raise EvidenceNotWhatItClaims(media_type=lease.media_type, why=why)
    raise EvidenceRejected(why=why, media_type=lease.media_type)
