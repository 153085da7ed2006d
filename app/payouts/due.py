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
    session: AsyncSession, card_id: UUID, passed_before: datetime, limit: int
) -> Sequence[UUID]:
    """Orders passed before an instant with unconfirmed earnings by a card, no rework of a call."""
    confirmed = select(LedgerStanding.id).where(LedgerStanding.entry_id == LedgerEntry.id)
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
        )
        .distinct()
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def lasting(
    session: AsyncSession, card_id: UUID, domain: str, done_before: datetime, limit: int
) -> Sequence[UUID]:
    """Fixed orders of a card done before an instant, unrepeated, without their bonus."""
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
        )
        .distinct()
        .limit(limit)
    )
    return (await session.exec(statement)).all()
