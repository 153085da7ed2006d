"""The engine: exact, and explained."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payouts.card import OUTCOMES, CardRules
from app.payouts.engine import Line, Work, earn

LEADER, HELPER, THIRD = (UUID(int=number) for number in (9, 2, 3))
"""The leader has the highest id, so that order of ids and of posts differ."""


def card(point_minor: int = 500, **factors: str) -> CardRules:
    given_ = {outcome: factors.get(outcome, "1") for outcome in OUTCOMES}
    shares = {"leader": "0.55", "helpers": "0.45"}
    rules = {"outcome_factors": given_, "default_shares": shares}
    return CardRules.of("测试价目", point_minor, rules)


def work(base: str, shares: dict[UUID, str], outcome: str = "fixed", **more: Any) -> Work:
    parts = {who: Decimal(share) for who, share in shares.items()}
    return Work(Decimal(base), outcome, parts, LEADER, **more)


def paid(lines: list[Line]) -> dict[UUID, tuple[str, int]]:
    return {line.technician_id: (str(line.points), line.amount_minor) for line in lines}


class TestEarn:
    def test_a_pair_shares_points_and_money(self) -> None:
        lines = earn(work("20", {LEADER: "0.55", HELPER: "0.45"}), card())
        assert paid(lines) == {HELPER: ("9.00", 4500), LEADER: ("11.00", 5500)}

    def test_the_outcome_weighs_the_points(self) -> None:
        lines = earn(work("9", {LEADER: "1"}, "absent"), card(absent="0.3"))
        assert paid(lines) == {LEADER: ("2.70", 1350)}

    def test_the_helpers_half_rounds_up_and_the_leader_gets_what_remains(self) -> None:
        # 0.45 x 2.50 = 1.125 -> 1.13; the leader gets 1.37 instead of 1.38.
        lines = earn(work("2.50", {LEADER: "0.55", HELPER: "0.45"}), card())
        assert paid(lines) == {HELPER: ("1.13", 565), LEADER: ("1.37", 685)}

    def test_a_positive_remainder_is_the_leaders(self) -> None:
        # Thirds of 2.00: 0.66 + 0.66 (0.6666 -> 0.67 each) leaves 0.66.
        shares = {LEADER: "0.3334", HELPER: "0.3333", THIRD: "0.3333"}
        lines = earn(work("2.02", shares), card())
        assert paid(lines) == {HELPER: ("0.67", 335), THIRD: ("0.67", 335), LEADER: ("0.68", 340)}

    def test_money_is_rounded_to_the_fen_with_the_remainder_to_the_leader(self) -> None:
        # 0.45 points x 333 fen = 149.85 -> 150; the order's 333 leave 183.
        lines = earn(work("1", {LEADER: "0.55", HELPER: "0.45"}), card(point_minor=333))
        assert paid(lines) == {HELPER: ("0.45", 150), LEADER: ("0.55", 183)}

    def test_a_trainee_at_0_has_a_line_of_0(self) -> None:
        lines = earn(work("6", {LEADER: "1", HELPER: "0"}), card())
        assert paid(lines) == {HELPER: ("0.00", 0), LEADER: ("6.00", 3000)}

    def test_nobodys_line_is_negative_though_many_helpers_round_up(self) -> None:
        helpers = {UUID(int=number): "0.11" for number in range(100, 109)}
        lines = earn(work("0.50", {LEADER: "0.01"} | helpers), card())
        assert {line.points for line in lines} == {Decimal("0.05")}  # 9 x 0.055 rounded down

    @pytest.mark.parametrize(
        "broken",
        [
            work("6", {LEADER: "0.55", HELPER: "0.44"}),
            work("6", {LEADER: "0.55", HELPER: "0.4500000000000000000000000000001"}),
            work("6", {LEADER: "1.1", HELPER: "-0.1"}),
            work("6", {HELPER: "1"}),
            work("-6", {LEADER: "1"}),
            work("6", {LEADER: "1"}, "gone_home"),
        ],
    )
    def test_refuses_what_cannot_be_paid(self, broken: Work) -> None:
        with pytest.raises(ValueError, match=r"share|points|outcome"):
            earn(broken, card())


class TestLine:
    def test_its_inputs_alone_make_it_again(self) -> None:
        rules = card(480, refused="0.3")
        for line in earn(work("13", {LEADER: "0.6", HELPER: "0.4"}, "refused"), rules):
            said = line.inputs
            again = earn(
                Work(
                    Decimal(said["base_points"]),
                    said["outcome"],
                    {UUID(who): Decimal(share) for who, share in said["shares"].items()},
                    UUID(said["leader"]),
                ),
                card(said["point_minor"], refused=said["outcome_factor"]),
            )
            assert line in again

    def test_tells_each_step_in_both_languages(self) -> None:
        helper, leader = earn(work("6", {LEADER: "0.55", HELPER: "0.45"}), card())
        assert helper.explanation.zh == (
            "基础 6 分；× 结果“已修复”1 = 6 分；× 分成 0.45 = 2.70 分；"
            "× 5.00 元/分 = 13.50 元；价目：测试价目"
        )
        assert leader.explanation.en == (
            "base 6 points; x outcome 'fixed' 1 = 6 points; x share 0.55 = 3.30 points with the"
            " remainder; x 5.00 CNY per point = 16.50 CNY; rate card: 测试价目"
        )

    def test_of_a_rework_says_that_the_cause_is_not_attributed(self) -> None:
        (line,) = earn(work("6", {LEADER: "1"}, attribution="pending"), card())
        assert line.inputs["attribution"] == "pending"
        assert "责任待定" in line.explanation.zh
        assert paid([line]) == {LEADER: ("6.00", 3000)}


@st.composite
def any_work(draw: Callable[..., object]) -> tuple[Work, CardRules]:
    """Any crew with any exact split in steps of 0.0001, any points, factor and rate."""
    cuts = draw(st.lists(st.integers(1, 9999), max_size=12, unique=True))
    assert isinstance(cuts, list)
    edges = [0, *sorted(cuts), 10_000]
    steps = [right - left for left, right in pairwise(edges)]
    shares = {UUID(int=place + 1): Decimal(step) / 10_000 for place, step in enumerate(steps)}
    leader = draw(st.sampled_from(sorted(shares)))
    base = draw(st.decimals(0, 1000, places=2))
    factor = draw(st.decimals(0, 1, places=2))
    point_minor = draw(st.integers(1, 5000))
    assert isinstance(leader, UUID) and isinstance(base, Decimal)
    assert isinstance(point_minor, int)
    return Work(base, "fixed", shares, leader), card(point_minor, fixed=str(factor))


@given(any_work())
def test_lines_add_up_exactly_and_each_is_near_its_share(given_: tuple[Work, CardRules]) -> None:
    done, rules = given_
    lines = earn(done, rules)
    exact = Fraction(done.base_points) * Fraction(rules.outcome_factors["fixed"])
    whole = Fraction(int(exact * 100 + Fraction(1, 2)), 100)
    minor = int(whole * rules.point_minor + Fraction(1, 2))
    assert sum(Fraction(line.points) for line in lines) == whole
    assert sum(line.amount_minor for line in lines) == minor
    assert [line.technician_id for line in lines] == sorted(done.shares)
    assert all(line.points >= 0 and line.amount_minor >= 0 for line in lines)
    for line in lines:
        share = whole * Fraction(done.shares[line.technician_id])
        steps = len(lines) - 1 if line.technician_id == done.leader else 1
        assert abs(Fraction(line.points) - share) <= Fraction(steps, 100)
        assert line.points == line.points.quantize(Decimal("0.01"))


@given(any_work())
def test_the_leader_alone_carries_the_remainder(given_: tuple[Work, CardRules]) -> None:
    done, rules = given_
    lines = {line.technician_id: line for line in earn(done, rules)}
    whole = sum(Fraction(line.points) for line in lines.values())
    exact = {who: whole * Fraction(share) for who, share in done.shares.items()}
    helpers = [who for who in lines if who != done.leader]
    half_up = {who: Fraction(int(exact[who] * 100 + Fraction(1, 2)), 100) for who in helpers}
    down = {who: Fraction(int(exact[who] * 100), 100) for who in helpers}
    expected = half_up if sum(half_up.values()) <= whole else down
    assert {who: Fraction(lines[who].points) for who in helpers} == expected
