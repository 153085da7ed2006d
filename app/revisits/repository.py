"""Rows of call-backs and of reworks."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy import select as select_many
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.revisits.models import Revisit, ReworkCase
from app.work_orders.models import WorkOrder


async def of_order(session: AsyncSession, order_id: UUID) -> Sequence[Revisit]:
    """Every attempt, first to last."""
    statement = select(Revisit).where(Revisit.order_id == order_id).order_by(col(Revisit.attempt))
    return (await session.exec(statement)).all()


async def case_of(session: AsyncSession, order_id: UUID) -> ReworkCase | None:
    """The case in which this order is the repetition."""
    return (
        await session.exec(select(ReworkCase).where(ReworkCase.order_id == order_id))
    ).one_or_none()


def _in_scope(principal: Principal) -> ColumnElement[bool]:
    """Cases whose repetition lies at a station where the principal decides on reviews."""
    return scoped(principal, Permission.REVIEWS_DECIDE, WorkOrder.station_id)


async def locked_case(
    session: AsyncSession, principal: Principal, case_id: UUID
) -> ReworkCase | None:
    """The case under its row lock."""
    statement = (
        select(ReworkCase)
        .join(WorkOrder, col(WorkOrder.id) == ReworkCase.order_id)
        .where(ReworkCase.id == case_id, _in_scope(principal))
        .with_for_update(of=ReworkCase)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).first()


def _with_serials(principal: Principal) -> Any:
    original, repetition = aliased(WorkOrder), aliased(WorkOrder)
    here = scoped(principal, Permission.REVIEWS_DECIDE, repetition.station_id)
    return (
        select_many(ReworkCase, col(original.serial), col(repetition.serial))
        .join(original, col(original.id) == ReworkCase.original_id)
        .join(repetition, col(repetition.id) == ReworkCase.order_id)
        .where(here)
    )


async def cases(
    session: AsyncSession, principal: Principal, *, undecided: bool, after: UUID | None, limit: int
) -> Sequence[tuple[ReworkCase, str, str]]:
    """A page by id, oldest first."""
    statement = _with_serials(principal).order_by(col(ReworkCase.id)).limit(limit)
    if undecided:
        statement = statement.where(col(ReworkCase.cause).is_(None))
    if after is not None:
        statement = statement.where(col(ReworkCase.id) > after)
    return [tuple(row) for row in (await session.execute(statement)).all()]


async def one_case(
    session: AsyncSession, principal: Principal, case_id: UUID
) -> tuple[ReworkCase, str, str] | None:
    """One case with both serials."""
    statement = _with_serials(principal).where(ReworkCase.id == case_id)
    row = (await session.execute(statement)).first()
    return tuple(row) if row is not None else None
