"""Rows of call-backs."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.revisits.models import Revisit


async def of_order(session: AsyncSession, order_id: UUID) -> Sequence[Revisit]:
    """Every attempt, first to last."""
    statement = select(Revisit).where(Revisit.order_id == order_id).order_by(col(Revisit.attempt))
    return (await session.exec(statement)).all()
