"""Questions about plans on the wire: slots for a caller, why this crew, two plans compared."""

from datetime import date, datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.geo import PlaceIn
from app.core.texts import Code
from app.core.times import Moment
from app.planning.models import PlannedVisit
from app.planning.policy import MOST_SLOTS
from app.planning.schemas import ReasonOut
from app.web.wire import Body, Out


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
    """Price of serving the order then, in minutes: driving, others' lateness, overtime and more."""
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


class ChoiceOut(Out):
    """A crew's cheapest place for the order, all else in the plan as it was."""

    crew_id: UUID
    crew_code: str
    start_at: datetime
    terms_s: dict[str, int]
    """Price of the order there, term by term."""
    price_s: int
    dearer_s: int
    """How much more than with the crew that has it."""


class CannotOut(Out):
    """A crew that could not have it in that plan, and why."""

    crew_code: str
    reason: ReasonOut


class WhyOut(Out):
    """Why a crew got the order: its own price and that of the next three, term by term."""

    decided_by: Literal["plan", "commit", "danger"] = "plan"
    """plan: a run's search; commit: the step that sends, where the plan's crew was held up; danger:
    insertion at once."""
    moved_from: str | None = None
    """The crew that the plan had, where the commit step sent it to another one."""
    planned_at: datetime
    """When the prices were true: the instant that the plan, or the commit step, started from."""
    chosen: ChoiceOut
    others: list[ChoiceOut]
    cannot: list[CannotOut]
    penalty_s: int
    """Price of leaving the order out."""
    zh: str
    en: str


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
    why: WhyOut | None = None
    """Why this crew, as who chose it saw it: kept with the dispatch, also when the order is closed.
    Null where somebody decided by hand, or before any plan."""


class MoveOut(Out):
    """An order that another crew has in the other plan; null stands for left out."""

    order_id: UUID | None
    serial: str
    from_crew: str | None
    to_crew: str | None
    start_before: datetime | None
    start_after: datetime | None
    saved_s: dict[str, int]
    gain_s: int
    because: str | None
    """The term that it saved most in."""
    zh: str
    en: str


class ShiftedOut(Out):
    """An order that the same crew starts at another time."""

    order_id: UUID | None
    serial: str
    crew_code: str
    start_before: datetime
    start_after: datetime


class DifferenceOut(Out):
    """From one run's plan to another's, both priced as plans of the same problem."""

    run_id: UUID
    with_run_id: UUID
    priced_by: UUID
    """The run whose crews, orders and weights priced both plans."""
    moved: list[MoveOut]
    shifted: list[ShiftedOut]
    unchanged: int
    before_s: dict[str, int]
    after_s: dict[str, int]
    saved_s: dict[str, int]
    """Before minus after, term by term."""
    gain_s: int
    together_s: dict[str, int]
    """What the plans saved beyond the sum of the single moves."""
    unknown: list[str]
    """Orders and crews of the other plan that the pricing run does not know, left out."""
    zh: str
    en: str
