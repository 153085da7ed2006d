"""The ledger of a story, in memory: unique lines, closed months, cards by date."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from importlib import resources
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

from app.core.i18n import Text
from app.payouts.card import FEN_PER_YUAN, CardRules
from app.payouts.drafts import Draft
from app.payouts.policy import month_of, open_month
from app.payouts.posting import (
    Why,
)

ZONE = ZoneInfo("Asia/Shanghai")
SHIPPED = resources.files("app.payouts").joinpath("data", "p_proposal_2026.toml").read_text("utf-8")
Step = Mapping[str, Any]


class Said(NamedTuple):
    """One line of pay, as both tellers must say it."""

    person: str
    order: str
    kind: str
    rule: str
    month: str
    points: str
    fen: int


@dataclass
class Row:
    """An entry in memory."""

    id: int
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
    refers_to: int | None


class DoublePay(AssertionError):
    """The same (order, rule, person, cause) came twice."""


class ClosedMonth(AssertionError):
    """A line for a month that is closed."""


def who(name: str) -> UUID:
    return uuid5(NAMESPACE_OID, name)


def card_data(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The shipped card as data, with `{"time.night": "1.4"}` changed."""
    data = tomllib.loads(SHIPPED)
    for place, value in (changes or {}).items():
        *path, last = place.split(".")
        inner = data
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return data


@dataclass
class Book:
    """The ledger of a story, with the months that are closed."""

    cards: list[tuple[date, date | None, dict[str, Any]]]
    rows: list[Row] = field(default_factory=list)
    published: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    orders: dict[str, Step] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)
    read: dict[int, tuple[UUID, CardRules]] = field(default_factory=dict)

    def rules(self, day: date) -> tuple[UUID, CardRules]:
        """The card of a local day."""
        data = next(
            d for starts, ends, d in self.cards if starts <= day and (not ends or day < ends)
        )
        skip = ("effective_from", "effective_to", "source")
        said = {key: value for key, value in data.items() if key not in skip}
        if said.get("unit") == "fen":
            said["point_minor"] = FEN_PER_YUAN
        if id(data) not in self.read:
            self.read[id(data)] = who(f"card {data['name']}"), CardRules.model_validate(said)
        return self.read[id(data)]

    def add(self, drafts: Iterable[Draft]) -> list[Row]:
        """What the ledger does: unique, only into open months."""
        added = []
        for draft in drafts:
            if draft.key in {(r.order_id, r.rule, r.technician_id, r.cause) for r in self.rows}:
                raise DoublePay(draft.key)
            if draft.period in self.locked:
                raise ClosedMonth(draft.period)
            row = Row(id=len(self.rows) + 1, **asdict(draft))
            self.rows.append(row)
            added.append(row)
        return added

    def of(self, order: str) -> list[Row]:
        return [row for row in self.rows if row.order_id == who(order)]

    def earned(self, order: str, person: str) -> Row:
        return next(
            row for row in self.of(order) if row.technician_id == who(person) and row.kind == "EARN"
        )

    def month(self, at: datetime | date) -> str:
        day = at.astimezone(ZONE).date() if isinstance(at, datetime) else at
        return open_month(month_of(day), self.published)

    def why(self, step: Step, cause: str, rules: CardRules) -> Why:
        return Why(cause, self.month(step["at"]), Text("因", "why"), {}, rules.unit)

    def said(self) -> list[Said]:
        """Every line in words that the other teller knows too."""
        names = self.names | {who(order): order for order in self.orders}
        return [
            Said(
                *(names[row.technician_id], names[row.order_id], row.kind, row.rule, row.period),
                f"{row.points:.2f}",
                row.amount_minor,
            )
            for row in self.rows
        ]
