"""Pure sums over pay lines, and the months that they belong to."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
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


def month_of(day: date) -> str:
    """The month of a local day, `2026-01`."""
    return f"{day:%Y-%m}"


def next_month(month: str) -> str:
    """The month after `2026-12` is `2027-01`."""
    year, number = (int(part) for part in month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02d}"


def open_month(wanted: str, closed: Collection[str]) -> str:
    """`wanted`, or the first month after it that is not closed: late lines land there."""
    while wanted in closed:
        wanted = next_month(wanted)
    return wanted
