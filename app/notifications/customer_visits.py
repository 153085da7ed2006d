"""What the holder of a link sees and may do: this visit, this rating, and no more messages.

Everything is read at the moment of asking, so a crew that loses the order is lost from the link
with the very transaction that took it away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.problems import NotFound
from app.customers import consents
from app.notifications import customer_links
from app.notifications.customer_links import Purpose
from app.notifications.customer_models import CustomerMessage
from app.notifications.errors import LinkEnded
from app.organisation.models import Crew
from app.revisits import service as revisits
from app.travel import service as travel
from app.work_orders.errors import IllegalTransition
from app.work_orders.models import Assignment, WorkOrder
from app.work_orders.states import State

SHOWN: dict[State, Literal["waiting", "on_the_way", "arrived"]] = {
    State.ACCEPTED: "waiting",
    State.ENROUTE: "on_the_way",
    State.ONSITE: "arrived",
    State.WORKING: "arrived",
}
FRESH = timedelta(minutes=10)
"""An older position says where the crew was, not where it is."""

# Where it stood before it set out is another customer's door.
_SET_OUT = """
SELECT max(at) FROM work_order_events
 WHERE order_id = :order AND to_state = 'ENROUTE' AND from_state <> 'ENROUTE'
"""
# About ten metres: enough for a map, and not which door of another customer they stood at.
_PLACE = """
SELECT round(ST_X(p.location::geometry)::numeric, 4)::float8 AS lon,
    round(ST_Y(p.location::geometry)::numeric, 4)::float8 AS lat, p.location_at AS at
FROM presence p JOIN crew_members m ON m.technician_id = p.technician_id
WHERE m.crew_id = :crew AND m.until IS NULL AND p.location IS NOT NULL AND p.location_at >= :since
ORDER BY p.location_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the crew is, WGS-84, and since when that is known."""

    lon: float
    lat: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Visit:
    """One crew's way to one customer."""

    serial: str
    standing: Literal["waiting", "on_the_way", "arrived"]
    crew_name: str
    arrive_at: datetime | None
    earliest_at: datetime | None
    latest_at: datetime | None
    place: Place | None


async def _carrier(session: AsyncSession, link: str, *purposes: Purpose) -> CustomerMessage:
    """The message that carried the link."""
    found = next(filter(None, (customer_links.read(each, link) for each in purposes)), None)
    if found is None:
        raise NotFound()
    if found.expired:
        raise LinkEnded()
    message = await session.get(CustomerMessage, found.subject)
    if message is None:
        raise NotFound()
    return message


async def _visited(session: AsyncSession, link: str) -> tuple[WorkOrder, Assignment]:
    message = await _carrier(session, link, "visit")
    assignment = await session.get(Assignment, message.assignment_id)
    if assignment is None:
        raise NotFound()
    order = await session.get_one(WorkOrder, assignment.order_id)
    strangers = message.phone != order.caller_phone
    if strangers or order.assignment_id != assignment.id or State(order.state) not in SHOWN:
        raise LinkEnded()
    return order, assignment


async def visit(session: AsyncSession, link: str) -> Visit:
    """The visit as it stands; raises NotFound, and LinkEnded once it is over or another's.

    Another's is also what went to a number that was corrected since.
    """
    order, assignment = await _visited(session, link)
    crew = await session.get_one(Crew, assignment.crew_id)
    estimate = (await travel.awaited(session, [order.id])).get(order.id)
    standing = SHOWN[State(order.state)]
    place = None
    if standing == "on_the_way":
        place = await _place(session, order.id, crew.id)
    return Visit(
        serial=order.serial,
        standing=standing,
        crew_name=crew.name,
        arrive_at=estimate.arrive_at if estimate else None,
        earliest_at=estimate.earliest_at if estimate else None,
        latest_at=estimate.latest_at if estimate else None,
        place=place,
    )


async def _place(session: AsyncSession, order_id: UUID, crew_id: UUID) -> Place | None:
    set_out_at = (await session.execute(text(_SET_OUT), {"order": order_id})).scalar_one()
    given = {"crew": crew_id, "since": max(clock.now() - FRESH, set_out_at)}
    row = (await session.execute(text(_PLACE), given)).first()
    return Place(row.lon, row.lat, row.at) if row else None


async def want_no_messages(session: AsyncSession, link: str) -> None:
    """The number that this link went to is sent nothing more, whatever became of the order.

    Raises NotFound, and LinkEnded when the link's own time is over.
    """
    message = await _carrier(session, link, "visit", "rating")
    await consents.say(session, message.phone, allowed=False, how="link", recorded_by=None)


async def rate(
    session: AsyncSession, link: str, *, solved: bool, rating: int | None, comment: str | None
) -> None:
    """Answer the call-back by link; raises NotFound, and LinkEnded when it was answered.

    LinkEnded is also raised for a number that was corrected since.
    """
    message = await _carrier(session, link, "rating")
    number = select(WorkOrder.caller_phone).where(WorkOrder.id == message.order_id)
    if (await session.exec(number)).one() != message.phone:
        raise LinkEnded()
    try:
        await revisits.record_by_link(
            session, message.order_id, solved=solved, rating=rating, comment=comment
        )
    except IllegalTransition as over:
        raise LinkEnded() from over
