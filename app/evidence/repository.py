"""Rows of evidence files and of who may see or send them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.evidence.models import EvidenceFile, EvidenceInspection, QuarantinedFile
from app.evidence.policy import RECORDINGS
from app.organisation.models import CrewMember
from app.work_orders.models import Assignment, WorkOrder
from app.work_orders.states import ENDED


async def insert_absent(session: AsyncSession, files: Iterable[EvidenceFile]) -> None:
    """Insert the files whose id is new; a twin in flight is waited for, not collided with."""
    rows = [file.model_dump(exclude={"captured_place"}) for file in files]
    if rows:
        await session.execute(insert(EvidenceFile).values(rows).on_conflict_do_nothing())


async def locked(session: AsyncSession, file_ids: Iterable[UUID]) -> dict[UUID, EvidenceFile]:
    """The files by id, row-locked in id order, as they are in the database now."""
    statement = (
        select(EvidenceFile)
        .where(col(EvidenceFile.id).in_(list(file_ids)))
        .order_by(col(EvidenceFile.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {file.id: file for file in (await session.exec(statement)).all()}


async def of_order(session: AsyncSession, order_id: UUID) -> Sequence[EvidenceFile]:
    """Every file of an order, oldest declaration first."""
    statement = (
        select(EvidenceFile)
        .where(EvidenceFile.order_id == order_id)
        .order_by(col(EvidenceFile.declared_at), col(EvidenceFile.id))
    )
    return (await session.exec(statement)).all()


async def inspections(session: AsyncSession, order_id: UUID) -> dict[UUID, EvidenceInspection]:
    """What the verified files of an order hold, by file."""
    statement = (
        select(EvidenceInspection)
        .join(EvidenceFile, col(EvidenceFile.id) == EvidenceInspection.file_id)
        .where(EvidenceFile.order_id == order_id)
    )
    return {found.file_id: found for found in (await session.exec(statement)).all()}


async def volume_of_order(session: AsyncSession, order_id: UUID) -> tuple[int, int]:
    """(files, bytes) of an order, declared or received; rejected ones lie elsewhere."""
    return await _volume(
        session, EvidenceFile.order_id == order_id, col(EvidenceFile.state) != "rejected"
    )


async def volume_of_device(
    session: AsyncSession, owner_id: UUID, device_id: UUID | None, since: datetime
) -> tuple[int, int]:
    """(files, bytes) that the phone announced since then, in business time.

    Without a device: what the person announced without one.
    """
    if device_id is None:
        return await volume_of_person(
            session, owner_id, since, col(EvidenceFile.device_id).is_(None)
        )
    return await _volume(
        session, EvidenceFile.device_id == device_id, col(EvidenceFile.declared_at) >= since
    )


async def volume_of_person(
    session: AsyncSession, owner_id: UUID, since: datetime, *where: ColumnElement[bool]
) -> tuple[int, int]:
    """(files, bytes) that the person announced since then, on whatever phone."""
    return await _volume(
        session,
        EvidenceFile.owner_id == owner_id,
        col(EvidenceFile.declared_at) >= since,
        *where,
    )


async def _volume(session: AsyncSession, *where: Any) -> tuple[int, int]:
    statement = select(
        func.count(), func.coalesce(func.sum(col(EvidenceFile.size_bytes)), 0)
    ).where(*where)
    files, total = (await session.exec(statement)).one()
    return files, int(total)


async def is_contributed(session: AsyncSession, file: EvidenceFile) -> bool:
    """Whether somebody of a crew named the file for the record, standing or to come."""
    named = text(
        "SELECT EXISTS (SELECT FROM completion_contributions WHERE order_id = :order"
        " AND files @> jsonb_build_array(jsonb_build_object('file_id', CAST(:file AS text))))"
    )
    found = await session.execute(named, {"order": file.order_id, "file": str(file.id)})
    return bool(found.scalar_one())


async def replacement_of(session: AsyncSession, file_id: UUID) -> UUID | None:
    """The file that took this one's place in the manifest."""
    statement = select(EvidenceFile.id).where(EvidenceFile.replaces == file_id)
    return (await session.exec(statement)).first()


async def quarantine(session: AsyncSession, row: QuarantinedFile) -> None:
    """Note a rejected original; the same bytes of the same file count once."""
    await session.execute(insert(QuarantinedFile).values(row.model_dump()).on_conflict_do_nothing())


