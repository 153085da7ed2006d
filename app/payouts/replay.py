"""The same inputs, the same entry, for ever: every EARN made again from what it stores itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from app.payouts.card import CardRules
from app.payouts.engine import Line, Work, earn


class Earning(Protocol):
    """What replaying needs of an EARN."""

    id: int | None
    technician_id: UUID
    points: Decimal
    amount_minor: int
    inputs: dict[str, Any]
    explanation_zh: str
    explanation_en: str


class Changed(NamedTuple):
    """An entry that its own inputs do not make any more."""

    entry_id: int
    what: str
    stored: str
    again: str


def work_of(inputs: Mapping[str, Any], base_points: Decimal, barred: frozenset[UUID]) -> Work:
    """The work that a line's inputs tell of; `base_points` are the catalogue's."""
    started = inputs.get("started_at")
    handed = inputs["outcome"] == "handed_over"
    return Work(
        base_points=base_points,
        outcome=inputs["outcome"],
        shares={UUID(who): Decimal(share) for who, share in inputs["shares"].items()},
        leader=UUID(inputs["leader"]),
        fault_code=inputs.get("fault_code", ""),
        difficulty=inputs.get("difficulty"),
        started_at=datetime.fromisoformat(started) if started else None,
        day_type=inputs.get("day_type"),
        zone=inputs.get("zone"),
        same_trip_as=inputs.get("same_trip_as"),
        handed_over=Decimal(inputs["outcome_factor"]) if handed else None,
        merged=inputs.get("merged", False),
        attribution=inputs.get("attribution"),
        barred=barred,
    )


def again(entry: Earning, rules: CardRules) -> Line:
    """The line that the entry's inputs and its card make."""
    lines = _lines(entry, rules)
    return next(line for line in lines if line.technician_id == entry.technician_id)


def _lines(entry: Earning, rules: CardRules) -> list[Line]:
    inputs = entry.inputs
    base = Decimal(inputs["base_points"])
    if rules.unit == "fen":
        base *= 100
    own = rules.base.faults.get(inputs.get("fault_code", ""))
    per_point = rules.base.per_catalogue_point
    points = base / per_point if own is None and per_point else base
    barred = frozenset({entry.technician_id}) if inputs.get("barred") else frozenset()
    return earn(work_of(inputs, points, barred), rules)


def compare(entry: Earning, rules: CardRules, line: Line | None = None) -> list[Changed]:
    """What is not the same, words included; `line` is what `again` made, if it did already."""
    line = line or again(entry, rules)
    inputs, said = line.inputs, entry.inputs
    changed: list[tuple[str, Any, Any]] = [
        (name, stored, value)
        for name, stored, value in (
            ("points", entry.points, line.points),
            ("amount_minor", entry.amount_minor, line.amount_minor),
            ("explanation_zh", entry.explanation_zh, line.explanation.zh),
            ("explanation_en", entry.explanation_en, line.explanation.en),
        )
        if stored != value
    ]
    if said | inputs != said:
        changed += [(f"inputs.{n}", said.get(n), v) for n, v in inputs.items() if said.get(n) != v]
    return [Changed(entry.id or 0, name, str(old), str(new)) for name, old, new in changed]


def compare_order(entries: Sequence[Earning], rules: CardRules) -> list[Changed]:
    """The same of all earnings of an order, made at once where they tell of the same work."""
    told = [entry.inputs | {"share": None} for entry in entries]
    alike = all(each == told[0] for each in told) and not any("barred" in each for each in told)
    lines = {line.technician_id: line for line in _lines(entries[0], rules)} if alike else {}
    return [
        changed
        for entry in entries
        for changed in compare(entry, rules, lines.get(entry.technician_id))
    ]
