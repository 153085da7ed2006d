"""Lines of pay before and after they stand in the ledger, and what is left of one."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has a place in a chain; `inputs` is JSON-ready, decimals as strings."""

    technician_id: UUID
    order_id: UUID
    kind: str
    rule: str
    cause: str
    period: str
    points: Decimal
    amount_minor: int
    rate_card_id: UUID
    inputs: dict[str, Any]
    explanation_zh: str
    explanation_en: str
    refers_to: int | None = None

    @property
    def key(self) -> tuple[UUID, str, UUID, str]:
        return self.order_id, self.rule, self.technician_id, self.cause


class Entry(Protocol):
    """What the pure rules need of an entry that stands."""

    id: int | None
    technician_id: UUID
    order_id: UUID
    kind: str
    rule: str
    cause: str
    period: str
    points: Decimal
    amount_minor: int
    rate_card_id: UUID
    refers_to: int | None


@dataclass(frozen=True, slots=True)
class Worth:
    """Points and fen together."""

    points: Decimal = ZERO
    amount_minor: int = 0

    def __add__(self, other: "Worth") -> "Worth":
        return Worth(self.points + other.points, self.amount_minor + other.amount_minor)

    def __neg__(self) -> "Worth":
        return Worth(-self.points, -self.amount_minor)

    def __bool__(self) -> bool:
        return bool(self.points) or bool(self.amount_minor)


def worth(entry: Entry) -> Worth:
    """What one entry says."""
    return Worth(entry.points, entry.amount_minor)


TAKES_BACK = frozenset({"REVERSE", "CARRY"})
"""Kinds that undo, for good or until next month, what they refer to; a bonus only names it."""


def remaining(entry: Entry, entries: Iterable[Entry]) -> Worth:
    """What is left of an entry after all that took it back, and what took that back in turn."""
    entries = list(entries)
    left = worth(entry)
    for each in entries:
        if each.refers_to == entry.id and each.kind in TAKES_BACK:
            left += remaining(each, entries)
    return left


def net(entries: Iterable[Entry]) -> Worth:
    """What the entries add up to."""
    total = Worth()
    for entry in entries:
        total += worth(entry)
    return total
