"""Rows of evidence files and of who may see or send them."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.evidence.models import EvidenceFile
from app.organisation.models import CrewMember
from app.work_orders.models import Assignment, WorkOrder


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


async def visible_order(
    session: AsyncSession, principal: Principal, order_id: UUID
) -> WorkOrder | None:
    """The order when its evidence is in the principal's scope."""
    statement = select(WorkOrder).where(WorkOrder.id == order_id, _in_scope(principal))
    return (await session.exec(statement)).first()


async def visible_file(
    session: AsyncSession, principal: Principal, file_id: UUID
) -> tuple[EvidenceFile, WorkOrder] | None:
    """The file with its order, when in the principal's scope."""
    statement = (
        select(EvidenceFile, WorkOrder)
        .join(WorkOrder, col(WorkOrder.id) == EvidenceFile.order_id)
        .where(EvidenceFile.id == file_id, _in_scope(principal))
    )
    return (await session.exec(statement)).first()


def _in_scope(principal: Principal) -> ColumnElement[bool]:
    own = col(WorkOrder.id).in_(
        select(Assignment.order_id).where(col(Assignment.crew_id).in_(principal.crew_ids))
    )
    return scoped(principal, Permission.EVIDENCE_READ, WorkOrder.station_id, own=own)


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
