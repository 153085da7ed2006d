"""What a finished order earns whom: pure, exact, and explained step by step (DOMAIN section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from app.catalogue.holidays import DayType
from app.core.i18n import Text
from app.payouts.card import CardRules
from app.payouts.card_sections import TimeBands
from app.payouts.explain import explained, plain

HUNDREDTH = Decimal("0.01")
UNIT = Decimal(1)
ONE = Decimal(1)
Attribution = Literal["pending", "workmanship", "part", "user", "network", "new_fault"]


@dataclass(frozen=True, slots=True)
class Work:
    """One passed completion: what the fault is worth, how it ended, who shared it, who led.

    `attribution` marks an order that repeats an earlier one: it is paid like any other until a
    reviewer has attributed the cause, and its lines say so; after workmanship the people of the
    earlier order, `barred`, get nothing of this one (DOMAIN 5.6).
    """

    base_points: Decimal
    """The fault's points in the catalogue's version."""
    outcome: str
    shares: Mapping[UUID, Decimal]
    leader: UUID
    fault_code: str = ""
    difficulty: str | None = None
    """The reviewer's grade; None is the card's usual one for the fault."""
    started_at: datetime | None = None
    """Local time at which work began; needed by a card with time bands."""
    day_type: DayType | None = None
    zone: str | None = None
    same_trip_as: str | None = None
    """The earlier order of the trip, which has its distance."""
    handed_over: Decimal | None = None
    """The reviewer's judgement of work that was handed over part-done, 0 to 1."""
    merged: bool = False
    """Merged into an incident: the crew's main order alone is paid (DOMAIN 5.3)."""
    attribution: Attribution | None = None
    barred: frozenset[UUID] = frozenset()


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

    Order's points = (base x difficulty x time + distance) x outcome, half-up to 0.01; its money =
    those x fen per point, half-up to 1 fen. Each helper gets share x points, half-up to 0.01, and
    the money of these points, half-up; the leader gets what remains. Should the helpers' half-ups
    together exceed the order, they are rounded down instead, so that nobody's line is negative. A
    share of 0 is a line of 0, and so is that of somebody barred, whose part nobody gets. Raises
    ValueError for shares that are negative or do not sum to exactly 1, for a leader without a
    share of their own, negative points, and for what the card needs or knows not.
    """
    _check(work, card)
    with localcontext(prec=60):  # wide enough that only quantize rounds
        inputs, exact = _worth(work, card)
        order_points = _half_up(exact, HUNDREDTH)
        order_minor = _half_up(order_points * card.point_minor, UNIT)
        helpers = {who: share for who, share in work.shares.items() if who != work.leader}
        exact_points = {who: order_points * share for who, share in helpers.items()}
        points = _divided(order_points, exact_points, HUNDREDTH, work.leader)
        exact_minor = {who: points[who] * card.point_minor for who in helpers}
        minor = _divided(order_minor, exact_minor, UNIT, work.leader)
    inputs |= {
        "order_points": plain(order_points),
        "point_minor": card.point_minor,
        "order_minor": int(order_minor),
        "shares": {str(each): plain(share) for each, share in sorted(work.shares.items())},
        "leader": str(work.leader),
    }
    return [_line(work, inputs, who, points[who], int(minor[who])) for who in sorted(work.shares)]


def part_of(points: Decimal, part: Decimal, point_minor: int) -> tuple[Decimal, int]:
    """A bonus or deduction: part x points, half-up to 0.01, and the money of that, half-up."""
    with localcontext(prec=60):
        share = _half_up(points * part, HUNDREDTH)
        return share, int(_half_up(share * point_minor, UNIT))


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
    if work.handed_over is not None and not 0 <= work.handed_over <= 1:
        raise ValueError("what was handed over is judged between 0 and 1")


def _worth(work: Work, card: CardRules) -> tuple[dict[str, Any], Decimal]:
    """What the whole order is worth before rounding, and each step towards it."""
    value = card.base_of(work.fault_code, work.base_points)
    said: dict[str, Any] = {"rate_card": card.name, "base_points": plain(value)}
    if card.unit == "fen":
        said["unit"] = "fen"
    if card.difficulty is not None:
        grade = card.grade_of(work.fault_code, work.difficulty)
        if grade not in card.difficulty.factors:
            raise ValueError(f"{card.name} knows no difficulty {grade}")
        value *= card.difficulty.factors[grade]
        said |= {"difficulty": grade, "difficulty_factor": plain(card.difficulty.factors[grade])}
    if card.time is not None:
        steps, factor = _time(work, card, card.time)
        value *= factor
        said |= steps
    if card.distance is not None:
        steps, points = _distance(work, card)
        value += points
        said |= steps
    factor = _outcome(work, card)
    said |= {"outcome": work.outcome, "outcome_factor": plain(factor)}
    if work.merged:
        said["merged"] = True
        factor = Decimal(0)
    return said, value * factor


def _time(work: Work, card: CardRules, bands: TimeBands) -> tuple[dict[str, Any], Decimal]:
    """The greatest factor of those that hold; among equals the first of the list says its name."""
    if work.started_at is None or work.day_type is None:
        raise ValueError(f"{card.name} pays by time, but nobody says when work began")
    holds = {"day": ONE}
    if at_night(work.started_at.time(), bands):
        holds["night"] = bands.night
    if work.day_type != "workday":
        holds[work.day_type] = bands.rest if work.day_type == "rest" else bands.holiday
    band = max(holds, key=lambda name: holds[name])
    steps = {
        "started_at": work.started_at.isoformat(),
        "day_type": work.day_type,
        "time_band": band,
        "time_factor": plain(holds[band]),
    }
    return steps, holds[band]


def at_night(at: time, bands: TimeBands) -> bool:
    """Whether a local time lies in the night, which may reach over midnight."""
    begins, ends = bands.night_from, bands.night_until
    if begins <= ends:
        return begins <= at < ends
    return at >= begins or at < ends


def _distance(work: Work, card: CardRules) -> tuple[dict[str, Any], Decimal]:
    assert card.distance is not None
    points = card.counted(card.distance.of(work.zone))
    said: dict[str, Any] = {"zone": work.zone}
    if work.same_trip_as is not None and points:
        said["same_trip_as"] = work.same_trip_as
        points = Decimal(0)
    return said | {"distance_points": plain(points)}, points


def _outcome(work: Work, card: CardRules) -> Decimal:
    if work.outcome == "handed_over" and work.handed_over is not None:
        return work.handed_over
    return card.outcome_factors[work.outcome]


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
    work: Work, order: Mapping[str, Any], who: UUID, points: Decimal, amount_minor: int
) -> Line:
    inputs = dict(order) | {"share": plain(work.shares[who])}
    if work.attribution is not None:
        inputs["attribution"] = work.attribution
    if who in work.barred:
        inputs["barred"] = True
        points, amount_minor = Decimal("0.00"), 0
    is_rest = who == work.leader and len(work.shares) > 1
    words = explained(inputs, points, amount_minor, with_rest=is_rest)
    return Line(who, points, amount_minor, inputs, words)
