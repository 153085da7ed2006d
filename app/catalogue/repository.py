"""Queries of the catalogue's tables."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import case
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.models import (
    CatalogueVersion,
    CauseCode,
    FaultCode,
    ServiceLimit,
    ServiceProfile,
)
from app.catalogue.policies import StoredPolicy
from app.catalogue.working_time import Limit
from app.core import sql


async def version_on(session: AsyncSession, day: date) -> int | None:
    """The catalogue version in force on `day`; before the first one, the first one."""
    query = select(CatalogueVersion).order_by(col(CatalogueVersion.effective_from))
    versions = (await session.exec(query)).all()
    begun = [each.version for each in versions if each.effective_from <= day]
    if begun:
        return begun[-1]
    return versions[0].version if versions else None


async def faults(session: AsyncSession, version: int) -> Sequence[FaultCode]:
    query = select(FaultCode).where(FaultCode.version == version).order_by(col(FaultCode.code))
    return (await session.exec(query)).all()


async def fault_on(session: AsyncSession, day: date, code: str) -> FaultCode | None:
    """The fault of the version in force on `day`; before the first version, the first one's."""
    begun = col(CatalogueVersion.effective_from) <= day
    in_force = (
        select(CatalogueVersion.version)
        .order_by(
            begun.desc(),
            case((begun, CatalogueVersion.effective_from)).desc(),
            col(CatalogueVersion.effective_from),
        )
        .limit(1)
    )
    query = select(FaultCode).where(
        FaultCode.version == in_force.scalar_subquery(), FaultCode.code == code
    )
    return (await session.exec(query)).one_or_none()


async def causes(session: AsyncSession, version: int) -> Sequence[CauseCode]:
    query = select(CauseCode).where(CauseCode.version == version).order_by(col(CauseCode.code))
    return (await session.exec(query)).all()


async def profiles(session: AsyncSession) -> Sequence[ServiceProfile]:
    query = select(ServiceProfile).order_by(
        col(ServiceProfile.effective_from), col(ServiceProfile.name)
    )
    return (await session.exec(query)).all()


async def policies(session: AsyncSession) -> Sequence[StoredPolicy]:
    statement = (
        "SELECT id, name, effective_from, rules FROM service_policies ORDER BY effective_from"
    )
    return await sql.rows(session, statement)


async def limits_of(session: AsyncSession, profile_ids: list[UUID]) -> Sequence[ServiceLimit]:
    query = (
        select(ServiceLimit)
        .where(col(ServiceLimit.profile_id).in_(profile_ids))
        .order_by(
            col(ServiceLimit.service_class),
            col(ServiceLimit.clock),
            col(ServiceLimit.domain),
            col(ServiceLimit.limit_s),
            col(ServiceLimit.zone),
        )
    )
    return (await session.exec(query)).all()


async def limits_for(
    session: AsyncSession, profile_id: UUID, service_class: str, domain: str, zone: str
) -> dict[str, Limit]:
    found = await sql.rows(
        session,
        "SELECT clock, limit_s, calendar FROM service_limits WHERE profile_id = :profile"
        " AND service_class = :grade AND domain = :domain AND zone = :zone",
        {"profile": profile_id, "grade": service_class, "domain": domain, "zone": zone},
    )
    return {row.clock: Limit(row.limit_s, row.calendar) for row in found}
