"""Pure sums over pay lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

STANDINGS = ("provisional", "confirmed", "locked", "settled")


@dataclass(frozen=True, slots=True)
class Sum:
    """A number of entries with their points and fen, added exactly."""

    entries: int = 0
    points: Decimal = Decimal("0.00")
    amount_minor: int = 0

    def plus(self, points: Decimal, amount_minor: int, entries: int = 1) -> Self:
        return type(self)(
            self.entries + entries, self.points + points, self.amount_minor + amount_minor
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """All of it, and each standing's part; every standing is named."""

    total: Sum
    by_standing: dict[str, Sum]


def totals(parts: Iterable[tuple[str, Sum]]) -> Totals:
    """Adds up (standing, sum) pairs."""
    whole = Sum()
    by_standing = {standing: Sum() for standing in STANDINGS}
    for standing, part in parts:
        whole = whole.plus(part.points, part.amount_minor, part.entries)
        by_standing[standing] = by_standing[standing].plus(
            part.points, part.amount_minor, part.entries
        )
    return Totals(whole, by_standing)
