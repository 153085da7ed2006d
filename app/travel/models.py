"""When crews will arrive, where they drove, and what was learnt from it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Float, Index, text
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, PrimaryId

Floats: Any = ARRAY(Float)


class ArrivalEstimate(SQLModel, table=True):
    """When the crew that holds an order will reach it; gone once it is there (issue 3, 8)."""

    __tablename__ = "arrival_estimates"
    __table_args__ = (
        CheckConstraint("source IN ('osrm','estimate')", name="source"),
        CheckConstraint(
            "start_kind IN ('position','on_site','last_visit','station')", name="start_kind"
        ),
    )

    order_id: UUID = Field(foreign_key="work_orders.id", primary_key=True)
    crew_id: UUID = Field(foreign_key="crews.id", index=True)
    basis: str
    """What the crew held when this was computed: other orders or versions make it stale."""
    seen_at: datetime | None = Field(default=None, sa_type=Instant)
    """The crew's newest position that was known."""
    stops_before: int
    depart_at: datetime = Field(sa_type=Instant)
    """When the crew sets out for it; a crew that has not by then is late."""
    arrive_at: datetime = Field(sa_type=Instant)
    earliest_at: datetime = Field(sa_type=Instant)
    latest_at: datetime = Field(sa_type=Instant)
    start_kind: str
    """Where the crew's chain began: its position, its work on site, its last visit, its station."""
    start_lon: float
    start_lat: float
    start_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the crew was there; None for the station, where it is only thought to be."""
    source: str
    graph_version: str
    hour_bucket: str
    computed_at: datetime = Field(sa_type=Instant)
    told_arrive_at: datetime | None = Field(default=None, sa_type=Instant)
    """The arrival that the change feed last spoke of."""


class Drive(SQLModel, table=True):
    """A drive that a crew made: matched positions, or the way to a visit (issue 3, 7)."""

    __tablename__ = "drives"
    __table_args__ = (
        CheckConstraint("kind IN ('positions','visit')", name="kind"),
        CheckConstraint("source IN ('osrm','estimate')", name="source"),
        Index("ix_drives_crew_started", "crew_id", "started_at"),
        Index("ix_drives_started", "started_at", postgresql_using="brin"),
        Index("ix_drives_visits", "ended_at", postgresql_where=text("kind = 'visit'")),
        Index("ix_drives_observed", "started_at", postgresql_where=text("observed")),
        Index(
            "uq_drives_visit",
            "order_id",
            "ended_at",
            unique=True,
            postgresql_where=text("kind = 'visit'"),
        ),
    )

    id: UUID = PrimaryId()
    crew_id: UUID = Field(foreign_key="crews.id")
    kind: str
    order_id: UUID | None = Field(default=None, foreign_key="work_orders.id")
    """The order that the crew was on its way to; None for other drives."""
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime = Field(sa_type=Instant)
    metres: int
    road_s: float
    """What the map thinks that it takes at that hour."""
    taken_s: float
    class_seconds: list[float] | None = Field(default=None, sa_type=Floats)
    """`road_s` by road class, in the order of routing.ROAD_CLASSES."""
    hour_bucket: str
    graph_version: str
    source: str
    observed: bool
    """Whether it tells of speeds: on the way, on roads, and no doubt about its times."""
    stretches: list[list[float]] | None = Field(default=None, sa_type=Json)
    """Of an observed drive from fix to fix: [from lon, from lat, to lon, to lat, metres, seconds
    taken, seconds by the map], at most 200; forgotten with the positions, whose places it tells."""


class RoadlessVisit(SQLModel, table=True):
    """A visit to which the map knew no road: it is not asked about again."""

    __tablename__ = "roadless_visits"

    order_id: UUID = Field(foreign_key="work_orders.id", primary_key=True)
    ended_at: datetime = Field(sa_type=Instant, primary_key=True)


class UnplacedCrew(SQLModel, table=True):
    """A crew whose arrivals could not be computed, since nobody knows where it is."""

    __tablename__ = "unplaced_crews"

    crew_id: UUID = Field(foreign_key="crews.id", primary_key=True)
    basis: str
    seen_at: datetime | None = Field(default=None, sa_type=Instant)
    """What it held and its newest position, as of an arrival estimate: others are a new attempt."""
    tried_at: datetime = Field(sa_type=Instant)


class MatchedSpan(SQLModel, table=True):
    """A stretch of a crew's time whose positions are matched: no second is matched twice."""

    __tablename__ = "matched_spans"
    __table_args__ = (CheckConstraint("to_at >= from_at", name="forward"),)

    crew_id: UUID = Field(foreign_key="crews.id", primary_key=True)
    from_at: datetime = Field(sa_type=Instant, primary_key=True)
    to_at: datetime = Field(sa_type=Instant)


class LearningRun(SQLModel, table=True):
    """One attempt to learn speeds; the newest says when it last ran."""

    __tablename__ = "learning_runs"
    __table_args__ = (
        CheckConstraint("trigger IN ('nightly','manual')", name="trigger"),
        CheckConstraint(
            "outcome IN ('running','failed','too_few','speeds_unknown','no_better','written')",
            name="outcome",
        ),
        Index(
            "uq_learning_runs_night",
            "day",
            unique=True,
            postgresql_where=text("trigger = 'nightly'"),
        ),
    )

    id: UUID = PrimaryId()
    day: date
    """The company's calendar day."""
    trigger: str
    started_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str = Field(default="running", sa_column_kwargs={"server_default": "running"})
    drives: int | None = None
    """Drives that were learnt from."""
    error_before_s: float | None = None
    """With the speeds of the map in use."""
    error_after_s: float | None = None
    file: str | None = None
    """The speed file's name in `data_dir/maps`, for the next map build."""
    detail: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """Drives and spread by hour bucket, and drives left out by why; the error of a failure."""
