"""How sure travel and work times are, when something is late, and what counts: data and rules."""

from collections.abc import Mapping
from datetime import timedelta
from math import sqrt

TRAVEL_ERROR: Mapping[str, float] = {"osrm": 0.25, "estimate": 0.30}
"""Standard deviation of a drive's time over what was foretold, by source.

`osrm`: judgement of 2026-11 for signals, queues and parking, not measured; the runs of the nightly
learning say what it is here. `estimate`: the same and the power law's own error against roads
(ROUTING: 90th percentile 25 %, so one deviation is 15 %), added as variances.
"""
WORK_ERROR = 0.40
"""Standard deviation of work on site over the catalogue's minutes; judgement of 2026-11."""
P90 = 1.2816
"""Deviations from the middle to the 10th and 90th percentile of a normal distribution."""

LEAST_DRIVE_S = 120
"""A crew that should be there and is not needs at least this long still."""
LATE_AFTER = timedelta(seconds=LEAST_DRIVE_S)
"""How long after a departure was due its absence is believed."""
TELL_AFTER = timedelta(minutes=5)
"""An arrival that moved by more than this is told (issue 3, 8)."""
CREWS_AT_ONCE = 20
"""Crews per matrix: about 80 places, some milliseconds."""


def travel_variance(seconds: float, source: str) -> float:
    """Variance in square seconds of one drive."""
    return (TRAVEL_ERROR[source] * seconds) ** 2


def work_variance(seconds: float) -> float:
    """Variance in square seconds of work on site."""
    return (WORK_ERROR * seconds) ** 2


def spread(variance: float) -> timedelta:
    """From the middle to the 10th or the 90th percentile."""
    return timedelta(seconds=round(P90 * sqrt(variance)))
