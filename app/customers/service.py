"""The customer book as other rooms ask for it."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.problems import NotFound
from app.customers import repository
from app.customers.models import Building, Community, Customer, Premises
from app.customers.policy import normal_phone


@dataclass(frozen=True, slots=True)
class PremisesAt:
    """Premises with all that an order copies from them; `flags` are those in force."""

    premises: Premises
    building: Building
    community: Community
    customer: Customer | None
    flags: frozenset[str]


async def premises(session: AsyncSession, premises_id: UUID) -> PremisesAt:
    """The premises, their building and who holds them; raises NotFound."""
    row = await repository.premises_place(session, premises_id)
    if row is None:
        raise NotFound()
    place, building, community = row
    return PremisesAt(
        place,
        building,
        community,
        customer=await repository.holder_of(session, premises_id),
        flags=await repository.open_flags(session, premises_id),
    )


async def find_by_phone(session: AsyncSession, phone: str) -> list[Customer]:
    """Everybody who calls from this number, by customer number; none for an unknown number."""
    return await repository.by_phone(session, normal_phone(phone))
