"""Reading the catalogue: faults, causes and service limits in force."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import repository
from app.catalogue.errors import (
    CatalogueMissing,
    UnknownCauseCode,
    UnknownFaultCode,
    UnknownProfile,
)
from app.catalogue.models import CauseCode, FaultCode, ServiceLimit, ServiceProfile
from app.catalogue.policies import PolicyInForce, in_force
from app.catalogue.working_time import Limit
from app.core import clock, settings


def _today() -> date:
    return clock.now().astimezone(settings.current().zone).date()


async def version_on(session: AsyncSession, on: date | None = None) -> int:
    """The catalogue version in force on a local date (default today); CatalogueMissing if none."""
    version = await repository.version_on(session, on or _today())
    if version is None:
        raise CatalogueMissing()
    return version


async def fault(session: AsyncSession, code: str, on: date | None = None) -> FaultCode:
    """The fault of this code in force `on` a local date; raises UnknownFaultCode."""
    found = await repository.fault_on(session, on or _today(), code)
    if found is None:
        await version_on(session, on)
        raise UnknownFaultCode(code=code[:40])
    return found


async def faults(session: AsyncSession, on: date | None = None) -> Sequence[FaultCode]:
    """Every fault in force, by code."""
    return await repository.faults(session, await version_on(session, on))


async def skills(session: AsyncSession) -> frozenset[str]:
    """Every skill that a fault in force asks for."""
    return frozenset(need["skill"] for each in await faults(session) for need in each.skills)


async def causes(session: AsyncSession, on: date | None = None) -> list[CauseCode]:
    """Every cause in force, by code."""
    return list(await repository.causes(session, await version_on(session, on)))


async def cause(session: AsyncSession, code: str) -> CauseCode:
    """The cause of this code in force today; raises UnknownCauseCode."""
    for each in await causes(session):
        if each.code == code:
            return each
    raise UnknownCauseCode(code=code[:40])


async def current_profile(session: AsyncSession) -> ServiceProfile:
    """The service profile that began last; before the first one, the first one.

    One that is only a reference to compare with is never in force.
    """
    profiles = [each for each in await repository.profiles(session) if not each.reference]
    if not profiles:
        raise CatalogueMissing()
    begun = [each for each in profiles if each.effective_from <= _today()]
    return begun[-1] if begun else profiles[0]


async def profile_named(session: AsyncSession, name: str) -> ServiceProfile:
    """The newest profile of this name, a reference too; raises UnknownProfile."""
    found = [each for each in await repository.profiles(session) if each.name == name]
    if not found:
        raise UnknownProfile(name=name[:80])
    return found[-1]


async def policy(session: AsyncSession) -> PolicyInForce:
    """The service policy that began last; before the first one, the first one."""
    policies = await repository.policies(session)
    if not policies:
        raise CatalogueMissing()
    begun = [each for each in policies if each.effective_from <= _today()]
    return in_force(begun[-1] if begun else policies[0])


async def profiles_with_limits(
    session: AsyncSession,
) -> list[tuple[ServiceProfile, list[ServiceLimit]]]:
    """Every profile with its limits, oldest first."""
    profiles = await repository.profiles(session)
    limits = await repository.limits_of(session, [each.id for each in profiles])
    return [(each, [row for row in limits if row.profile_id == each.id]) for each in profiles]


async def deadlines(
    session: AsyncSession, profile_id: UUID, service_class: str, domain: str, zone: str
) -> dict[str, Limit]:
    """Clock -> limit: K1 to K8, SAFE, SLOT; a clock without a limit is absent.

    `SLOT` is the tolerance around an appointment, and stands instead of K4 for bookable work
    (DOMAIN section 3, H4).
    """
    return await repository.limits_for(session, profile_id, service_class, domain, zone)


async def limits(
    session: AsyncSession, profile_id: UUID, service_class: str, domain: str, zone: str
) -> dict[str, int]:
    """The seconds of the same limits."""
    found = await deadlines(session, profile_id, service_class, domain, zone)
    return {clock: limit.seconds for clock, limit in found.items()}
