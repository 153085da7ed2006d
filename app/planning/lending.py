"""Neighbours lend crews: which crews beyond a station's border may help it."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation import service as organisation
from app.organisation.service import Capability
from app.planning import policy, snapshot_rows


async def lent_crews(session: AsyncSession, station_id: UUID, at: datetime) -> list[Capability]:
    """Standing crews of neighbours under the same parent that are near the station's border now.

    Only crews that could be planned at this moment; a station without an area borrows nobody.
    """
    if not policy.LENDING:
        return []
    neighbours = await snapshot_rows.neighbours(session, station_id, policy.LENDING_REACH_M)
    if not neighbours:
        return []
    near = await snapshot_rows.crews_near(
        session, station_id, neighbours, policy.LENDING_REACH_M, at
    )
    if not near:
        return []
    able = await organisation.capabilities(session, neighbours, at)
    return [crew for crew in able if crew.crew_id in near and can_come(crew)]


def can_come(crew: Capability) -> bool:
    """Whether a crew is there to be asked at all."""
    return crew.kind == "standing" and crew.size > 0 and crew.on_shift and crew.online


def prices(areas: Collection[UUID], home: UUID) -> dict[str, int]:
    """Order's station -> price in seconds for a crew of `home`: own crews come first."""
    return {str(area): policy.LENDING_PRICE_S for area in areas if area != home}
