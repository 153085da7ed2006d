"""A repair order, who holds it, what happened to it, and its clocks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, Point, PrimaryId, RowNumber, Texts

_STATES = (
    "'DRAFT','NEW','SENT','ACCEPTED','ENROUTE','ONSITE','WORKING','DONE','REVISIT','CLOSED',"
    "'HOLD','RETURNED','CANCELLED','MERGED'"
)


class WorkOrder(SQLModel, table=True):
    """One repair order (DOMAIN section 7); every change of `state` is an event too."""

    __tablename__ = "work_orders"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("evidence_state IN ('none','incomplete','complete')", name="evidence"),
        Index("ix_work_orders_station_state", "station_id", "state", "id"),
        Index("ix_work_orders_premises_group", "premises_id", "fault_group"),
        Index(
            "ix_work_orders_open_due",
            "due_at",
            postgresql_where=text("state NOT IN ('CLOSED','CANCELLED','MERGED')"),
        ),
    )

    id: UUID = PrimaryId()
    serial: str = Field(unique=True)
    state: str
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    station_id: UUID = Field(foreign_key="stations.id")
    building_id: UUID | None = Field(default=None, foreign_key="buildings.id", index=True)
    premises_id: UUID | None = Field(default=None, foreign_key="premises.id")
    customer_id: UUID | None = Field(default=None, foreign_key="customers.id", index=True)
    channel: str
    caller_name: str
    caller_phone: str
    address: str
    location: Any = Field(sa_type=Point(), nullable=False)
    zone: str
    fault_code_id: UUID = Field(foreign_key="fault_codes.id")
    fault_code: str
    fault_group: str
    domain: str
    service_class: str
    service_profile_id: UUID = Field(foreign_key="service_profiles.id")
    description: str
    notes: str = Field(default="", sa_column_kwargs={"server_default": ""})
    flags: list[str] = Field(sa_type=Texts)
    appointment_from: datetime | None = Field(default=None, sa_type=Instant)
    appointment_to: datetime | None = Field(default=None, sa_type=Instant)
    reported_at: datetime = Field(sa_type=Instant)
    created_by: UUID
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    """The earliest limit of a running clock."""
    arrive_by: datetime | None = Field(default=None, sa_type=Instant)
    """The K4 limit, which the planner serves as the soft deadline."""
    assignment_id: UUID | None = None
    """The one current assignment."""
    hold_until: datetime | None = Field(default=None, sa_type=Instant)
    hold_reason: str | None = None
    held_from: str | None = None
    preferred_crew_id: UUID | None = Field(default=None, foreign_key="crews.id")
    """Who should get it next: the crew before a hold, or a dispatcher's pin."""
    pinned: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    urges: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    supervision_level: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """The highest level that still waits for its reply; 0 when none does."""
    transfers: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    rebookings: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    rework_of: UUID | None = Field(default=None, foreign_key="work_orders.id", index=True)
    merged_into: UUID | None = Field(default=None, foreign_key="work_orders.id", index=True)
    """The order whose repair is this one's too."""
    evidence_state: str = Field(default="none", sa_column_kwargs={"server_default": "none"})
    last_seq: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    last_hash: str


class Assignment(SQLModel, table=True):
    """A crew's holding of an order, from dispatch until it ends; exactly one is current."""

    __tablename__ = "assignments"
    __table_args__ = (
        CheckConstraint("how IN ('auto','manual')", name="how"),
        Index(
            "uq_assignments_current",
            "order_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_assignments_crew_open", "crew_id", postgresql_where=text("ended_at IS NULL")),
    )

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    crew_id: UUID = Field(foreign_key="crews.id")
    how: str
    reason: str | None = None
    assigned_by: UUID | None = None
    assigned_at: datetime = Field(sa_type=Instant)
    accepted_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_why: str | None = None


