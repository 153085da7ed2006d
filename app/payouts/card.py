"""A rate card's rules, read from their stored form and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Self, get_args

from app.completions.policy import WHOLE, Outcome
from app.payouts.errors import RateCardInvalid

OUTCOMES = frozenset(get_args(Outcome))
SECTIONS = frozenset({"outcome_factors", "default_shares"})


@dataclass(frozen=True, slots=True)
class CardRules:
    """What the engine needs of a card: its name, fen per point, and points' part per outcome."""

    name: str
    point_minor: int
    outcome_factors: Mapping[str, Decimal]

    @classmethod
    def of(cls, name: str, point_minor: int, rules: Mapping[str, Any]) -> Self:
        """The rules as stored; raises RateCardInvalid when one is missing, unknown or absurd."""
        if rules.keys() != SECTIONS:
            raise RateCardInvalid(f"{name}: rules has {sorted(rules)}, needs {sorted(SECTIONS)}")
        if point_minor <= 0:
            raise RateCardInvalid(f"{name}: point_minor must be above 0")
        factors = _decimals(f"{name}: outcome_factors", rules["outcome_factors"], OUTCOMES)
        shares = _decimals(
            f"{name}: default_shares", rules["default_shares"], frozenset({"leader", "helpers"})
        )
        if sum(shares.values()) != WHOLE:
            raise RateCardInvalid(f"{name}: default_shares must sum to exactly 1")
        return cls(name, point_minor, factors)


def _decimals(where: str, values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Decimal]:
    """Exactly these names, each a decimal string from 0 to 1."""
    if values.keys() != names:
        raise RateCardInvalid(f"{where} has {sorted(values)}, needs {sorted(names)}")
    read = {}
    for name, value in values.items():
        try:
            if not isinstance(value, str):
                raise InvalidOperation
            read[name] = Decimal(value)
            if not read[name].is_finite():
                raise InvalidOperation
        except InvalidOperation:
            raise RateCardInvalid(f"{where}.{name} must be a decimal in quotes") from None
        if not 0 <= read[name] <= 1:
            raise RateCardInvalid(f"{where}.{name} must lie between 0 and 1")
    return read
