"""Queries of customers, premises and buildings."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql
from app.core.geo import point
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
    rows = await sql.rows(
        session,
        "SELECT kind FROM account_flags WHERE premises_id = :premises AND ended_at IS NULL",
        {"premises": premises_id},
    )
    return frozenset(row.kind for row in rows)


async def is_holder(session: AsyncSession, customer_id: UUID, premises_id: UUID) -> bool:
    query = select(Occupancy.id).where(
        Occupancy.customer_id == customer_id, Occupancy.premises_id == premises_id
    )
    return (await session.exec(query)).first() is not None


async def nearest_zone(
    session: AsyncSession, lon: float, lat: float, within_m: float
) -> str | None:
    """The zone of the building nearest to a WGS-84 point, within so many metres."""
    place = point(lon, lat)
    query = (
        select(Building.zone)
        .where(func.ST_DWithin(Building.location, place, within_m))
        .order_by(func.ST_Distance(Building.location, place), col(Building.id))
        .limit(1)
    )
    return (await session.exec(query)).first()


async def phones_of(session: AsyncSession, customer_ids: Collection[UUID]) -> list[CustomerPhone]:
    query = (
        select(CustomerPhone)
        .where(col(CustomerPhone.customer_id).in_(customer_ids))
        .order_by(col(CustomerPhone.id))
    )
    return list((await session.exec(query)).all())


async def customers(session: AsyncSession, where: ColumnElement[bool]) -> list[Customer]:
    query = select(Customer).where(where).order_by(col(Customer.customer_no))
    return list((await session.exec(query)).all())


def held_in(scope: ColumnElement[bool]) -> ColumnElement[bool]:
    """The clause of customers who hold premises in a building that `scope` opens."""
    return exists(
        select(Occupancy.id)
        .join(Premises, col(Premises.id) == col(Occupancy.premises_id))
        .join(Building, col(Building.id) == col(Premises.building_id))
        .where(col(Occupancy.customer_id) == col(Customer.id), scope)
    )


def calls_from(phone: str) -> ColumnElement[bool]:
    """The clause of customers with this (normal) number."""
    return exists(
        select(CustomerPhone.id).where(
            col(CustomerPhone.customer_id) == col(Customer.id), CustomerPhone.phone == phone
        )
    )


async def held_premises(
    session: AsyncSession, customer_ids: Collection[UUID], scope: ColumnElement[bool]
) -> list[Any]:
    """Rows (customer_id, Premises, Building, Community) in scope."""
    query: Any = (
        select(Occupancy.customer_id, Premises, Building, Community)
        .join(Premises, col(Premises.id) == col(Occupancy.premises_id))
        .join(Building, col(Building.id) == col(Premises.building_id))
        .join(Community, col(Community.id) == col(Building.community_id))
        .where(col(Occupancy.customer_id).in_(customer_ids), scope)
        .order_by(col(Building.address), col(Premises.unit), col(Premises.room))
    )
    return list((await session.execute(query)).all())


async def flags_of(session: AsyncSession, premises_ids: Collection[UUID]) -> list[AccountFlag]:
    query = (
        select(AccountFlag)
        .where(col(AccountFlag.premises_id).in_(premises_ids), col(AccountFlag.ended_at).is_(None))
        .order_by(col(AccountFlag.since), col(AccountFlag.kind))
    )
    return list((await session.exec(query)).all())


async def building_in(
    session: AsyncSession, building_id: UUID, scope: ColumnElement[bool]
) -> Building | None:
    query = select(Building).where(Building.id == building_id, scope)
    return (await session.exec(query)).one_or_none()


async def premises_of_building(session: AsyncSession, building_id: UUID) -> list[Premises]:
    query = (
        select(Premises)
        .where(Premises.building_id == building_id)
        .order_by(col(Premises.unit), col(Premises.room))
    )
    return list((await session.exec(query)).all())


async def holders_of(session: AsyncSession, premises_ids: Collection[UUID]) -> list[Any]:
    """Rows (premises_id, Customer)."""
    query: Any = (
        select(Occupancy.premises_id, Customer)
        .join(Customer, col(Customer.id) == col(Occupancy.customer_id))
        .where(col(Occupancy.premises_id).in_(premises_ids))
        .order_by(col(Customer.customer_no))
    )
    return list((await session.execute(query)).all())


async def search_buildings(
    session: AsyncSession, words: list[str], scope: ColumnElement[bool], limit: int
) -> list[Any]:
    """Rows (Building, Community) whose address holds every word, the likest first."""
    phrase = " ".join(words)
    query: Any = (
        select(Building, Community)
        .join(Community, col(Community.id) == col(Building.community_id))
        .where(scope, *(col(Building.address).icontains(word, autoescape=True) for word in words))
        .order_by(
            func.similarity(Building.address, phrase).desc(),
            func.length(Building.address),
            col(Building.address),
        )
        .limit(limit)
    )
    return list((await session.execute(query)).all())


HISTORY = 20
# Work orders stand above this room, so they are read here by SQL text, and never written: the
# screen pop must show flags, open orders and history in one answer (DOMAIN I05 to I07).
_ORDERS = """
SELECT * FROM (
  SELECT id, serial, state, fault_code, fault_group, service_class, premises_id, customer_id,
    reported_at, due_at, urges, state IN ('CLOSED','CANCELLED','MERGED') AS ended,
    row_number() OVER (
      PARTITION BY state IN ('CLOSED','CANCELLED','MERGED'), coalesce(premises_id, customer_id)
      ORDER BY reported_at DESC, id DESC) AS place
  FROM work_orders
  WHERE (customer_id = ANY(:customers) OR premises_id = ANY(:premises))
    AND (:everywhere OR station_id = ANY(:stations))
) AS found WHERE NOT ended OR place <= :history ORDER BY reported_at DESC, id DESC
"""


async def orders_of(
    session: AsyncSession,
    customer_ids: Collection[UUID],
    premises_ids: Collection[UUID],
    stations: frozenset[UUID] | None,
) -> list[Any]:
    """Open orders, and the last that ended, of customers and premises; None: every station."""
    found = await session.execute(
        text(_ORDERS),
        {
            "customers": list(customer_ids),
            "premises": list(premises_ids),
            "everywhere": stations is None,
            "stations": list(stations or ()),
            "history": HISTORY,
        },
    )
    return list(found.all())
