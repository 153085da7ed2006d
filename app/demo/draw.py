"""Fair draws: shares turned into whole numbers, and places drawn by how often they call."""

from collections.abc import Sequence
from random import Random


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to `shares` that add up to `total` (largest remainders)."""
    whole = sum(shares)
    exact = [total * share / whole for share in shares]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    return counts


def draw_by_weight(random: Random, weights: Sequence[float], count: int) -> list[int]:
    """`count` indices, each drawn in proportion to its weight, in random order.

    Systematic sampling: index i comes floor or ceil of count x weight / total times, so a place
    that calls more than its share comes again, and neighbours in the list are not all drawn.
    """
    step = sum(weights) / count
    mark = random.random() * step
    drawn: list[int] = []
    passed = 0.0
    for index, weight in enumerate(weights):
        passed += weight
        while mark < passed and len(drawn) < count:
            drawn.append(index)
            mark += step
    drawn.extend([len(weights) - 1] * (count - len(drawn)))
    random.shuffle(drawn)
    return drawn
