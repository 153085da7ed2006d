"""Neighbours lend crews: which crews beyond a station's border may help it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation import service as organisation
from app.organisation.service import Capability
from app.planning import policy, snapshot_rows

Units = Mapping[UUID, str]
"""Station of a contractor -> its settlement unit; the company's own stations have none."""


async def contractors(session: AsyncSession) -> Units:
    """Whose stations keep to themselves; nobody's where the policy lets crews cross."""
    if policy.LENDING_ACROSS_CONTRACTORS:
        return {}
    return await organisation.contractor_units(session)


def foreign(units: Units, station_id: UUID, other_id: UUID) -> bool:
    """Whether a contractor's border lies between the two: crews of one do not serve the other."""
    return units.get(station_id) != units.get(other_id)


async def crews_at_border(
    session: AsyncSession, station_id: UUID, at: datetime, units: Units
) -> set[UUID]:
    """Active crews of neighbours under the same parent that are near the station's border now.

    None across a contractor's border; a station without an area borrows nobody. Who of them may
    be lent `can_come` tells.
    """
    if not policy.LENDING:
        return set()
    near_by = await snapshot_rows.neighbours(session, station_id, policy.LENDING_REACH_M)
    neighbours = [each for each in near_by if not foreign(units, station_id, each)]
    if not neighbours:
        return set()
    return await snapshot_rows.crews_near(
        session, station_id, neighbours, policy.LENDING_REACH_M, at
    )


def can_come(crew: Capability) -> bool:
    """Whether a crew is there to be asked at all."""
    return crew.kind == "standing" and crew.size > 0 and crew.on_shift and crew.online


def prices(areas: Collection[UUID], home: UUID) -> dict[str, int]:
    """Order's station -> price in seconds for a crew of `home`: own crews come first."""
    return {str(area): policy.LENDING_PRICE_S for area in areas if area != home}
