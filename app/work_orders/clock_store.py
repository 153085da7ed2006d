"""Keeps the clock spans beside the order: a projection that `paigong verify` folds again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.catalogue.working_time import Limit
from app.work_orders.clocks import Span, advance
from app.work_orders.models import OrderClock, WorkOrder
from app.work_orders.states import ENDED, Action, State

BEFORE_ANY = (Action.DRAFTED, Action.SUBMITTED)
"""No clock runs before the report is one: there is nothing to read."""


async def step(
    session: AsyncSession,
    order: WorkOrder,
    action: Action,
    at: datetime,
    payload: Mapping[str, Any],
) -> None:
    """Advance the order's clocks by one action and store the spans and what is due next.

    The event's payload says what a hold does to which clock, and where a net time begins anew.
    """
    stored = [] if action in BEFORE_ANY else await _stored(session, order)
    rows = {(row.clock, row.span): row for row in stored}
    base = payload.get("base")
    spans = advance(
        [span_of(row) for row in stored],
        action,
        State(order.state),
        at,
        hold=payload.get("clocks") or {},
        base=datetime.fromisoformat(base) if base else None,
    )
    limits = with_slot(
        await catalogue.deadlines(
            session, order.service_profile_id, order.service_class, order.domain, order.zone
        ),
        order,
        next((span for span in spans if span.clock == "K4"), None),
    )
    for span in spans:
        row = rows.get((span.clock, span.number))
        if row is None:
            row = OrderClock(
                order_id=order.id, clock=span.clock, span=span.number, started_at=span.started_at
            )
            session.add(row)
        _write(row, span, limits.get(span.clock))
    _due(order, spans, limits)


async def _stored(session: AsyncSession, order: WorkOrder) -> list[OrderClock]:
    query = (
        select(OrderClock)
        .where(OrderClock.order_id == order.id)
        .order_by(OrderClock.started_at, OrderClock.clock)  # type: ignore[arg-type]
    )
    return list((await session.exec(query)).all())


def span_of(row: OrderClock) -> Span:
    return Span(
        row.clock,
        row.span,
        row.started_at,
        row.stopped_at,
        row.paused_s,
        row.paused_since,
        Action(row.stopped_by) if row.stopped_by else None,
    )


def with_slot(
    limits: Mapping[str, Limit], order: WorkOrder, arrival: Span | None
) -> Mapping[str, Limit]:
    """The limits, with that of an arrival which is owed in its slot (DOMAIN 3, H4).

    The net time of a wished slot begins with it, so its length and the tolerance are the limit.
    """
    tolerance, starts, ends = limits.get("SLOT"), order.appointment_from, order.appointment_to
    if arrival is None or tolerance is None or "K4" in limits or starts is None or ends is None:
        return limits
    begins = max(starts, arrival.started_at) if arrival.paused_s else arrival.started_at
    length_s = round((ends - begins).total_seconds())
    return {**limits, "K4": Limit(max(0, length_s) + tolerance.seconds)}


def _write(row: OrderClock, span: Span, limit: Limit | None) -> None:
    row.stopped_at = span.stopped_at
    row.stopped_by = span.stopped_by.value if span.stopped_by else None
    row.paused_s = span.paused_s
    row.paused_since = span.paused_since
    row.limit_s = limit.seconds if limit else None
    row.due_at = span.due_at(limit)


def _due(order: WorkOrder, spans: list[Span], limits: Mapping[str, Limit]) -> None:
    running = [
        due
        for span in spans
        if span.running and (due := span.due_at(limits.get(span.clock))) is not None
    ]
    order.due_at = min(running, default=None) if State(order.state) not in ENDED else None
    arrival = [span for span in spans if span.clock == "K4" and span.running]
    if order.appointment_to is not None:
        order.arrive_by = order.appointment_to
    elif arrival:
        order.arrive_by = arrival[0].due_at(limits.get("K4"))
