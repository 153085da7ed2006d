"""Planning runs and planned visits on the wire."""

from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.geo import PlaceIn
from app.core.texts import Code
from app.core.times import Moment
from app.planning.models import PlannedVisit, PlanningRun
from app.planning.policy import DEFAULT_HORIZON_S, MOST_SLOTS
from app.web.wire import Body, Out

Step = Literal["queued", "loading", "routing", "solving", "checking", "publishing", "done"]


class PlanningRunIn(Body):
    """Plan a station and all below it now."""

    station_id: UUID
    horizon_s: int = Field(default=DEFAULT_HORIZON_S, ge=3600, le=7 * 86_400)
    """Orders whose agreed slot opens later than this stay out of the plan."""
    seconds: float | None = Field(default=None, ge=0.2, le=60)
    """Real seconds of search; the deployment's default when left out."""


class RunSummaryOut(Out):
    """A run without its routes."""

    id: UUID
    station_id: UUID
    state: Literal["queued", "running", "published", "failed"]
    step: Step
    trigger: str
    """manual, or changes."""
    horizon_s: int
    budget_s: float
    requested_by: UUID | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    planned: int | None
    """Waiting orders that got a visit."""
    unassigned: int | None

    @classmethod
    def of(cls, run: PlanningRun) -> Self:
        return cls.model_validate(run.model_dump() | counts(run))


def counts(run: PlanningRun) -> dict[str, int | None]:
    """How many orders a finished run planned and left."""
    if run.result is None:
        return {"planned": None, "unassigned": None}
    visits = [visit for route in run.result["routes"] for visit in route["visits"]]
    return {
        "planned": sum(not visit["locked"] for visit in visits),
        "unassigned": len(run.result["unassigned"]),
    }


class ReasonOut(Out):
    """Why an order has no visit: a stable code, its numbers, and a sentence in two languages."""

    code: str
    detail: dict[str, Any]
    zh: str
    en: str


class WindowIn(Body):
    """A window for the start of the work."""

    starts_at: Moment
    ends_at: Moment


class SlotsIn(Body):
    """Where the trouble is and what it is, while the caller is on the line."""

    premises_id: UUID | None = None
    place: PlaceIn | None = None
    """Needed when the premises are not in the register."""
    fault_code: Code
    from_day: date | None = Field(default=None, ge=date(2000, 1, 1), le=date(2099, 12, 31))
    """The first local day to offer; today when left out."""
    to_day: date | None = Field(default=None, ge=date(2000, 1, 1), le=date(2099, 12, 31))
    """The last one; the day after the first when left out, and a week ahead at most."""
    candidates: list[WindowIn] = Field(default_factory=list, max_length=MOST_SLOTS)
    """Windows to price instead of the usual ones of these days."""

    @model_validator(mode="after")
    def _somewhere_and_forward(self) -> Self:
        if (self.premises_id is None) == (self.place is None):
            raise ValueError("give either premises_id or place")
        if self.from_day and self.to_day and self.to_day < self.from_day:
            raise ValueError("to_day lies before from_day")
        return self


class SlotOut(Out):
    """A window and what keeping it costs the plan; `reasons` say why it does not fit."""

    starts_at: datetime
    ends_at: datetime
    fits: bool
    added_minutes: float | None
    """Price of serving the order then, in minutes: driving, others' lateness, overtime."""
    terms_s: dict[str, int]
    """The same in seconds, term by term."""
    crew_code: str | None
    """The crew that could keep it most cheaply; the plan may choose another one later."""
    start_at: datetime | None
    """When that crew would begin."""
    others_later: int
    """Planned orders that would begin later."""
    reasons: list[ReasonOut]


class SlotsOut(Out):
    """Slots by price, the cheapest first, then those that do not fit; nothing is reserved."""

    station_id: UUID
    priced_at: datetime
    graph_version: str
    """Which roads the prices rest on."""
    slots: list[SlotOut]


class VisitOut(Out):
    """One stop; `locked` ones are in the crew's hands already."""

    order_id: UUID
    serial: str
    locked: bool
    arrive_at: datetime
    start_at: datetime
    finish_at: datetime
    travel_s: int
    wait_s: int
    late_s: int
    """How far the start lies behind the arrival limit."""
    travel_source: Literal["osrm", "estimate"]


class BreakOut(Out):
    start_at: datetime
    finish_at: datetime


class RouteOut(Out):
    """What one crew does; `free_at` is when its started work ends."""

    crew_id: UUID
    crew_code: str
    free_at: datetime
    end_at: datetime
    travel_s: int
    load_s: int
    overtime_s: int
    breaks: list[BreakOut]
    visits: list[VisitOut]


class UnassignedOut(Out):
    order_id: UUID
    serial: str
    reasons: list[ReasonOut]


class IdleCrewOut(Out):
    """A crew that took no part: off_shift, offline, no_members or no_place."""

    crew_id: UUID
    crew_code: str
    why: str


class LeftOutOut(Out):
    """An order that changed while the search ran."""

    order_id: UUID
    serial: str
    changed: list[str]


class RoutingOut(Out):
    """Where the travel times came from, for the legs driven and for the whole matrix."""

    graph_version: str
    hour_bucket: str
    legs: dict[str, int]
    leg_shares: dict[str, float]
    cell_shares: dict[str, float]


class ChurnOut(Out):
    """Orders whose crew differs from the plan before, of those that it had planned."""

    compared: int
    moved: int
    per_order: float


class SentOut(Out):
    order_id: UUID
    crew_id: UUID


class NotSentOut(SentOut):
    """A due visit that the crew could not be given."""

    type: str
    detail: str


class PlanResultOut(Out):
    """What a published run decided; prices in seconds, times in business time."""

    planned_at: datetime
    routes: list[RouteOut]
    price: dict[str, int]
    total: int
    unassigned: list[UnassignedOut]
    left_out: list[LeftOutOut]
    idle_crews: list[IdleCrewOut]
    routing: RoutingOut
    churn: ChurnOut
    committed: list[SentOut] = Field(default_factory=list)
    not_committed: list[NotSentOut] = Field(default_factory=list)
    timings_s: dict[str, float] = Field(default_factory=dict)
    """Real seconds per step."""


class PlanningRunOut(RunSummaryOut):
    """A run with all that it decided."""

    result: PlanResultOut | None


class PlannedVisitOut(Out):
    """Where an order stands in a crew's day; it may change until it is sent."""

    crew_id: UUID
    run_id: UUID
    position: int
    arrive_at: datetime
    start_at: datetime
    finish_at: datetime
    travel_s: int
    travel_source: str

    @classmethod
    def of(cls, visit: PlannedVisit) -> Self:
        return cls.model_validate(visit)


class OrderPlanOut(Out):
    """An order's planned visit, or why it has none; both empty when it does not wait."""

    order_id: UUID
    state: str
    visit: PlannedVisitOut | None
    run_id: UUID | None
    """The run that planned it, or could not."""
    reasons: list[ReasonOut]
