"""The product's ledger of a story, its rows in memory: chains, closed months, cards by date."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

from app.core.chain import GENESIS
from app.core.i18n import Text
from app.payouts.card import FEN_PER_YUAN, CardRules
from app.payouts.chaining import chained
from app.payouts.drafts import Draft
from app.payouts.models import LedgerEntry, LedgerHead
from app.payouts.policy import month_of, open_month
from app.payouts.posting import Why

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


Row = LedgerEntry


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
    """The ledger of a story, with the months that are closed.

    Lines become entries by the product's own code; what a database adds is told here: numbers,
    and that nothing comes into a month that is locked.
    """

    cards: list[tuple[date, date | None, dict[str, Any]]]
    first_id: int = 1
    rows: list[Row] = field(default_factory=list)
    of_order: dict[UUID, list[Row]] = field(default_factory=lambda: defaultdict(list))
    heads: dict[UUID, LedgerHead] = field(default_factory=dict)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
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
        """What the ledger does with them; returns the lines that are new."""
        drafts = list(drafts)
        standing = [row for order in {d.order_id for d in drafts} for row in self.of_order[order]]
        for draft in drafts:
            fresh = LedgerHead(technician_id=draft.technician_id, seq=0, hash=GENESIS)
            self.heads.setdefault(draft.technician_id, fresh)
        units = dict.fromkeys(self.heads, "CO")
        added = chained(drafts, standing, self.heads, units, self.now)
        for row in added:
            if row.period in self.locked:
                raise ClosedMonth(row.period)
            row.id = self.first_id + len(self.rows)
            self.rows.append(row)
            self.of_order[row.order_id].append(row)
        return added

    def of(self, order: str) -> list[Row]:
        return self.of_order[who(order)]

    def earned(self, order: str, person: str) -> Row:
        return next(
            row for row in self.of(order) if row.technician_id == who(person) and row.kind == "EARN"
        )

    def month(self, at: datetime | date) -> str:
        day = at.astimezone(ZONE).date() if isinstance(at, datetime) else at
        return open_month(month_of(day), self.published)

    def why(self, step: Step, cause: str, rules: CardRules) -> Why:
        """The cause with its month, which an appeal that is decided in time says itself."""
        month = step.get("month") or self.month(step["at"])
        return Why(cause, month, Text("因", "why"), {}, rules.unit)

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
