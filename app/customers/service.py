"""The customer book as other rooms ask for it."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.problems import NotFound
from app.customers import repository
from app.customers.cards import customer
from app.customers.models import Building, Community, Customer, Premises
from app.customers.policy import room_line

__all__ = ["NEIGHBOURS_M", "PremisesAt", "customer", "holds", "premises", "zone_near"]

NEIGHBOURS_M = 500


@dataclass(frozen=True, slots=True)
class PremisesAt:
    """Premises with all that an order copies from them; `flags` are those in force."""

    premises: Premises
    building: Building
    community: Community
    customer: Customer | None
    flags: frozenset[str]

    @property
    def address(self) -> str:
        """The line a crew drives by: the building, then unit and room."""
        return self.building.address + room_line(self.premises.unit, self.premises.room)


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


async def holds(session: AsyncSession, customer_id: UUID, premises_id: UUID) -> bool:
    """Whether these are premises of the customer."""
    return await repository.is_holder(session, customer_id, premises_id)


async def zone_near(session: AsyncSession, lon: float, lat: float) -> str:
    """The zone of a WGS-84 point: the nearest registered building's, else urban.

    Buildings further than 500 m away say nothing of the place.
    """
    return await repository.nearest_zone(session, lon, lat, NEIGHBOURS_M) or "urban"
