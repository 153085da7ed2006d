"""Chance for kernels: xorshift64*, so that a seed gives the same run on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dispatch.search.compiled import part

Dice = NDArray[np.uint64]
"""One cell: the state, never zero."""


def dice_of(seed: int) -> Dice:
    """Return the generator of a seed."""
    word = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] | np.uint64(1)
    return np.array([word], dtype=np.uint64)


@part
def draw(dice: Dice) -> float:
    """A number in [0, 1)."""
    word = dice[0]
    word ^= word >> np.uint64(12)
    word ^= word << np.uint64(25)
    word ^= word >> np.uint64(27)
    dice[0] = word
    scrambled = word * np.uint64(2685821657736338717)
    return float(scrambled >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@part
def draw_below(dice: Dice, count: int) -> int:
    """A whole number in 0..count-1."""
    return int(draw(dice) * count)
