"""Queries of customers, premises and buildings."""

from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.customers.models import (
    AccountFlag,
    Building,
    Community,
    Customer,
    CustomerPhone,
    Occupancy,
    Premises,
)


async def premises_place(session: AsyncSession, premises_id: UUID) -> Any | None:
    """(Premises, Building, Community), or None."""
    query = (
        select(Premises, Building, Community)
        .join(Building, col(Building.id) == col(Premises.building_id))
        .join(Community, col(Community.id) == col(Building.community_id))
        .where(Premises.id == premises_id)
    )
    return (await session.exec(query)).one_or_none()


async def holder_of(session: AsyncSession, premises_id: UUID) -> Customer | None:
    """Who holds the premises; of several, who came last."""
    query = (
        select(Customer)
        .join(Occupancy, col(Occupancy.customer_id) == col(Customer.id))
        .where(Occupancy.premises_id == premises_id)
        .order_by(col(Occupancy.id).desc())
        .limit(1)
    )
    return (await session.exec(query)).first()


async def open_flags(session: AsyncSession, premises_id: UUID) -> frozenset[str]:
    query = select(AccountFlag.kind).where(
        AccountFlag.premises_id == premises_id, col(AccountFlag.ended_at).is_(None)
    )
    return frozenset((await session.exec(query)).all())


async def by_phone(session: AsyncSession, phone: str) -> list[Customer]:
    query = (
        select(Customer)
        .join(CustomerPhone, col(CustomerPhone.customer_id) == col(Customer.id))
        .where(CustomerPhone.phone == phone)
        .order_by(col(Customer.customer_no))
    )
    return list((await session.exec(query)).all())
