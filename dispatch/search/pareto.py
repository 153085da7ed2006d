"""Sets of labels of which none equals or beats another."""

from __future__ import annotations

from dispatch.search.compiled import part
from dispatch.search.layout import (
    AT,
    LATE,
    TAKEN,
    Ints,
)


@part
def keep(labels: Ints, count: int, at: int, taken: int, late: int) -> int:
    """Add a label unless another equals or beats it; returns how many there are.

    A full set loses its latest label, never the earliest with so many rests: what can be driven
    stays so. Sets must hold more labels than there can be rests.
    """
    kept = 0
    for i in range(count):
        if labels[i, AT] <= at and labels[i, LATE] <= late and labels[i, TAKEN] >= taken:
            return count
    for i in range(count):
        if at <= labels[i, AT] and late <= labels[i, LATE] and taken >= labels[i, TAKEN]:
            continue
        if kept != i:
            labels[kept] = labels[i]
        kept += 1
    if kept == labels.shape[0]:
        worst = -1
        for i in range(kept):
            for j in range(kept):
                spare = i != j and labels[j, TAKEN] == labels[i, TAKEN]
                if spare and labels[j, AT] <= labels[i, AT]:
                    if worst < 0 or labels[i, AT] > labels[worst, AT]:
                        worst = i
                    break
        kept -= 1
        labels[worst] = labels[kept]
    labels[kept, AT] = at
    labels[kept, TAKEN] = taken
    labels[kept, LATE] = late
    return kept + 1
