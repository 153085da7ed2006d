"""The sections of a rate card; numbers are exact decimals, written as strings or whole numbers."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.completions.policy import Outcome

OUTCOMES = frozenset(get_args(Outcome))
Zone = Literal["urban", "rural", "remote"]
Deduction = Literal["late_arrival", "late_done", "low_rating", "complaint", "false_proof"]
DEDUCTIONS: tuple[str, ...] = get_args(Deduction)


def _exact(value: Any) -> Decimal:
    """A TOML number with a point would be binary floating point: such are written in quotes."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("must be a decimal in quotes or a whole number")
    try:
        read = Decimal(value)
    except InvalidOperation:
        raise ValueError("must be a decimal in quotes or a whole number") from None
    if not read.is_finite():
        raise ValueError("must be a finite number")
    return read


Exact = Annotated[Decimal, BeforeValidator(_exact)]
Factor = Annotated[Exact, Field(ge=0, le=100)]
Part = Annotated[Exact, Field(ge=0, le=1)]
Amount = Annotated[Exact, Field(ge=0, le=10_000_000)]
Days = Annotated[int, Field(ge=0, le=366, strict=True)]


class Section(BaseModel):
    """A frozen part of a card; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Base(Section):
    """What a fault pays, in points or fen."""

    per_catalogue_point: Amount = Decimal(1)
    """For faults that are not named below: so much for each point of the catalogue's version."""
    faults: Mapping[str, Amount] = {}


class Difficulty(Section):
    """Grades of difficulty; the reviewer may judge otherwise than the fault's usual grade."""

    factors: Mapping[str, Factor]
    faults: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _grades_exist(self) -> Self:
        if self.factors.get("normal") != 1:
            raise ValueError("factors needs normal = 1")
        if unknown := set(self.faults.values()) - self.factors.keys():
            raise ValueError(f"faults names unknown grades {', '.join(sorted(unknown))}")
        return self


class TimeBands(Section):
    """Night, rest day and holiday; the greatest factor alone counts.

    These weigh the piece rate; they are no overtime pay (DOMAIN section 5, W37).
    """

    night_from: time
    night_until: time
    """Local times; the night begins at the first and ends before the second."""
    night: Factor
    rest: Factor
    holiday: Factor


class Distance(Section):
    """What the way is worth by zone, once per trip: DOMAIN 5.1."""

    zones: Mapping[Zone, Amount]
    same_trip_minutes: Annotated[int, Field(ge=0, le=24 * 60, strict=True)]
    """A crew that arrives in a building where it was so shortly before is still on that trip."""

    def of(self, zone: str | None) -> Decimal:
        """What the way to a zone is worth; nothing for one that the card does not name."""
        return next((worth for name, worth in self.zones.items() if name == zone), Decimal(0))


class DefaultShares(Section):
    """How a crew shares that names no shares; the helpers' part is divided evenly."""

    leader: Part = Decimal("0.55")
    helpers: Part = Decimal("0.45")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.leader + self.helpers != 1:
            raise ValueError("leader and helpers must sum to exactly 1")
        return self


class Bonuses(Section):
    """Parts of what an order earned, added to it."""

    first_time_fix: Part = Decimal(0)
    """When the rework window ends and nothing came back."""
    rating: Mapping[Literal["1", "2", "3", "4", "5"], Part] = {}

    def of_rating(self, rating: int | None) -> Decimal:
        """The part that a customer's rating adds; nothing for none."""
        return next((part for name, part in self.rating.items() if name == str(rating)), Decimal(0))


class Deductions(Section):
    """Parts of what an order earned that a person may deduct, for a person and with reasons."""

    late_arrival: Part = Decimal(0)
    late_done: Part = Decimal(0)
    low_rating: Part = Decimal(0)
    complaint: Part = Decimal(0)
    false_proof: Part = Decimal(0)

    def part(self, kind: str) -> Decimal:
        """The part of one kind."""
        value: Decimal = getattr(self, kind)
        return value


class ReworkDays(Section):
    """For how many days after completion a new report is proposed as a rework; 0 for never."""

    heat: Days = 0
    power: Days = 0

    def of(self, domain: str) -> int:
        """The window of heat or power."""
        return self.heat if domain == "heat" else self.power


class Limits(Section):
    """What deductions may take of a month, and what a person looks at."""

    deduction_share: Part = Decimal("0.2")
    """Deductions and carried ones together take at most this part of what the month earned."""
    reversals_count: bool = True
    """Whether reversals fall under the same limit."""
    carry_months: Annotated[int, Field(ge=0, le=12, strict=True)] = 1
    """For so many months what exceeds the limit is carried on; then it is dropped."""
    minimum_pay_minor: Annotated[int, Field(ge=0, strict=True)] = 0
    """No deduction takes a statement below this, in fen."""
    points_a_day: Amount = Decimal(30)
    hours_a_day: Amount = Decimal(12)
    accept_s: Amount = Decimal(2)
    travel_km_h: Annotated[Exact, Field(gt=0, le=1000)] = Decimal(120)
    """Beyond these a person looks; nothing is cut (DOMAIN 5.8)."""


class MonthRules(Section):
    """Working days of the steps after publication (DOMAIN 5.9)."""

    appeal_days: Days = 3
    station_days: Days = 2
    company_days: Days = 2
    confirm_hours: Annotated[int, Field(ge=0, le=24 * 60, strict=True)] = 0
    """After so many hours without a call-back what passed is confirmed; 0 for never."""