async def expired(session: AsyncSession, at: datetime, most: int) -> Sequence[EvidenceFile]:
    """Unfinished uploads whose time is over and that nobody writes, row-locked."""
    statement = (
        select(EvidenceFile)
        .where(
            EvidenceFile.state == "receiving",
            col(EvidenceFile.expires_at) < at,
            or_(col(EvidenceFile.lease_until).is_(None), col(EvidenceFile.lease_until) < at),
        )
        .order_by(col(EvidenceFile.id))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(statement)).all()


async def unfinished(session: AsyncSession, file_ids: Collection[UUID]) -> set[UUID]:
    """Those of the files whose upload may go on."""
    statement = select(EvidenceFile.id).where(
        col(EvidenceFile.id).in_(list(file_ids)), EvidenceFile.state == "receiving"
    )
    return set((await session.exec(statement)).all())


async def quarantined_before(session: AsyncSession, before: datetime, most: int) -> Sequence[UUID]:
    """Rejected originals that are older and still there."""
    statement = (
        select(QuarantinedFile.id)
        .where(col(QuarantinedFile.purged_at).is_(None), QuarantinedFile.rejected_at < before)
        .order_by(col(QuarantinedFile.rejected_at))
        .limit(most)
    )
    return (await session.exec(statement)).all()


async def mark_purged(session: AsyncSession, quarantine_id: UUID, at: datetime) -> None:
    """The bytes are gone."""
    await session.execute(
        update(QuarantinedFile).where(col(QuarantinedFile.id) == quarantine_id).values(purged_at=at)
    )


def _old_recording(before: datetime) -> ColumnElement[bool]:
    return and_(
        col(EvidenceFile.media_type).in_(RECORDINGS),
        col(EvidenceFile.state) == "verified",
        col(EvidenceFile.removed_at).is_(None),
        col(EvidenceFile.verified_at) < before,
    )


async def orders_with_old_recordings(
    session: AsyncSession, before: datetime, most: int
) -> Sequence[UUID]:
    """Orders that are over and have sound or video verified before then, with its bytes."""
    statement = (
        select(EvidenceFile.order_id)
        .join(WorkOrder, col(WorkOrder.id) == EvidenceFile.order_id)
        .where(_old_recording(before), col(WorkOrder.state).in_(ENDED))
        .distinct()
        .limit(most)
    )
    return (await session.exec(statement)).all()


async def old_recordings(
    session: AsyncSession, order_id: UUID, before: datetime
) -> Sequence[EvidenceFile]:
    """Those of one order, row-locked."""
    statement = (
        select(EvidenceFile)
        .where(EvidenceFile.order_id == order_id, _old_recording(before))
        .order_by(col(EvidenceFile.id))
        .with_for_update()
    )
    return (await session.exec(statement)).all()


async def removed_hashes(session: AsyncSession, since: datetime) -> Sequence[str]:
    """Hashes of files removed since then whose bytes no other file needs."""
    other = aliased(EvidenceFile)
    needed = exists().where(
        col(other.sha256) == col(EvidenceFile.sha256),
        col(other.removed_at).is_(None),
        col(other.state) != "rejected",
    )
    statement = (
        select(EvidenceFile.sha256).where(col(EvidenceFile.removed_at) >= since, ~needed).distinct()
    )
    return (await session.exec(statement)).all()


async def held_by(session: AsyncSession, technician_id: UUID, order_id: UUID) -> bool:
    """Whether the technician was in a crew while it held the order, now or before.

    Takes the order's key-share lock first: a manifest may be under way on the locked order.
    """
    statement = (
        select(Assignment.id)
        .join(CrewMember, col(CrewMember.crew_id) == Assignment.crew_id)
        .join(WorkOrder, col(WorkOrder.id) == Assignment.order_id)
        .with_for_update(of=WorkOrder, read=True, key_share=True)
        .where(
            Assignment.order_id == order_id,
            CrewMember.technician_id == technician_id,
            or_(
                col(Assignment.ended_at).is_(None),
                col(CrewMember.since) <= col(Assignment.ended_at),
            ),
            or_(
                col(CrewMember.until).is_(None),
                col(CrewMember.until) >= col(Assignment.assigned_at),
            ),
        )
    )
    return (await session.exec(statement)).first() is not None
