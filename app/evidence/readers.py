"""Who reads evidence: stations by their roles, a crew while it holds the order, and its own."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.evidence.models import EvidenceFile
from app.evidence.policy import RECORDINGS
from app.work_orders.models import Assignment, WorkOrder


async def visible_order(
    session: AsyncSession, principal: Principal, order_id: UUID
) -> WorkOrder | None:
    """The order when evidence of it is in the principal's scope."""
    own = exists().where(_holds(principal, col(WorkOrder.id)))
    statement = select(WorkOrder).where(WorkOrder.id == order_id, _in_scope(principal, own))
    return (await session.exec(statement)).first()


async def visible_file(
    session: AsyncSession, principal: Principal, file_id: UUID
) -> tuple[EvidenceFile, WorkOrder] | None:
    """The file with its order, when the principal may read it."""
    statement = (
        select(EvidenceFile, WorkOrder)
        .join(WorkOrder, col(WorkOrder.id) == EvidenceFile.order_id)
        .where(EvidenceFile.id == file_id, _in_scope(principal, _of_crew(principal)))
    )
    return (await session.exec(statement)).first()


async def visible_ids(
    session: AsyncSession, principal: Principal, file_ids: Iterable[UUID]
) -> set[UUID]:
    """Those of the files that the principal may read."""
    statement = (
        select(EvidenceFile.id)
        .join(WorkOrder, col(WorkOrder.id) == EvidenceFile.order_id)
        .where(col(EvidenceFile.id).in_(list(file_ids)), _in_scope(principal, _of_crew(principal)))
    )
    return set((await session.exec(statement)).all())


def _in_scope(principal: Principal, own: ColumnElement[bool]) -> ColumnElement[bool]:
    return scoped(principal, Permission.EVIDENCE_READ, WorkOrder.station_id, own=own)


def _holds(principal: Principal, order_id: Mapped[UUID]) -> ColumnElement[bool]:
    """An assignment of the order to a crew of the principal's, now or before."""
    crews = col(Assignment.crew_id).in_(principal.crew_ids)
    return and_(col(Assignment.order_id) == order_id, crews)


def _of_crew(principal: Principal) -> ColumnElement[bool]:
    """What a technician sent, and what was known of the order while the crew held it.

    Of the crews before it sees photos and signatures, which the work goes on from, but no sound
    or video: these show people in their homes. What comes after it was taken off the order is
    none of its business.
    """
    told_at = col(EvidenceFile.declared_at)
    known = exists().where(
        _holds(principal, col(EvidenceFile.order_id)),
        or_(col(Assignment.ended_at).is_(None), told_at <= col(Assignment.ended_at)),
        or_(
            col(EvidenceFile.media_type).not_in(RECORDINGS), told_at >= col(Assignment.assigned_at)
        ),
    )
    own = and_(
        col(EvidenceFile.owner_id) == principal.id,
        exists().where(_holds(principal, col(EvidenceFile.order_id))),
    )
    return or_(own, known)
