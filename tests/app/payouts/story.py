"""A story of pay, told in steps, and played by the product's own rules in memory.

A story is plain data (`scenarios/*.toml`, or drawn by hypothesis): cards with dates, and steps in
the order in which they happened. `play` runs it through the engine, the posting rules and the
closing of months; `oracle.py` works the same story out from the rule text alone.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.catalogue.holidays import day_type
from app.payouts.card import CardRules
from app.payouts.closing import close
from app.payouts.drafts import Draft, remaining
from app.payouts.engine import Work, earn
from app.payouts.posting import (
    FIRST_TIME,
    RATING,
    adjustment,
    bonus,
    counter_entry,
    deduction,
    reversals,
)
from tests.app.payouts.book import ZONE, Book, Row, Step, who


def play(cards: list[tuple[date, date | None, dict[str, Any]]], steps: Iterable[Step]) -> Book:
    """Run the steps; raises ClosedMonth."""
    book = Book(cards)
    for step in steps:
        tell(book, step)
    return book


def tell(book: Book, step: Step) -> None:
    """One step, at its time."""
    book.now = step.get("at") or step.get("done") or book.now
    STEPS[step["do"]](book, step)


def decision(what: str, step: Step, *more: object) -> str:
    """A name for what was decided in a step, as the tables have ids."""
    order = step["order"] if step["do"] != "attribute" else f"{step['repeats']} {step['order']}"
    return f"{what}:{who(' '.join(map(str, (what, order, *more))))}"


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
            inputs=line.inputs | _said(step, day),
            explanation_zh=line.explanation.zh,
            explanation_en=line.explanation.en,
        )
        for line in earn(work, rules)
    )


def _said(step: Step, day: date) -> dict[str, Any]:
    """What each line keeps of the order besides the engine's own words."""
    return {
        "fault_code": step.get("fault", "H01"),
        "completion_id": str(who(f"record {step['order']}")),
        "attempt": 1,
        "done_at": step["done"].isoformat(),
        "local_date": day.isoformat(),
    }


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
        if row.kind == "EARN" and part and remaining(row, book.of(step["order"])).points:
            why = book.why(step, cause, rules)
            book.add([bonus(row, rule, part, rules.point_minor, why)])


def _rate(book: Book, step: Step) -> None:
    part = _rules_of(book, step).bonuses.of_rating(step["rating"])
    _bonus(book, step, RATING, part, decision("revisit", step))


def _last(book: Book, step: Step) -> None:
    part = _rules_of(book, step).bonuses.first_time_fix
    _bonus(book, step, FIRST_TIME, part, "window-ended")


def _deduct(book: Book, step: Step) -> None:
    rules = _rules_of(book, step)
    row = book.earned(step["order"], step["person"])
    part = rules.deductions.part(step["kind"])
    why = book.why(step, decision("finding", step, step["person"], step["kind"]), rules)
    book.add([deduction(row, book.of(step["order"]), step["kind"], part, rules.point_minor, why)])


def _attribute(book: Book, step: Step) -> None:
    book.causes[step["order"]] = step["cause"]
    if step["cause"] != "workmanship":
        return
    original = book.orders[step["repeats"]]
    for name in sorted(original["shares"], key=who):
        for order in (step["repeats"], step["order"]):
            rules = _rules_of(book, {"order": step["repeats"]})
            why = book.why(step, decision("rework", step), rules)
            book.add(reversals(book.of(order), who(name), why))


def _grant(book: Book, step: Step) -> None:
    """An appeal against a line is granted: its counter-entry."""
    row = line_of(book, step)
    why = book.why(step, decision("appeal", step, row.id), _rules_of(book, step))
    draft = counter_entry(row, book.of(step["order"]), why)
    book.add([draft] if draft else [])


def line_of(book: Book, step: Step) -> Row:
    """A person's line of an order by its rule; `nth` from 0 when there are several."""
    key = (who(step["person"]), step["rule"])
    rows = [row for row in book.of(step["order"]) if (row.technician_id, row.rule) == key]
    return rows[step.get("nth", 0)]


def _adjust(book: Book, step: Step) -> None:
    rules, row = _rules_of(book, step), book.earned(step["order"], step["person"])
    standing = book.of(step["order"])
    why = book.why(step, decision("adjustment", step, len(standing)), rules)
    book.add([adjustment(row, standing, Decimal(step["points"]), rules.point_minor, why)])


def _publish(book: Book, step: Step) -> None:
    book.published.add(step["month"])


def _close(book: Book, step: Step) -> None:
    """Lock a month: everybody's open lines leave it, deductions keep to their limit."""
    month = step["month"]
    book.published.add(month)
    undecided = {line_of(book, each).id for each in step.get("undecided", ())}
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
