"""The sums of pay again, in whole numbers and fractions (DOMAIN section 5)."""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import NamedTuple
from uuid import UUID


class Earned(NamedTuple):
    """One person's part: hundredths of a point, and fen."""

    hundredths: int
    minor: int


exact = lru_cache(4096)(Fraction)
"""A figure of a card or a share as it is written: the same few, over and over."""


@lru_cache(65536)
def hundredths(points: Decimal) -> int:
    """Points in their hundredths; raises ValueError for what is no whole number of them."""
    value = Fraction(points) * 100
    if value.denominator != 1:
        raise ValueError(f"{points} points are more exact than any line of pay")
    return value.numerator


def half_up(value: Fraction) -> int:
    """The nearest whole number; a half goes up. For values from 0."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def divided(whole: int, exact: dict[UUID, Fraction], leader: UUID) -> dict[UUID, int]:
    """The helpers' parts half-up, or down when they exceed the whole; the leader has the rest."""
    parts = {who: half_up(part) for who, part in exact.items()}
    if sum(parts.values()) > whole:
        parts = {who: floor(part) for who, part in exact.items()}
    parts[leader] = whole - sum(parts.values())
    return parts


def earnings(
    worth: Fraction, point_minor: int, shares: dict[UUID, Fraction], leader: UUID
) -> dict[UUID, Earned]:
    """Points half-up to 0.01 per entry, money half-up to 1 fen, the remainder to the leader."""
    whole = half_up(worth * 100)
    helpers = {who: share for who, share in shares.items() if who != leader}
    hundredths = divided(whole, {who: whole * share for who, share in helpers.items()}, leader)
    value = Fraction(point_minor, 100)
    minor = divided(
        half_up(whole * value), {who: hundredths[who] * value for who in helpers}, leader
    )
    return {who: Earned(hundredths[who], minor[who]) for who in shares}
