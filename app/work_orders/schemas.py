"""What repair orders look like on the wire; phones are masked towards technicians."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from app.core import clock
from app.core.geo import PlaceOut
from app.core.permissions import Permission
from app.core.scope import Principal
from app.web.wire import Out
from app.work_orders.clock_store import span_of
from app.work_orders.masking import CONFIDENTIAL, towards_technicians
from app.work_orders.models import (
    Approval,
    OrderClock,
    ReplyDuty,
    WorkOrder,
    WorkOrderEvent,
)
from app.work_orders.service import Dossier
from app.work_orders.states import State


class HolderOut(Out):
    """The crew that has the order now."""

    assignment_id: UUID
    crew_id: UUID
    crew_code: str
    crew_name: str
    how: str
    assigned_at: datetime
    accepted_at: datetime | None


class ClockOut(Out):
    """One span of a clock; seconds up to now while it runs."""

    clock: str
    span: int
    started_at: datetime
    stopped_at: datetime | None
    gross_s: int
    net_s: int
    limit_s: int | None
    due_at: datetime | None

    @classmethod
    def of(cls, row: OrderClock) -> Self:
        span, now = span_of(row), clock.now()
        return cls(
            clock=row.clock,
            span=row.span,
            started_at=row.started_at,
            stopped_at=row.stopped_at,
            gross_s=span.gross_s(now),
            net_s=span.net_s(now),
            limit_s=row.limit_s,
            due_at=row.due_at,
        )


class WorkOrderOut(Out):
    """An order as a screen shows it; phones are masked towards technicians."""

    id: UUID
    serial: str
    state: State
    version: int
    station_id: UUID
    building_id: UUID | None
    premises_id: UUID | None
    customer_id: UUID | None
    channel: str
    caller_name: str
    caller_phone: str | None
    address: str
    place: PlaceOut
    zone: str
    fault_code: str
    fault_group: str
    service_class: str
    description: str
    notes: str
    flags: list[str]
    appointment_from: datetime | None
    appointment_to: datetime | None
    reported_at: datetime
    due_at: datetime | None
    arrive_by: datetime | None
    holder: HolderOut | None
    hold_until: datetime | None
    hold_reason: str | None
    preferred_crew_id: UUID | None
    pinned: bool
    urges: int
    supervision_level: int
    """The highest supervision that waits for its reply; 0 when none does."""
    transfers: int
    rebookings: int
    rework_of: UUID | None
    merged_into: UUID | None
    """The order whose repair is this one's too."""
    evidence_state: str

    @classmethod
    def of(cls, dossier: Dossier, reader: Principal) -> Self:
        order = dossier.order
        data = _plain(order) | {
            "place": PlaceOut(lon=dossier.place[0], lat=dossier.place[1]),
            "holder": _holder(dossier),
        }
        return cls.model_validate(data | masked(order, reader))


class WorkOrderDetailOut(WorkOrderOut):
    """An order with its clocks."""

    clocks: list[ClockOut]

    @classmethod
    def of(cls, dossier: Dossier, reader: Principal) -> Self:
        base = WorkOrderOut.of(dossier, reader)
        clocks = [ClockOut.of(row) for row in dossier.clocks]
        return cls.model_validate(base.model_dump() | {"clocks": clocks})


def _plain(order: WorkOrder) -> dict[str, Any]:
    return order.model_dump(exclude={"location"})


def masked(order: WorkOrder, reader: Principal) -> dict[str, Any]:
    """What a technician may not see: the whole number, and a protected reporter."""
    if not reader.own_only(Permission.ORDERS_READ):
        return {}
    told = towards_technicians(order.caller_name, order.caller_phone, order.flags)._asdict()
    return told | ({"customer_id": None} if CONFIDENTIAL in order.flags else {})


def _holder(dossier: Dossier) -> HolderOut | None:
    assignment = dossier.assignment
    if assignment is None or dossier.crew_code is None or dossier.crew_name is None:
        return None
    return HolderOut(
        assignment_id=assignment.id,
        crew_id=assignment.crew_id,
        crew_code=dossier.crew_code,
        crew_name=dossier.crew_name,
        how=assignment.how,
        assigned_at=assignment.assigned_at,
        accepted_at=assignment.accepted_at,
    )


class EventOut(Out):
    """One step of the history, with both times."""

    seq: int
    action: str
    from_state: str | None
    to_state: str
    actor_kind: str
    actor_id: UUID | None
    actor_role: str | None
    client_at: datetime | None
    at: datetime
    server_at: datetime
    payload: dict[str, Any]
    hash: str

    @classmethod
    def of(cls, event: WorkOrderEvent) -> Self:
        return cls.model_validate(event)


class TimelineOut(Out):
    """Where an order stands, who holds it, what is due, and all that happened (DOMAIN I08)."""

    order_id: UUID
    serial: str
    state: State
    holder: HolderOut | None
    due_at: datetime | None
    events: list[EventOut]


class ApprovalOut(Out):
    """A two-person decision."""

    id: UUID
    order_id: UUID
    serial: str
    action: Literal["hold", "cancel"]
    reason: str
    detail: dict[str, Any]
    requested_by: UUID | None
    """Null when a hold ran out and the clock asks."""
    requested_at: datetime
    escalated_at: datetime | None
    """Since then the company may decide it as well."""
    decided_by: UUID | None
    decided_at: datetime | None
    approved: bool | None
    decision_note: str | None

    @classmethod
    def of(cls, approval: Approval, order: WorkOrder) -> Self:
        return cls.model_validate(approval.model_dump() | {"serial": order.serial})


class ReplyDutyOut(Out):
    """An urge or a supervision, and the reply to it."""

    id: UUID
    order_id: UUID
    serial: str
    station_id: UUID
    kind: Literal["urge", "supervision"]
    level: int
    """0 an urge; supervision by 1 the station, 2 the company, 3 the regulator."""
    cause: str
    reason: str
    opened_at: datetime
    opened_by: UUID | None
    """Null when a clock or the customer's link asked."""
    last_at: datetime
    merged: int
    """How many further urges were the same one."""
    due_at: datetime
    answered_at: datetime | None
    answered_by: UUID | None
    reply: str | None
    climbed_at: datetime | None
    """When its silence was taken one level up."""

    @classmethod
    def of(cls, duty: ReplyDuty, order: WorkOrder) -> Self:
        named = {"serial": order.serial, "station_id": order.station_id}
        return cls.model_validate(duty.model_dump() | named)
