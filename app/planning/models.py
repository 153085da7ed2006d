"""Planning runs and the visits they planned; a plan is no dispatch yet (DOMAIN section 7)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId, RowNumber


class PlanningRun(SQLModel, table=True):
    """One plan of a station and all below it."""

    __tablename__ = "planning_runs"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued','running','published','answered','failed')", name="state"
        ),
        Index("ix_planning_runs_station", "station_id", "requested_at"),
    )

    id: UUID = PrimaryId()
    station_id: UUID = Field(foreign_key="stations.id")
    state: str
    trigger: str
    horizon_s: int
    budget_s: float
    requested_by: UUID | None = None
    requested_at: datetime = Field(sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    step: str = Field(default="queued", sa_column_kwargs={"server_default": "queued"})
    """queued, loading, routing, solving, checking, publishing, done."""
    dirty_seq: int | None = None
    result: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """Routes, price per term, routing sources, left-out orders, churn."""
    error: str | None = None
    publish: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    """False for a question of the kind "what if": it is answered, and nothing comes of it."""
    changes: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """What is supposed otherwise in such a question (`schemas.ChangesIn`)."""


class PlannedVisit(SQLModel, table=True):
    """Where an order stands in a crew's day; replaced freely until it is sent."""

    __tablename__ = "planned_visits"
    __table_args__ = (Index("ix_planned_visits_crew", "crew_id", "position"),)

    order_id: UUID = Field(foreign_key="work_orders.id", primary_key=True)
    crew_id: UUID = Field(foreign_key="crews.id")
    run_id: UUID = Field(foreign_key="planning_runs.id")
    position: int
    arrive_at: datetime = Field(sa_type=Instant)
    start_at: datetime = Field(sa_type=Instant)
    finish_at: datetime = Field(sa_type=Instant)
    travel_s: int
    travel_source: str


class PlanningProblem(SQLModel, table=True):
    """What a run was asked and answered, packed (`stored`): for "why this crew" and comparisons.

    Kept for the last runs of each station only.
    """

    __tablename__ = "planning_problems"
    __table_args__ = (Index("ix_planning_problems_station", "station_id", "run_id"),)

    run_id: UUID = Field(foreign_key="planning_runs.id", primary_key=True)
    station_id: UUID = Field(foreign_key="stations.id")
    publish: bool
    planned: list[UUID] = Field(sa_type=ARRAY(Uuid))
    """Orders that have a visit in it."""
    body: bytes = Field(sa_type=LargeBinary)


class UnplannedOrder(SQLModel, table=True):
    """Why the last run left an order without a visit."""

    __tablename__ = "unplanned_orders"

    order_id: UUID = Field(foreign_key="work_orders.id", primary_key=True)
    run_id: UUID = Field(foreign_key="planning_runs.id")
    reasons: list[dict[str, Any]] = Field(sa_type=Json)
    """`[{"code", "detail", "zh", "en"}]`, the most telling first."""


class SentReason(SQLModel, table=True):
    """Why the planner sent an order to this crew: beside the assignment, for as long as messages.

    Orders sent by hand have none.
    """

    __tablename__ = "sent_reasons"
    __table_args__ = (
        CheckConstraint("decided_by IN ('plan','commit','danger')", name="decided_by"),
        Index("ix_sent_reasons_order", "order_id", "sent_at"),
        Index("ix_sent_reasons_sent_at", "sent_at", postgresql_using="brin"),
        Index("ix_sent_reasons_pending", "run_id", postgresql_where=text("pending")),
        Index("ix_sent_reasons_moved", "run_id", postgresql_where=text("moved_from IS NOT NULL")),
    )

    assignment_id: UUID = Field(foreign_key="assignments.id", primary_key=True)
    order_id: UUID = Field(foreign_key="work_orders.id")
    crew_id: UUID = Field(foreign_key="crews.id")
    run_id: UUID | None = Field(default=None, foreign_key="planning_runs.id")
    """The run whose plan was in force; danger needs none."""
    decided_by: str
    """plan; commit, where the commit step gave the visit to another crew; danger."""
    moved_from: UUID | None = Field(default=None, foreign_key="crews.id")
    """The crew that the plan had, where the commit step chose another one."""
    sent_at: datetime = Field(sa_type=Instant)
    reason: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """What `GET /work-orders/{id}/plan` answers as `why`; None until it is worked out."""
    pending: bool
    """Whether it is still to be worked out (`sent_reasons`)."""


class PlanningState(SQLModel, table=True):
    """How far a station's plan is behind: `dirty_seq` raised by events, `planned_seq` by runs."""

    __tablename__ = "planning_state"

    station_id: UUID = Field(foreign_key="stations.id", primary_key=True)
    dirty_seq: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    planned_seq: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    planned_at: datetime | None = Field(default=None, sa_type=Instant)


class PlanWish(SQLModel, table=True):
    """Something at the station made its plan stale; `at` in real time. Gathered at once, and gone.

    Without a foreign key: it is written in every intake, and read for an instant.
    """

    __tablename__ = "plan_wishes"
    __table_args__ = (Index("ix_plan_wishes_station", "station_id", "id"),)

    id: int | None = RowNumber()
    station_id: UUID
    at: datetime = Field(sa_type=Instant)
