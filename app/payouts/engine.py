"""What a finished order earns whom: pure, exact, and explained step by step (DOMAIN section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any
from uuid import UUID

from app.core.i18n import Text
from app.payouts.card import CardRules
from app.payouts.explain import explained, plain

HUNDREDTH = Decimal("0.01")
UNIT = Decimal(1)


@dataclass(frozen=True, slots=True)
class Work:
    """One passed completion: what the fault is worth, how it ended, who shared it, who led.

    `rework` marks an order that repairs an earlier one: it is paid like any other until a
    reviewer has attributed the cause (DOMAIN 5.6), and its lines say so.
    """

    base_points: Decimal
    outcome: str
    shares: Mapping[UUID, Decimal]
    leader: UUID
    rework: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One person's pay for one order: points to 0.01, money in fen, all that it was made of."""

    technician_id: UUID
    points: Decimal
    amount_minor: int
    inputs: dict[str, Any]
    explanation: Text


def earn(work: Work, card: CardRules) -> list[Line]:
    """A line per share, in ascending technician id; the lines add up exactly to the order.

    Order's points = base x outcome factor, half-up to 0.01; its money = those x fen per point,
    half-up to 1 fen. Each helper gets share x points, half-up to 0.01, and the money of these
    points, half-up; the leader gets what remains. Should the helpers' half-ups together exceed
    the order, they are rounded down instead, so that nobody's line is negative. A share of 0 is
    a line of 0. Raises ValueError for shares that are negative or do not sum to exactly 1, for a
    leader without a share of their own, negative points and unknown outcomes.
    """
    _check(work, card)
    with localcontext(prec=60):  # wide enough that only quantize rounds
        factor = card.outcome_factors[work.outcome]
        order_points = _half_up(work.base_points * factor, HUNDREDTH)
        order_minor = _half_up(order_points * card.point_minor, UNIT)
        helpers = {who: share for who, share in work.shares.items() if who != work.leader}
        exact_points = {who: order_points * share for who, share in helpers.items()}
        points = _divided(order_points, exact_points, HUNDREDTH, work.leader)
        exact_minor = {who: points[who] * card.point_minor for who in helpers}
        minor = _divided(order_minor, exact_minor, UNIT, work.leader)
    return [
        _line(work, card, who, points, int(minor[who]), order_minor=int(order_minor))
        for who in sorted(work.shares)
    ]


def _check(work: Work, card: CardRules) -> None:
    if work.outcome not in card.outcome_factors:
        raise ValueError(f"{card.name} does not say what the outcome {work.outcome} earns")
    if work.base_points < 0:
        raise ValueError("a fault's points cannot be negative")
    if any(share < 0 for share in work.shares.values()):
        raise ValueError("a share cannot be negative")
    if sum(map(Fraction, work.shares.values())) != 1:  # a Decimal sum would round
        raise ValueError("the shares do not sum to exactly 1")
    if work.leader not in work.shares:
        raise ValueError("the leader has no share")


def _half_up(value: Decimal, step: Decimal) -> Decimal:
    return value.quantize(step, ROUND_HALF_UP)


def _divided(
    whole: Decimal, exact: Mapping[UUID, Decimal], step: Decimal, leader: UUID
) -> dict[UUID, Decimal]:
    """The helpers' parts rounded, the leader's what remains; the parts sum to `whole`."""
    parts = {who: _half_up(value, step) for who, value in exact.items()}
    if sum(parts.values(), Decimal(0)) > whole:
        parts = {who: value.quantize(step, ROUND_DOWN) for who, value in exact.items()}
    parts[leader] = whole - sum(parts.values(), Decimal(0))
    return parts


def _line(
    work: Work,
    card: CardRules,
    who: UUID,
    points: Mapping[UUID, Decimal],
    amount_minor: int,
    *,
    order_minor: int,
) -> Line:
    inputs: dict[str, Any] = {
        "rate_card": card.name,
        "base_points": plain(work.base_points),
        "outcome": work.outcome,
        "outcome_factor": plain(card.outcome_factors[work.outcome]),
        "order_points": plain(sum(points.values(), Decimal(0))),
        "point_minor": card.point_minor,
        "order_minor": order_minor,
        "shares": {str(each): plain(share) for each, share in sorted(work.shares.items())},
        "leader": str(work.leader),
        "share": plain(work.shares[who]),
    }
    if work.rework:
        inputs["attribution"] = "pending"
    return Line(
        technician_id=who,
        points=points[who],
        amount_minor=amount_minor,
        inputs=inputs,
        explanation=explained(
            inputs, points[who], amount_minor, is_leader=who == work.leader, alone=len(points) == 1
        ),
    )
