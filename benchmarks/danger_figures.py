"""What `benchmarks.danger` has measured, told: samples and their percentiles, in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

LONGEST_S: Final = 60.0
"""How long the last pushes are waited for."""
Figures = dict[str, Any]


@dataclass(slots=True)
class Sample:
    """One danger order."""

    began: datetime
    """When the request left, by the real clock; so are the others."""
    busy: bool
    """Whether a search was running."""
    answered: datetime | None = None
    order_id: str | None = None
    sent: datetime | None = None
    """When the order was given to a crew."""
    pushed: datetime | None = None


def figures(samples: Sequence[Sample]) -> Figures:
    """Of danger that comes one by one; its p99 counts what came while a plan was searched for."""
    waits, never = _waits(samples)
    busy, _ = _waits([sample for sample in samples if sample.busy])
    return {
        "dangers": len(samples),
        "never_pushed": never,
        "while_searching": sum(sample.busy for sample in samples),
        "danger_p50_s": _percentile(waits, 50),
        "danger_p90_s": _percentile(waits, 90),
        # One never pushed has waited longer than any that was.
        "danger_p99_s": LONGEST_S if never else _percentile(busy, 99),
        "danger_most_s": round(max(waits), 3) if waits else None,
        "parts_p50_s": _parts(samples),
        "samples_s": _told_samples(samples),
    }


def burst_figures(samples: Sequence[Sample]) -> Figures:
    """Of danger that comes ten within a second; all of it counts, most within a search."""
    waits, never = _waits(samples)
    return {
        "danger_burst_dangers": len(samples),
        "danger_burst_never_pushed": never,
        "danger_burst_while_searching": sum(sample.busy for sample in samples),
        "danger_burst_p50_s": _percentile(waits, 50),
        "danger_burst_p99_s": LONGEST_S if never else _percentile(waits, 99),
        "danger_burst_most_s": round(max(waits), 3) if waits else None,
        "danger_burst_parts_p50_s": _parts(samples),
        "danger_burst_samples_s": _told_samples(samples),
    }


def _waits(samples: Sequence[Sample]) -> tuple[list[float], int]:
    """Seconds from the request to the push, and how many were never pushed."""
    heard = [(s.pushed - s.began).total_seconds() for s in samples if s.pushed]
    return heard, len(samples) - len(heard)


def _parts(samples: Sequence[Sample]) -> dict[str, float]:
    """Medians of where the time goes."""
    pairs = {
        "request": [(s.began, s.answered) for s in samples],
        "to_crew": [(s.answered, s.sent) for s in samples],
        "to_push": [(s.sent, s.pushed) for s in samples],
    }
    return {
        name: _percentile([(b - a).total_seconds() for a, b in times if a and b], 50)
        for name, times in pairs.items()
    }


def _told_samples(samples: Sequence[Sample]) -> list[list[float | None]]:
    return [
        [
            round((at - s.began).total_seconds(), 3) if at else None
            for at in (s.answered, s.sent, s.pushed)
        ]
        for s in samples
    ]


def _percentile(values: Sequence[float], share: float) -> float:
    return round(float(np.percentile(values, share)), 3) if values else LONGEST_S
