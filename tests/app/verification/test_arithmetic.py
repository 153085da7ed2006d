"""The other code's own sums and texts, against the first code's on what nobody thought of."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.chain import canonical_json, chained_hash
from app.payouts.card import OUTCOMES, CardRules
from app.payouts.engine import Work, earn
from app.verification.arithmetic import earnings
from app.verification.chain import FIRST_PREV, canonical, link
from app.verification.clocks import Run
from app.verification.difference import Difference
from app.verification.serials import compare

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.uuids()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year >= 1900)
    | st.decimals(-10_000_000_000, 10_000_000_000, places=2)
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(), _VALUES, max_size=4))
def test_two_writers_of_canonical_text_agree(row: dict[str, object]) -> None:
    assert canonical(row).encode() == canonical_json(row)
    assert link(FIRST_PREV, row) == chained_hash(FIRST_PREV, row)


def test_what_has_no_canonical_text_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        canonical({"a": {1}})


@st.composite
def _shares(draw: st.DrawFn) -> dict[UUID, Decimal]:
    people = draw(st.lists(st.uuids(), min_size=1, max_size=7, unique=True))
    cuts = sorted(
        draw(st.lists(st.integers(0, 10_000), min_size=len(people) - 1, max_size=len(people) - 1))
    )
    edges = [0, *cuts, 10_000]
    parts = [high - low for low, high in pairwise(edges)]
    return {who: Decimal(part) / 10_000 for who, part in zip(people, parts, strict=True)}


@settings(deadline=None)
@given(
    _shares(),
    st.decimals(0, 600, places=2),
    st.sampled_from(["1", "0.5", "0.3", "0.77"]),
    st.integers(1, 2_000),
)
def test_two_calculators_of_pay_agree(
    shares: dict[UUID, Decimal], base: Decimal, factor: str, point_minor: int
) -> None:
    leader = min(shares)
    factors = dict.fromkeys(OUTCOMES, factor)
    shared = {"leader": "0.55", "helpers": "0.45"}
    rules = {"outcome_factors": factors, "default_shares": shared}
    card = CardRules.of("a card", point_minor, rules)
    lines = earn(Work(base, "fixed", shares, leader), card)
    parts = earnings(
        Fraction(base) * Fraction(factor),
        point_minor,
        {who: Fraction(share) for who, share in shares.items()},
        leader,
    )
    said = {line.technician_id: (line.points * 100, line.amount_minor) for line in lines}
    assert said == {who: tuple(part) for who, part in parts.items()}


def test_a_hold_from_before_a_span_pauses_it_from_its_start() -> None:
    start = datetime(2026, 1, 15, tzinfo=UTC)
    run = Run(start)
    run.pause(start - timedelta(minutes=5))
    run.go_on(start + timedelta(minutes=2))
    assert run.paused_s == 120


def test_serials_want_every_number_once() -> None:
    found = list(
        compare(
            ["S01-260115-0001", "S01-260115-0003", "S01-260115-0003"],
            {"S01-260115": 3, "S02-260115": 1},
        )
    )
    assert [(each.subject, each.stored) for each in found] == [
        ("S01-260115-0002", "given 0 times"),
        ("S01-260115-0003", "given 2 times"),
        ("S02-260115-0001", "given 0 times"),
        ("S02-260115 counter", "1"),
    ]


def test_a_difference_is_one_readable_line() -> None:
    difference = Difference("states", "S01-260115-0001 state", "CLOSED", "DONE")
    assert str(difference) == "[states] S01-260115-0001 state: stored CLOSED, expected DONE"
    assert difference.as_dict() == {
        "check": "states",
        "subject": "S01-260115-0001 state",
        "stored": "CLOSED",
        "expected": "DONE",
    }
