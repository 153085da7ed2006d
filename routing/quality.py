"""Checks of travel times that no single answer can show."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from routing.answers import Matrix

_LONGEST_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class TriangleExcess:
    """By how much a direct drive takes longer than one over a third place, in seconds.

    OSRM answers each pair by its own quickest way, turns and snapping at the ends included, so
    that a few triples break the triangle inequality by some seconds (ROUTING: 0.07 % of triples,
    worst 268 s). A plan that passes a third place may then look shorter than the direct leg.
    `share` is that of triples with any excess; `p999_s` and `worst_s` count all triples, an excess
    beyond an hour as an hour.
    """

    triples: int
    share: float
    p999_s: int
    worst_s: int


def triangle_excess(matrix: Matrix, *, through: int = 200) -> TriangleExcess:
    """Compare each reachable pair with the ways over `through` places, spread over the matrix.

    Takes square matrices only, raises ValueError for others.
    """
    seconds = matrix.seconds.astype(np.int64)
    count = len(seconds)
    if seconds.shape != (count, count):
        raise ValueError("the triangle inequality needs a square matrix")
    counts = np.zeros(_LONGEST_S + 1, dtype=np.int64)
    for middle in np.unique(np.linspace(0, count - 1, min(through, count)).astype(np.intp)):
        direct = _reachable(matrix, int(middle))
        over = seconds[:, middle, None] + seconds[None, middle, :]
        excess = np.clip((seconds - over)[direct], 0, _LONGEST_S)
        counts += np.bincount(excess, minlength=_LONGEST_S + 1)
    total = int(counts.sum())
    if not total:
        return TriangleExcess(0, 0.0, 0, 0)
    return TriangleExcess(
        triples=total,
        share=float(counts[1:].sum() / total),
        p999_s=int(np.searchsorted(counts.cumsum(), 0.999 * total)),
        worst_s=int(np.flatnonzero(counts)[-1]),
    )


def _reachable(matrix: Matrix, middle: int) -> NDArray[np.bool_]:
    """Mark the pairs of different places that are joined directly and over `middle`."""
    lost = matrix.unreachable
    joined = ~(lost | lost[:, middle, None] | lost[None, middle, :])
    joined[middle, :] = joined[:, middle] = False
    np.fill_diagonal(joined, val=False)
    return joined
