"""How the crew's arrival was shown, for who reviews the work (DOMAIN section 6, 到场签到)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.work_orders.models import WorkOrderEvent
from app.work_orders.states import Action


@dataclass(frozen=True, slots=True)
class Arrival:
    """The last arrival at an order; a position is never the sole proof of presence."""

    at: datetime
    client_at: datetime | None
    proved: str | None
    """`code`, `place`, or None; None as well for an arrival that nobody checked."""
    distance_m: int | None
    accuracy_m: int | None
    geofence_m: int | None
    mock_place: bool
    photo_wanted: bool
    doubts: list[str]


async def last(session: AsyncSession, order_id: UUID) -> Arrival | None:
    """The last arrival, or None when nobody has arrived."""
    query = (
        select(WorkOrderEvent)
        .where(
            WorkOrderEvent.order_id == order_id,
            WorkOrderEvent.action == Action.ARRIVED.value,
        )
        .order_by(col(WorkOrderEvent.seq).desc())
        .limit(1)
    )
    event = (await session.exec(query)).one_or_none()
    if event is None:
        return None
    said = event.payload
    return Arrival(
        at=event.at,
        client_at=event.client_at,
        proved=said.get("proved"),
        distance_m=said.get("distance_m"),
        accuracy_m=said.get("accuracy_m"),
        geofence_m=said.get("geofence_m"),
        mock_place=bool(said.get("mock_place")),
        photo_wanted=bool(said.get("photo_wanted")),
        doubts=list(said.get("doubts", [])),
    )


async def photo_wanted(session: AsyncSession, order_id: UUID) -> bool:
    """Whether the last arrival was told from a phone and proved by nothing."""
    arrival = await last(session, order_id)
    return arrival is not None and arrival.photo_wanted
