"""Rows of completion records, reviews, and who worked on an order."""

from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.models import CompletionRecord, Review
from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.organisation.models import CrewMember, Technician
from app.work_orders.models import Assignment, WorkOrder


async def of_order(
    session: AsyncSession, order_id: UUID
) -> list[tuple[CompletionRecord, Review | None]]:
    """Every attempt with its review, first attempt first."""
    statement = (
        select(CompletionRecord, Review)
        .join(Review, col(Review.completion_id) == CompletionRecord.id, isouter=True)
        .where(CompletionRecord.order_id == order_id)
        .order_by(col(CompletionRecord.attempt))
    )
    return [(row[0], row[1]) for row in (await session.exec(statement)).all()]


async def latest(session: AsyncSession, order_id: UUID) -> CompletionRecord | None:
    """The last attempt."""
    statement = (
        select(CompletionRecord)
        .where(CompletionRecord.order_id == order_id)
        .order_by(col(CompletionRecord.attempt).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def order_in_scope(session: AsyncSession, principal: Principal, order_id: UUID) -> bool:
    """Whether the order's records are in the principal's scope."""
    statement = select(WorkOrder.id).where(WorkOrder.id == order_id, _in_scope(principal))
    return (await session.exec(statement)).first() is not None


def _in_scope(principal: Principal) -> ColumnElement[bool]:
    own = col(WorkOrder.id).in_(
        select(Assignment.order_id).where(col(Assignment.crew_id).in_(principal.crew_ids))
    )
    return scoped(principal, Permission.EVIDENCE_READ, WorkOrder.station_id, own=own)


async def worked_on(session: AsyncSession, user_id: UUID, order_id: UUID) -> bool:
    """Whether the user was in a crew while that crew had accepted the order, or completed it.

    The work on a merged report is also that on the order into which it was merged.
    """
    order = await session.get_one(WorkOrder, order_id)
    about = {order.id, order.merged_into or order.id}
    membership = (
        select(Assignment.id)
        .join(CrewMember, col(CrewMember.crew_id) == Assignment.crew_id)
        .join(Technician, col(Technician.id) == CrewMember.technician_id)
        .where(
            col(Assignment.order_id).in_(about),
            Technician.user_id == user_id,
            col(Assignment.accepted_at).is_not(None),
            or_(
                col(Assignment.ended_at).is_(None),
                col(CrewMember.since) <= col(Assignment.ended_at),
            ),
            or_(
                col(CrewMember.until).is_(None),
                col(CrewMember.until) >= col(Assignment.accepted_at),
            ),
        )
    )
    record = select(CompletionRecord.id).where(
        col(CompletionRecord.order_id).in_(about), CompletionRecord.completed_by == user_id
    )
    if (await session.exec(membership)).first() is not None:
        return True
    return (await session.exec(record)).first() is not None
