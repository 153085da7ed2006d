"""Reading and changing orders inside the caller's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.permissions import Permission
from app.core.problems import NotFound, StaleVersion
from app.core.scope import Principal
from app.work_orders import repository
from app.work_orders.acts import Act
from app.work_orders.errors import AppointmentInvalid, DangerIsNotBooked, LimitReached
from app.work_orders.models import Assignment, OrderClock, WorkOrder, WorkOrderEvent
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition

MOST_REBOOKINGS = 2
"""DOMAIN section 6, 改约."""
NEVER_BOOKED = frozenset({"E1", "E2"})
LONGEST_LEAD = timedelta(days=60)


async def locked(
    session: AsyncSession, principal: Principal, permission: Permission, order_id: UUID
) -> WorkOrder:
    """The order under its row lock, or NotFound outside the scope of `permission`."""
    scope = repository.in_scope(principal, permission)
    order = await repository.find(session, order_id, scope=scope, lock=True)
    if order is None:
        raise NotFound()
    return order


async def locked_any(session: AsyncSession, order_id: UUID) -> WorkOrder:
    """The order under its row lock, for timers and the planner; raises NotFound."""
    order = await repository.find(session, order_id, scope=None, lock=True)
    if order is None:
        raise NotFound()
    return order


async def visible(session: AsyncSession, principal: Principal, order_id: UUID) -> WorkOrder:
    """The order without a lock, or NotFound outside the scope of reading orders."""
    scope = repository.in_scope(principal, Permission.ORDERS_READ)
    order = await repository.find(session, order_id, scope=scope)
    if order is None:
        raise NotFound()
    return order


@dataclass(frozen=True, slots=True)
class Dossier:
    """An order with what a reader needs beside it."""

    order: WorkOrder
    place: tuple[float, float]
    assignment: Assignment | None
    crew_code: str | None
    crew_name: str | None
    clocks: tuple[OrderClock, ...] = ()


async def dossiers(
    session: AsyncSession, orders: Sequence[WorkOrder], *, with_clocks: bool = False
) -> list[Dossier]:
    """Orders with place, holder and, for one order, clocks; two queries for any number."""
    ids = [order.id for order in orders]
    places = await repository.places(session, ids)
    holders = await repository.holders(session, ids)
    found = []
    for order in orders:
        assignment, code, name = holders.get(order.id, (None, None, None))
        spans = tuple(await repository.clocks(session, order.id)) if with_clocks else ()
        found.append(Dossier(order, places[order.id], assignment, code, name, spans))
    return found


async def timeline(session: AsyncSession, order: WorkOrder) -> list[WorkOrderEvent]:
    """Every event, oldest first."""
    return await repository.events(session, order.id)


def check_slot(starts: datetime, ends: datetime) -> None:
    """Raises AppointmentInvalid unless the slot runs forward and ends within 60 days."""
    if not (starts < ends and clock.now() < ends <= clock.now() + LONGEST_LEAD):
        raise AppointmentInvalid()
    if ends - starts > timedelta(days=1):
        raise AppointmentInvalid("a slot is at most one day long")


async def rebook(
    session: AsyncSession,
    order: WorkOrder,
    act: Act,
    *,
    starts: datetime,
    ends: datetime,
    reason: str,
) -> WorkOrderEvent:
    """Move the appointment by the customer's wish; at most twice, and never for danger."""
    check_slot(starts, ends)
    if order.service_class in NEVER_BOOKED:
        raise DangerIsNotBooked()
    if order.rebookings >= MOST_REBOOKINGS:
        raise LimitReached(limit=MOST_REBOOKINGS)
    return await transition(
        session,
        order,
        Action.REBOOKED,
        act,
        **{"from": starts.isoformat(), "to": ends.isoformat(), "reason": reason},
    )


async def amend(
    session: AsyncSession, order: WorkOrder, act: Act, *, version: int, **changes: str
) -> WorkOrderEvent:
    """Correct contact or notes on the version that the caller read; the phone hears of it."""
    if order.version != version:
        raise StaleVersion(current=order.version)
    for field, value in changes.items():
        setattr(order, field, value)
    return await transition(session, order, Action.AMENDED, act, fields=sorted(changes))


async def resume(session: AsyncSession, order: WorkOrder, act: Act, reason: str) -> WorkOrderEvent:
    """End a hold: back to the crew when it was short and they are on shift, else to NEW."""
    held_at = order.reported_at
    for event in await repository.events(session, order.id):
        if event.action == Action.HELD.value:
            held_at = event.at
    return await transition(
        session, order, Action.RESUMED, act, reason=reason, held_at=held_at.isoformat()
    )


async def run_due_timers(session: AsyncSession, order_id: UUID) -> bool:
    """Do what a clock of this order asks for, if it still does; True when something happened."""
    order = await locked_any(session, order_id)
    now = clock.now()
    if order.state == State.HOLD.value and order.hold_until and order.hold_until <= now:
        await resume(session, order, Act.by_timer(), "hold date reached")
        return True
    if order.state == State.SENT.value:
        spans = await repository.clocks(session, order.id)
        expired = any(
            span.clock == "K2" and span.stopped_at is None and span.due_at and span.due_at <= now
            for span in spans
        )
        if expired:
            await transition(
                session,
                order,
                Action.ACCEPT_EXPIRED,
                Act.by_timer(),
                reason="K2 expired without acceptance",
                assignment_id=str(order.assignment_id),
            )
            return True
    return False


async def orders_with_due_timers(session: AsyncSession) -> list[UUID]:
    """At most 200 orders that a timer should look at now."""
    return [order_id for order_id, _ in await repository.due_timers(session, clock.now(), 200)]
