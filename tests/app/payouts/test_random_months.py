"""Months of random events: the product and the oracle hear the same, and the books stay sound."""

from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from app.core import settings as installed
from app.payouts.card_sections import DEDUCTIONS
from app.payouts.drafts import remaining, worth
from app.payouts.errors import EntryDiffers, NothingEarned
from app.payouts.policy import next_month
from tests.app.payouts.book import Book, Said, card_data, who
from tests.app.payouts.oracle import Oracle
from tests.app.payouts.story import tell
from tests.conftest import settings_for

PEOPLE = ("li", "wang", "zhao")
SPLITS = ("1", "0.55 0.45", "0.6667 0.3333", "0.34 0.33 0.33", "0.9 0.1 0")
OUTCOMES = ("fixed", "fixed", "absent", "handed_over", "no_fault_found")
CARDS = [
    (date(2026, 1, 1), date(2026, 2, 10), card_data()),
    (date(2026, 2, 10), None, card_data({"point_minor": 333, "limits.minimum_pay_minor": 700})),
]
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")


class Months(RuleBasedStateMachine):
    """Four months in which anything may happen in any order, while time only goes on."""

    orders = Bundle("orders")
    paid = Bundle("paid")

    @initialize()
    def begin(self) -> None:
        installed.install(settings_for("postgresql://unused", Path(gettempdir())))
        self.book, self.oracle = Book(CARDS), Oracle(CARDS)
        self.now = datetime(2026, 1, 2, tzinfo=UTC)
        self.count = 0
        self.frozen: dict[str, Counter[Said]] = {}
        self.done: set[tuple[Any, ...]] = set()

    def hear(self, **step: Any) -> None:
        """Both hear a step; it may happen once."""
        tell(self.book, step)
        getattr(self.oracle, "_rate_step" if step["do"] == "rate" else f"_{step['do']}")(step)

    def once(self, *what: Any) -> bool:
        new = what not in self.done
        self.done.add(what)
        return new

    @rule(hours=st.integers(1, 90))
    def time_passes(self, hours: int) -> None:
        if self.now < datetime(2026, 4, 20, tzinfo=UTC):
            self.now += timedelta(hours=hours)

    @rule(
        target=paid,
        points=st.integers(1, 30_000),
        split=st.sampled_from(SPLITS),
        leader=st.permutations(PEOPLE),
        outcome=st.sampled_from(OUTCOMES),
        zone=st.sampled_from(("urban", "rural", "remote")),
        ago_min=st.integers(0, 3000),
        grade=st.sampled_from((None, None, "hard", "extreme")),
    )
    def an_order_passes(self, **drawn: Any) -> str:
        return self._passes(None, **drawn)

    @rule(
        target=paid,
        original=consumes(paid),
        cause=st.sampled_from(("workmanship", "workmanship", "part", "user")),
        decided_first=st.booleans(),
        points=st.integers(1, 30_000),
        split=st.sampled_from(SPLITS),
        leader=st.permutations(PEOPLE),
    )
    def an_order_is_repeated(
        self, original: str, cause: str, decided_first: bool, **drawn: Any
    ) -> Any:
        repetition = f"O{self.count + 1}"
        decision = {"do": "attribute", "order": repetition, "repeats": original, "cause": cause}
        drawn |= {"outcome": "fixed", "zone": "urban", "ago_min": 0, "grade": None}
        if decided_first:
            self.hear(**decision, at=self.now)
        made = self._passes(original, **drawn)
        assert made == repetition
        if not decided_first:
            self.hear(**decision, at=self.now)
        return multiple(made)

    def _passes(self, repeats: str | None, **drawn: Any) -> str:
        self.count += 1
        parts = drawn["split"].split()
        people = drawn["leader"][: len(parts)]
        done = max(self.now - timedelta(minutes=drawn["ago_min"]), datetime(2026, 1, 1, tzinfo=UTC))
        step: dict[str, Any] = {
            "do": "pass",
            "order": f"O{self.count}",
            "points": str(Decimal(drawn["points"]) / 100),
            "shares": dict(zip(people, parts, strict=True)),
            "leader": people[0],
            "outcome": drawn["outcome"],
            "zone": drawn["zone"],
            "done": done,
            "started": max(done - timedelta(minutes=50), datetime(2026, 1, 1, tzinfo=UTC)),
        }
        if drawn["grade"]:
            step["difficulty"] = drawn["grade"]
        if repeats:
            step["repeats"] = repeats
        self.hear(**step)
        return f"O{self.count}"

    @rule(order=paid, rating=st.integers(4, 5))
    def a_customer_rates(self, order: str, rating: int) -> None:
        if self.once("rate", order):
            self.hear(do="rate", order=order, rating=rating, at=self.now)

    @rule(order=paid)
    def a_repair_lasts(self, order: str) -> None:
        if self.once("last", order):
            self.hear(do="last", order=order, at=self.now)

    @rule(
        order=paid,
        kind=st.sampled_from(DEDUCTIONS),
        place=st.integers(0, 2),
    )
    def something_is_deducted(self, order: str, kind: str, place: int) -> None:
        people = sorted(self.book.orders[order]["shares"])
        person = people[place % len(people)]
        if self.once("deduct", order, person, kind):
            self.hear(do="deduct", order=order, person=person, kind=kind, at=self.now)

    @rule(order=paid, points=st.integers(-300, 300).filter(bool))
    def two_people_correct(self, order: str, points: int) -> None:
        person = min(self.book.orders[order]["shares"])
        said = str(Decimal(points) / 100)
        with suppress(NothingEarned):  # refused, so the oracle does not hear of it
            self.hear(do="adjust", order=order, person=person, points=said, at=self.now)

    def _takings(self) -> list[Said]:
        rules: dict[tuple[str, str, str], Said] = {}
        for row in self.book.said():
            rules.setdefault((row.order, row.person, row.rule), row)
        return [r for r in rules.values() if r.kind in ("DEDUCT", "REVERSE") and r.fen < 0]

    @precondition(lambda self: bool(self._takings()))
    @rule(data=st.data())
    def an_appeal_is_granted(self, data: st.DataObject) -> None:
        """Against a line that takes, the first of its rule, once."""
        line = data.draw(st.sampled_from(self._takings()))
        if self.once("grant", *line[:2], line.rule):
            said = {"order": line.order, "person": line.person, "rule": line.rule}
            self.hear(do="grant", **said, at=self.now)

    @precondition(lambda self: self._month_to_close() is not None)
    @rule(data=st.data(), wait=st.booleans())
    def a_month_is_closed(self, data: st.DataObject, wait: bool) -> None:
        """The oldest open month that is over; perhaps one of its lines is under appeal."""
        month = self._month_to_close()
        assert month is not None
        open_to_appeal = ("EARN", "BONUS", "REVERSE")
        lines = [r for r in self.book.said() if r.month == month and r.kind in open_to_appeal]
        waiting = []
        if wait and lines:
            line = data.draw(st.sampled_from(lines))
            waiting = [{"order": line.order, "person": line.person, "rule": line.rule}]
        self.hear(do="close", month=month, undecided=waiting)
        self.frozen[month] = Counter(row for row in self.book.said() if row.month == month)

    def _month_to_close(self) -> str | None:
        open_ones = [month for month in MONTHS if month not in self.book.locked]
        over = (self.now + timedelta(hours=8)).strftime("%Y-%m")
        return open_ones[0] if open_ones and open_ones[0] < over else None

    @invariant()
    def both_tell_the_same(self) -> None:
        assert Counter(self.book.said()) == Counter(Said(*each) for each in self.oracle.told())

    @invariant()
    def a_closed_month_never_changes(self) -> None:
        said = self.book.said()
        for month, before in self.frozen.items():
            assert Counter(row for row in said if row.month == month) == before

    @invariant()
    def nothing_is_taken_back_beyond_what_was_given(self) -> None:
        for row in self.book.rows:
            if row.kind != "CARRY":
                left, own = remaining(row, self.book.of_order[row.order_id]), worth(row)
                for rest, whole in (
                    (left.points, own.points),
                    (left.amount_minor, own.amount_minor),
                ):
                    assert min(0, whole) <= rest <= max(0, whole)

    @invariant()
    def an_order_never_takes_more_than_it_gave(self) -> None:
        for order in self.book.orders:
            for name in PEOPLE:
                lines = [r for r in self.book.of(order) if r.technician_id == who(name)]
                assert sum(r.amount_minor for r in lines) >= 0

    @invariant()
    def lines_of_an_order_add_up_to_its_shares(self) -> None:
        by_order: dict[Any, list[Any]] = defaultdict(list)
        for row in self.book.rows:
            if row.kind == "EARN":
                by_order[row.order_id].append(row)
        for rows in by_order.values():
            assert sum(Fraction(row.inputs["share"]) for row in rows) == 1
            if not any(row.inputs.get("barred") for row in rows):
                whole = Fraction(rows[0].inputs["order_points"])
                assert sum(Fraction(row.points) for row in rows) == whole
                assert sum(row.amount_minor for row in rows) == rows[0].inputs["order_minor"]

    @invariant()
    def what_moves_between_months_is_not_lost(self) -> None:
        moved: dict[Any, int] = defaultdict(int)
        for row in self.book.rows:
            if row.rule in ("carry-open", "carry-excess"):
                moved[row.rule, row.refers_to, row.inputs["line"]] += row.amount_minor
        assert set(moved.values()) <= {0}

    @invariant()
    def what_was_undone_in_its_own_month_pays_nothing(self) -> None:
        """Whoever appeals: given and taken back at once, it is never kept in part by a limit."""
        months = {row.id: row.period for row in self.book.rows}
        for row in self.book.rows:
            if row.rule in ("carry-excess", "carry-dropped"):
                of = next(each for each in self.book.rows if each.id == row.refers_to)
                assert of.kind != "REVERSE" or months[of.refers_to] != of.period

    @invariant()
    def a_closed_month_keeps_to_its_limit(self) -> None:
        for month in self.frozen:
            for person in {row.technician_id for row in self.book.rows}:
                rows = [
                    row
                    for row in self.book.rows
                    if (row.period, row.technician_id) == (month, person)
                ]
                agreed = sum(min(0, row.amount_minor) for row in rows if row.kind == "ADJUST")
                assert sum(row.amount_minor for row in rows) >= agreed

    def teardown(self) -> None:
        """The same event once more adds nothing, whatever happened since."""
        for what, *named in [each for each in getattr(self, "done", ()) if each[0] == "deduct"]:
            order, person, kind = named
            step = {"do": what, "order": order, "person": person, "kind": kind, "at": self.now}
            before = len(self.book.rows)
            with suppress(EntryDiffers):  # other sums than then: said, and nothing is written
                tell(self.book, step)
            assert len(self.book.rows) == before
        assert next_month("2026-12") == "2027-01"


Months.TestCase.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)
TestMonths = Months.TestCase