class WorkOrderEvent(SQLModel, table=True):
    """One transition, append-only and chained per order (triggers refuse change)."""

    __tablename__ = "work_order_events"
    __table_args__ = (
        UniqueConstraint("order_id", "seq"),
        Index("ix_work_order_events_server_at", "server_at"),
    )

    id: int | None = RowNumber()
    order_id: UUID = Field(foreign_key="work_orders.id")
    seq: int
    action: str
    from_state: str | None = None
    to_state: str
    actor_kind: str
    """user, api_key, timer, planner or customer."""
    actor_id: UUID | None = None
    actor_role: str | None = None
    device_id: UUID | None = None
    assignment_id: UUID | None = None
    client_at: datetime | None = Field(default=None, sa_type=Instant)
    """What the device's clock said."""
    at: datetime = Field(sa_type=Instant)
    """When it happened: the client time corrected for skew, or the server's time."""
    server_at: datetime = Field(sa_type=Instant)
    payload: dict[str, Any] = Field(sa_type=Json)
    prev_hash: str
    hash: str


class OrderClock(SQLModel, table=True):
    """One span of a clock K1-K8, gross and net, with its limit; a projection of the events."""

    __tablename__ = "work_order_clocks"
    __table_args__ = (
        UniqueConstraint("order_id", "clock", "span"),
        Index(
            "ix_work_order_clocks_running", "due_at", postgresql_where=text("stopped_at IS NULL")
        ),
    )

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    clock: str
    span: int
    started_at: datetime = Field(sa_type=Instant)
    stopped_at: datetime | None = Field(default=None, sa_type=Instant)
    paused_s: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    paused_since: datetime | None = Field(default=None, sa_type=Instant)
    stopped_by: str | None = None
    """The action that stopped it: what fulfils a clock, or what cut it off."""
    limit_s: int | None = None
    due_at: datetime | None = Field(default=None, sa_type=Instant)


class Approval(SQLModel, table=True):
    """A two-person decision: hold (19) and cancel (23)."""

    __tablename__ = "approvals"
    __table_args__ = (
        CheckConstraint("action IN ('hold','cancel')", name="action"),
        CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_persons"),
        Index(
            "uq_approvals_pending",
            "order_id",
            unique=True,
            postgresql_where=text("decided_at IS NULL"),
        ),
    )

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    action: str
    reason: str
    detail: dict[str, Any] = Field(sa_type=Json)
    requested_by: UUID | None = None
    """None when a hold ran out and the clock asks to cancel."""
    requested_at: datetime = Field(sa_type=Instant)
    escalated_at: datetime | None = Field(default=None, sa_type=Instant)
    """Since then the company may decide it as well."""
    decided_by: UUID | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    approved: bool | None = None
    decision_note: str | None = None


class ReplyDuty(SQLModel, table=True):
    """Somebody asked about an order and is owed a reply: urging (24) and supervision (25).

    `key` makes each cause count once per order, however often a timer looks.
    """

    __tablename__ = "reply_duties"
    __table_args__ = (
        UniqueConstraint("order_id", "key"),
        CheckConstraint("kind IN ('urge','supervision')", name="kind"),
        CheckConstraint("level BETWEEN 0 AND 3 AND (level > 0) = (kind <> 'urge')", name="level"),
        Index(
            "ix_reply_duties_open",
            "due_at",
            postgresql_where=text("answered_at IS NULL AND climbed_at IS NULL"),
        ),
    )

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id")
    kind: str
    level: int = 0
    """Of a supervision: 1 station, 2 company, 3 regulator or 12345."""
    cause: str
    """customer, manual, clock, urges, unanswered, hold_over."""
    key: str
    reason: str
    opened_at: datetime = Field(sa_type=Instant)
    opened_by: UUID | None = None
    last_at: datetime = Field(sa_type=Instant)
    """When it was last asked; later askings merge for a while."""
    merged: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    due_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    answered_by: UUID | None = None
    reply: str | None = None
    climbed_at: datetime | None = Field(default=None, sa_type=Instant)
    """When its silence was taken one level up."""
