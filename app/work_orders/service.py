"""Reading and changing orders inside the caller's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.core import clock
from app.core.permissions import Permission
from app.core.problems import NotFound, StaleVersion
from app.core.scope import Principal
from app.work_orders import repository, timer_rows
from app.work_orders.acts import Act
from app.work_orders.clocks import ON_REBOOKING, REBASED
from app.work_orders.errors import AppointmentInvalid, DangerIsNotBooked, LimitReached
from app.work_orders.models import Assignment, OrderClock, WorkOrder, WorkOrderEvent
from app.work_orders.states import Action
from app.work_orders.transitions import transition

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
    held = [order.id for order in orders if order.assignment_id is not None]
    holders = await repository.holders(session, held) if held else {}
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
    asked_by: Literal["customer", "company"] = "customer",
) -> WorkOrderEvent:
    """Move the appointment, as often as the policy allows, and never for danger (DOMAIN 6).

    Only the customer's wish lets the net time of arrival and total begin with the new slot.
    """
    check_slot(starts, ends)
    rules = (await catalogue.policy(session)).rules.rebooking
    if order.service_class in rules.never:
        raise DangerIsNotBooked()
    if order.rebookings >= rules.most:
        raise LimitReached(limit=rules.most)
    before = order.appointment_from, order.appointment_to
    said: dict[str, Any] = {
        "from": starts.isoformat(),
        "to": ends.isoformat(),
        "was_from": before[0].isoformat() if before[0] else None,
        "was_to": before[1].isoformat() if before[1] else None,
        "reason": reason,
        "asked_by": asked_by,
    }
    if asked_by == "customer":
        said["base"] = starts.isoformat()
    event = await transition(session, order, Action.REBOOKED, act, **said)
    if asked_by == "customer":
        await timer_rows.forget_steps(session, order.id, list(ON_REBOOKING), str(event.seq))
    return event


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
    clocks: dict[str, str] = {}
    for event in await repository.events(session, order.id):
        if event.action == Action.HELD.value:
            held_at, clocks = event.at, event.payload.get("clocks") or {}
    said = {"reason": reason, "held_at": held_at.isoformat(), "clocks": clocks}
    resumed = await transition(session, order, Action.RESUMED, act, **said)
    anew = [name for name, effect in clocks.items() if effect == REBASED]
    await timer_rows.forget_steps(session, order.id, anew, str(resumed.seq))
    return resumed
