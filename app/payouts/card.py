"""A rate card's rules, read from their stored form and checked (DOMAIN section 5).

Format 1 (cards of before 2026-11) says only what outcomes earn and how crews share; every other
rule is neutral then, so that their entries are the same for ever. Format 2 says everything.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from app.payouts.card_sections import (
    OUTCOMES,
    Base,
    Bonuses,
    Deductions,
    DefaultShares,
    Difficulty,
    Distance,
    Limits,
    MonthRules,
    Part,
    ReworkDays,
    Section,
    TimeBands,
)
from app.payouts.errors import RateCardInvalid

__all__ = ["OUTCOMES", "CardRules", "faults_of"]

FEN_PER_YUAN = 100
_FORMAT_1 = {"outcome_factors", "default_shares"}


class CardRules(Section):
    """What engine, bonuses, reworks and months need of a card; sections it lacks are neutral.

    A card in fen counts in yuan instead of points: its "point" is worth 100 fen, and its bases
    and distances are divided by 100 when they are read.
    """

    name: str = Field(min_length=1)
    unit: Literal["points", "fen"] = "points"
    point_minor: int = Field(gt=0, strict=True)
    """Fen per point."""
    outcome_factors: Mapping[str, Part]
    default_shares: DefaultShares = DefaultShares()
    base: Base = Base()
    difficulty: Difficulty | None = None
    time: TimeBands | None = None
    distance: Distance | None = None
    bonuses: Bonuses = Bonuses()
    deductions: Deductions = Deductions()
    rework_days: ReworkDays = ReworkDays()
    limits: Limits = Limits()
    month: MonthRules = MonthRules()

    @field_validator("outcome_factors")
    @classmethod
    def _every_outcome(cls, factors: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        if factors.keys() != OUTCOMES:
            raise ValueError(f"needs exactly {', '.join(sorted(OUTCOMES))}")
        return factors

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.unit == "fen" and self.point_minor != FEN_PER_YUAN:
            raise ValueError("a card in fen has no point_minor")
        return self

    @classmethod
    def of(cls, name: str, point_minor: int, rules: Mapping[str, Any]) -> Self:
        """The rules as stored; raises RateCardInvalid when one is missing, unknown or absurd."""
        said = {key: value for key, value in rules.items() if key != "format"}
        if "format" not in rules and said.keys() != _FORMAT_1:
            raise RateCardInvalid(f"{name}: rules has {sorted(said)}, needs {sorted(_FORMAT_1)}")
        try:
            return cls.model_validate({"name": name, "point_minor": point_minor} | said)
        except ValidationError as error:
            faults = "; ".join(f"{name}: {each}" for _, each in faults_of(error))
            raise RateCardInvalid(faults) from error

    def base_of(self, fault_code: str, catalogue_points: Decimal) -> Decimal:
        """What the card pays for a fault before any factor: its own figure, or the catalogue's."""
        own = self.base.faults.get(fault_code)
        return self.counted(
            own if own is not None else catalogue_points * self.base.per_catalogue_point
        )

    def counted(self, value: Decimal) -> Decimal:
        """Points as they are; fen as yuan."""
        return value / FEN_PER_YUAN if self.unit == "fen" else value

    def grade_of(self, fault_code: str, judged: str | None) -> str:
        """The difficulty that the reviewer judged, else the card's for the fault, else normal."""
        if judged is not None or self.difficulty is None:
            return judged or "normal"
        return self.difficulty.faults.get(fault_code, "normal")

    def expected_points(
        self, fault_code: str, catalogue_points: Decimal, zone: str | None = None
    ) -> Decimal:
        """What a fixed order of this fault brings the crew by day: the planner's fairness input.

        Exact, not rounded; by night, rest day and holiday it is more.
        """
        points = self.base_of(fault_code, catalogue_points)
        if self.difficulty is not None:
            points *= self.difficulty.factors[self.grade_of(fault_code, None)]
        if self.distance is not None:
            points += self.counted(self.distance.of(zone))
        return points * self.outcome_factors["fixed"]

    @cached_property
    def needs_calendar(self) -> bool:
        """Whether rest days and holidays are paid otherwise than workdays."""
        return self.time is not None and not self.time.rest == self.time.holiday == 1


def faults_of(error: ValidationError) -> list[tuple[str, str]]:
    """(dotted place, what is wrong there) of everything that pydantic found."""
    found = []
    for each in error.errors(include_url=False):
        place = ".".join(str(part) for part in each["loc"])
        said = each["msg"].removeprefix("Value error, ")
        found.append((place, f"{place}: {said}" if place else said))
    return found
