"""What crews have earned and what orders would bring, so that plans share income fairly."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import settings
from app.organisation.service import Capability
from app.payouts.expected import Expected, expected_on, income_so_far
from app.payouts.policy import month_of


async def expected_at(session: AsyncSession, at: datetime) -> Expected:
    """What orders bring by the rate card of the local day."""
    return await expected_on(session, at.astimezone(settings.current().zone).date())


def income_of(
    expected: Expected, fault_code: str, points: Decimal, crew_size: int, zone: str | None = None
) -> int:
    """Hundredths of points for each person whom the order needs."""
    return expected.points(fault_code, points, zone) // max(1, crew_size)


async def incomes(
    session: AsyncSession, crews: Collection[Capability], at: datetime
) -> Mapping[UUID, int]:
    """Crew -> what each of its members has this month on average, in hundredths of points.

    A month in which deductions outweigh all earnings counts as nothing earned.
    """
    people = {member.technician_id for crew in crews for member in crew.members}
    month = month_of(at.astimezone(settings.current().zone).date())
    earned = await income_so_far(session, people, month)
    return {crew.crew_id: _average(crew, earned) for crew in crews}


def _average(crew: Capability, earned: Mapping[UUID, int]) -> int:
    counted = [earned[each.technician_id] for each in crew.members if each.role != "trainee"]
    return max(0, sum(counted) // len(counted)) if counted else 0
