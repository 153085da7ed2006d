"""A story of pay, told in steps, and played by the product's own rules in memory.

A story is plain data (`scenarios/*.toml`, or drawn by hypothesis): cards with dates, and steps in
the order in which they happened. `play` runs it through the engine, the posting rules and the
closing of months; `oracle.py` works the same story out from the rule text alone.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib import resources
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

from app.core.i18n import Text
from app.payouts.card import FEN_PER_YUAN, CardRules
from app.payouts.closing import close
from app.payouts.drafts import Draft, net, remaining
from app.payouts.engine import Work, earn
from app.payouts.holidays import day_type
from app.payouts.policy import month_of, open_month
from app.payouts.posting import (
    FIRST_TIME,
    RATING,
    Why,
    adjustment,
    bonus,
    counter_entry,
    deduction,
    reversals,
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


def play(cards: list[tuple[date, date | None, dict[str, Any]]], steps: Iterable[Step]) -> Book:
    """Run the steps; raises DoublePay and ClosedMonth."""
    book = Book(cards)
    for step in steps:
        STEPS[step["do"]](book, step)
    return book


def _pass(book: Book, step: Step) -> None:
    """An order's record passes review."""
    day = step["done"].astimezone(ZONE).date()
    card_id, rules = book.rules(day)
    started = step.get("started", step["done"]).astimezone(ZONE)
    book.orders[step["order"]] = step
    book.names |= {who(name): name for name in step["shares"]}
    repeats = step.get("repeats")
    cause = book.causes.get(step["order"])
    work = Work(
        base_points=Decimal(step["points"]),
        outcome=step.get("outcome", "fixed"),
        shares={who(name): Decimal(share) for name, share in step["shares"].items()},
        leader=who(step["leader"]),
        fault_code=step.get("fault", "H01"),
        difficulty=step.get("difficulty"),
        started_at=started,
        day_type=day_type(started.date()),
        zone=step.get("zone", "urban"),
        same_trip_as=_trip(book, step, rules),
        handed_over=Decimal(step["handed_over"]) if "handed_over" in step else None,
        merged=step.get("merged", False),
        attribution=(cause or "pending") if repeats else None,  # type: ignore[arg-type]
        barred=frozenset(map(who, book.orders[repeats]["shares"]))
        if repeats and cause == "workmanship"
        else frozenset(),
    )
    period = book.month(day)
    book.add(
        Draft(
            technician_id=line.technician_id,
            order_id=who(step["order"]),
            kind="EARN",
            rule="piece",
            cause="passed",
            period=period,
            points=line.points,
            amount_minor=line.amount_minor,
            rate_card_id=card_id,
            inputs=line.inputs,
            explanation_zh=line.explanation.zh,
            explanation_en=line.explanation.en,
        )
        for line in earn(work, rules)
    )


def _trip(book: Book, step: Step, rules: CardRules) -> str | None:
    """The earlier order of the same crew in the same building; told by arrival and departure."""
    assert rules.distance is not None
    window = timedelta(minutes=rules.distance.same_trip_minutes)
    for name, other in book.orders.items():
        if name != step["order"] and step.get("building") and "arrived" in step:
            same = (other.get("building"), other.get("crew")) == (step["building"], step["crew"])
            if same and other["arrived"] < step["arrived"] <= other["done"] + window:
                return name
    return None


def _rules_of(book: Book, step: Step) -> CardRules:
    done = book.orders[step["order"]]["done"].astimezone(ZONE).date()
    return book.rules(done)[1]


def _bonus(book: Book, step: Step, rule: str, part: Decimal, cause: str) -> None:
    rules = _rules_of(book, step)
    for row in book.of(step["order"]):
        if row.kind == "EARN" and part and remaining(row, book.rows).points:
            why = book.why(step, cause, rules)
            book.add([bonus(row, rule, part, rules.point_minor, why)])


def _rate(book: Book, step: Step) -> None:
    part = _rules_of(book, step).bonuses.of_rating(step["rating"])
    _bonus(book, step, RATING, part, f"revisit:{step['order']}")


def _last(book: Book, step: Step) -> None:
    part = _rules_of(book, step).bonuses.first_time_fix
    _bonus(book, step, FIRST_TIME, part, "window-ended")


def _deduct(book: Book, step: Step) -> None:
    rules = _rules_of(book, step)
    row = book.earned(step["order"], step["person"])
    part = rules.deductions.part(step["kind"])
    why = book.why(step, f"finding:{step['kind']}", rules)
    book.add([deduction(row, book.of(step["order"]), step["kind"], part, rules.point_minor, why)])


def _attribute(book: Book, step: Step) -> None:
    book.causes[step["order"]] = step["cause"]
    if step["cause"] != "workmanship":
        return
    original = book.orders[step["repeats"]]
    for name in sorted(original["shares"], key=who):
        for order in (step["repeats"], step["order"]):
            rules = _rules_of(book, {"order": step["repeats"]})
            why = book.why(step, f"rework:{step['order']}", rules)
            book.add(reversals(book.of(order), who(name), why))


def _grant(book: Book, step: Step) -> None:
    """An appeal against a line is granted: its counter-entry."""
    row = _line(book, step)
    why = book.why(step, f"appeal:{row.id}", _rules_of(book, step))
    draft = counter_entry(row, book.of(step["order"]), why)
    book.add([draft] if draft else [])


def _line(book: Book, step: Step) -> Row:
    return next(
        row
        for row in book.of(step["order"])
        if row.technician_id == who(step["person"]) and row.rule == step["rule"]
    )


def _adjust(book: Book, step: Step) -> None:
    rules, row = _rules_of(book, step), book.earned(step["order"], step["person"])
    why = book.why(step, f"adjustment:{len(book.rows)}", rules)
    book.add([adjustment(row, Decimal(step["points"]), rules.point_minor, why)])


def _publish(book: Book, step: Step) -> None:
    book.published.add(step["month"])


def _close(book: Book, step: Step) -> None:
    """Lock a month: everybody's open lines leave it, deductions keep to their limit."""
    month = step["month"]
    book.published.add(month)
    undecided = {_line(book, each).id for each in step.get("undecided", ())}
    _, rules = book.rules(date.fromisoformat(f"{month}-28"))
    for person in sorted({row.technician_id for row in book.rows if row.period == month}):
        lines = [r for r in book.rows if r.period == month and r.technician_id == person]
        book.add(close(lines, month, undecided, rules.limits).drafts)
    book.locked.add(month)


STEPS = {
    "pass": _pass,
    "rate": _rate,
    "last": _last,
    "deduct": _deduct,
    "attribute": _attribute,
    "grant": _grant,
    "adjust": _adjust,
    "publish": _publish,
    "close": _close,
}

__all__ = ["Book", "Said", "card_data", "net", "play", "who"]
