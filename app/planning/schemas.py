"""Planning runs and planned visits on the wire."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.geo import PlaceIn
from app.core.texts import Code
from app.core.times import Moment
from app.planning.commit_schemas import NotSentOut, SentOut
from app.planning.models import PlanningRun
from app.planning.policy import DEFAULT_HORIZON_S
from app.web.wire import Body, Out

Step = Literal["queued", "loading", "routing", "solving", "checking", "publishing", "done"]


Weight = Annotated[int, Field(ge=0, le=1_000_000)]


class AddedCrewIn(Body):
    """A crew that does not exist, for a question; shown under its code behind a `+`."""

    code: Code
    size: int = Field(default=1, ge=1, le=20)
    skills: dict[Code, Annotated[int, Field(ge=1, le=20)]] = Field(
        default_factory=dict, max_length=40
    )
    """Skill to how many of its members hold it."""
    place: PlaceIn
    """Where it begins."""
    starts_at: Moment
    ends_at: Moment

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if not self.starts_at < self.ends_at <= self.starts_at + timedelta(days=1):
            raise ValueError("a shift runs forward and is at most one day long")
        return self


class WeightsIn(Body):
    """What a plan costs, in seconds or per mille; ours where left out."""

    travel_per_mille: Weight | None = None
    overtime_per_mille: Weight | None = None
    move: Weight | None = None
    """Price in seconds of giving a planned order to another crew, far ahead or near."""
    spread_per_mille: Weight | None = None
    """Rate per second by which a crew's workload differs from the mean."""
    income_spread_per_mille: Weight | None = None
    """Rate per hundredth of a point by which a crew's expected income differs from the mean."""
    most_moves: Weight | None = None
    """Planned orders that one crew may lose to others in one plan."""


class ChangesIn(Body):
    """What is supposed otherwise; the horizon is the run's own."""

    without_crews: list[UUID] = Field(default_factory=list, max_length=200)
    """What they have not begun waits again."""
    added_crews: list[AddedCrewIn] = Field(default_factory=list, max_length=50)
    shift_longer_minutes: int = Field(default=0, ge=0, le=480)
    longer_crews: list[UUID] = Field(default_factory=list, max_length=200)
    """Whose shift is longer; everybody's when empty."""
    weights: WeightsIn = Field(default_factory=WeightsIn)

    @model_validator(mode="after")
    def _codes_once(self) -> Self:
        codes = [each.code for each in self.added_crews]
        if len(codes) != len(set(codes)):
            raise ValueError("give each added crew a code of its own")
        return self

    def stored(self) -> dict[str, Any]:
        """As the run keeps it: JSON, places as WGS-84 [lon, lat]."""
        kept = self.model_dump(mode="json", exclude={"added_crews": {"__all__": {"place"}}})
        for shown, each in zip(kept["added_crews"], self.added_crews, strict=True):
            shown["place"] = list(each.place.wgs84())
        kept["weights"] = self.weights.model_dump(exclude_none=True)
        return kept


class PlanningRunIn(Body):
    """Plan a station and all below it now, or only ask what a plan would be."""

    station_id: UUID
    horizon_s: int = Field(default=DEFAULT_HORIZON_S, ge=3600, le=7 * 86_400)
    """Orders whose agreed slot opens later than this stay out of the plan."""
    seconds: float | None = Field(default=None, ge=0.2, le=60)
    """Real seconds of search; the deployment's default when left out."""
    publish: bool = True
    """False answers "what if": nothing is put in force, and no order is sent."""
    changes: ChangesIn | None = None
    """What to suppose otherwise; only together with `publish: false`."""

    @model_validator(mode="after")
    def _supposed_only(self) -> Self:
        if self.changes is not None and self.publish:
            raise ValueError("changes are for questions: give publish false with them")
        return self


class RunSummaryOut(Out):
    """A run without its routes."""

    id: UUID
    station_id: UUID
    state: Literal["queued", "running", "published", "answered", "failed"]
    step: Step
    trigger: str
    """manual, or changes."""
    publish: bool
    """False for a question of the kind "what if", which ends as `answered`."""
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
        "planned": sum(not visit["locked"] and not visit.get("elsewhere") for visit in visits),
        "unassigned": len(run.result["unassigned"]),
    }


class ReasonOut(Out):
    """Why an order has no visit: a stable code, its numbers, and a sentence in two languages."""

    code: str
    detail: dict[str, Any]
    zh: str
    en: str


class VisitOut(Out):
    """One stop; `locked` ones are in the crew's hands already.

    `elsewhere` marks another station's order, which another plan has given to this crew.
    """

    order_id: UUID
    serial: str
    locked: bool
    elsewhere: bool = False
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
    lent: bool = False
    """A neighbour's crew near the border."""
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
    """An order that changed while the search ran.

    Or one of which another run spoke: `planned_since` by a newer plan, `crew_busy` when the crew
    that a neighbour lent has got other work.
    """

    order_id: UUID
    serial: str
    changed: list[str]


class InsertedOut(Out):
    """An order that came while the search ran; `crew_code` is null when it has to wait."""

    order_id: UUID
    serial: str
    crew_code: str | None = None


class MergedOut(Out):
    """What came while the search ran, inserted before publishing where it fitted."""

    inserted: list[InsertedOut] = Field(default_factory=list)
    not_fitting: list[InsertedOut] = Field(default_factory=list)


class RoutingOut(Out):
    """Where the travel times came from, for the legs driven and for the whole matrix."""

    graph_version: str
    hour_bucket: str
    legs: dict[str, int]
    leg_shares: dict[str, float]
    cell_shares: dict[str, float]


class ChurnOut(Out):
    """What became of the orders that the plan before had given to a crew."""

    compared: int
    """Orders with a visit in the plan before that still wait."""
    moved: int
    """Of these, given to another crew."""
    dropped: int = 0
    """Of these, without a visit now."""
    per_order: float
    """Moved per compared."""
    lost: dict[str, int] = Field(default_factory=dict)
    """Crew code -> how many it lost to others, of crews that are still there."""


class PlanResultOut(Out):
    """What a published run decided; prices in seconds, times in business time."""

    planned_at: datetime
    routes: list[RouteOut]
    price: dict[str, int]
    """Per term."""
    total: int
    parts: dict[str, int] = Field(default_factory=dict)
    """Seconds of price that each part of the planner took off (a part that did not run is not
    there), the rounds of the search, and how many searches went side by side."""
    unassigned: list[UnassignedOut]
    left_out: list[LeftOutOut]
    idle_crews: list[IdleCrewOut]
    routing: RoutingOut
    churn: ChurnOut
    merged: MergedOut = Field(default_factory=MergedOut)
    committed: list[SentOut] = Field(default_factory=list)
    not_committed: list[NotSentOut] = Field(default_factory=list)
    timings_s: dict[str, float] = Field(default_factory=dict)
    """Real seconds per step."""


class PlanningRunOut(RunSummaryOut):
    """A run with all that it decided."""

    changes: dict[str, Any] | None
    """What a question supposed."""
    result: PlanResultOut | None
