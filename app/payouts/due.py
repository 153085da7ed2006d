"""Orders for which time alone changes something about their pay."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.models import CompletionRecord, Review
from app.payouts.models import LedgerEntry, LedgerStanding
from app.revisits.models import ReworkCase
from app.work_orders.models import WorkOrder, WorkOrderEvent


async def unconfirmed(
    session: AsyncSession, card_id: UUID, passed_before: datetime, after: UUID, limit: int
) -> Sequence[UUID]:
    """Orders passed before an instant with unconfirmed earnings by a card, no rework of a call.

    By id, those after `after`.
    """
    confirmed = select(LedgerStanding.id).where(
        LedgerStanding.entry_id == LedgerEntry.id, LedgerStanding.standing == "confirmed"
    )
    reworked = select(WorkOrderEvent.id).where(
        WorkOrderEvent.order_id == LedgerEntry.order_id, WorkOrderEvent.action == "reworked"
    )
    statement = (
        select(LedgerEntry.order_id)
        .where(
            LedgerEntry.rate_card_id == card_id,
            LedgerEntry.kind == "EARN",
            LedgerEntry.created_at <= passed_before,
            ~exists(confirmed),
            ~exists(reworked),
            col(LedgerEntry.order_id) > after,
        )
        .distinct()
        .order_by(col(LedgerEntry.order_id))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def lasting(
    session: AsyncSession,
    card_id: UUID,
    domain: str,
    done_before: datetime,
    after: UUID,
    limit: int,
) -> Sequence[UUID]:
    """Fixed orders of a card done before an instant, unrepeated, without their bonus.

    By id, those after `after`; none of which all pay was taken back.
    """
    undone, restored = aliased(LedgerEntry), aliased(LedgerEntry)
    taken_back = select(undone.id).where(
        undone.refers_to == LedgerEntry.id,
        undone.kind == "REVERSE",
        ~exists(
            select(restored.id).where(restored.refers_to == undone.id, restored.kind == "REVERSE")
        ),
    )
    repeated = select(ReworkCase.id).where(
        ReworkCase.original_id == LedgerEntry.order_id,
        or_(col(ReworkCase.cause).is_(None), col(ReworkCase.cause).in_(("workmanship", "part"))),
    )
    paid = aliased(LedgerEntry)
    has_bonus = select(paid.id).where(
        paid.order_id == LedgerEntry.order_id, paid.rule == "first-time-fix"
    )
    statement = (
        select(LedgerEntry.order_id)
        .join(WorkOrder, col(WorkOrder.id) == LedgerEntry.order_id)
        .join(CompletionRecord, col(CompletionRecord.order_id) == WorkOrder.id)
        .join(Review, col(Review.completion_id) == CompletionRecord.id)
        .where(
            LedgerEntry.rate_card_id == card_id,
            LedgerEntry.kind == "EARN",
            LedgerEntry.points > 0,
            WorkOrder.domain == domain,
            WorkOrder.state == "CLOSED",
            Review.decision == "passed",
            CompletionRecord.outcome == "fixed",
            CompletionRecord.done_at < done_before,
            ~exists(repeated),
            ~exists(has_bonus),
            ~exists(taken_back),
            col(LedgerEntry.order_id) > after,
        )
        .distinct()
        .order_by(col(LedgerEntry.order_id))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def lock_free(session: AsyncSession, order_id: UUID) -> bool:
    """Lock an order's row, unless somebody else holds it: false then, at once.

    Who closes a month keeps writers of pay out; to wait for one of them would be for ever.
    """
    statement = (
        select(WorkOrder.id).where(WorkOrder.id == order_id).with_for_update(skip_locked=True)
    )
    return (await session.exec(statement)).first() is not None
