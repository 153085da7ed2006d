"""How sure travel and work times are, when something is late, and what counts: data and rules."""

from collections.abc import Mapping
from datetime import time, timedelta
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
UNPLACED_FOR = timedelta(minutes=15)
"""How long a crew that nobody can place is left alone, unless it is measured or gets other orders:
its station may have got a place meanwhile."""
CREWS_AT_ONCE = 20
"""Crews per matrix: about 80 places, some milliseconds."""

STARTS_AT_ONCE = 200
MOST_COMMUNITIES = 2_000
"""The largest matrix of one question of reach: starts are asked in blocks, communities beyond are
left out, and that is said."""

WORST_FIX_M = 100.0
"""A fix that is less accurate says nothing of the road."""
LEAST_MOVE_M = 25.0
"""Nearer than this to the fix before, or than its own accuracy, nobody has moved (8 m of noise at
a standing van, and a car park)."""
LONGEST_GAP = timedelta(minutes=10)
"""Longer without a fix the way between is not known, and is not counted."""
MOST_FIXES = 100
"""Fixes per question to the matching."""
SETTLED_AFTER = timedelta(minutes=10)
"""Phones send in batches, and a crew's phones not at once: younger fixes are left for later."""
RECENT = timedelta(minutes=30)
"""Who had no fix within this is not looked at before the night."""
LONGEST_DRIVE = timedelta(hours=3)
"""A departure without an arrival for longer was forgotten, and holds up nothing."""
LATEST_BATCH = timedelta(hours=48)
"""How far back the night looks for fixes that came late; the positions' own limit."""
NIGHT_LOOKS_BACK = LATEST_BATCH + timedelta(hours=24)
"""The night also sees fixes again that waited for roads until they were LATEST_BATCH old."""
MOST_STRETCHES = 200
"""Stretches that are kept of one drive."""
DRIVES_KEPT = timedelta(days=400)
"""Kilometres are asked for by audits of a year, which come some weeks after its end."""
LEAST_COVER = 0.5
"""Share of the time on the way that must be matched before the drive tells of speeds."""

NIGHT = (time(2, 30), time(5, 0))
"""When speeds are learnt, by the company's clock; a worker that comes later waits a day."""
LEARNT_FROM = timedelta(days=28)
"""Four weeks: every weekday four times (issue 3)."""
FEWEST_DRIVES = 200
"""With fewer nothing is written: some fifty per hour bucket for seven road classes."""


def travel_variance(seconds: float, source: str) -> float:
    """Variance in square seconds of one drive."""
    return (TRAVEL_ERROR[source] * seconds) ** 2


def work_variance(seconds: float) -> float:
    """Variance in square seconds of work on site."""
    return (WORK_ERROR * seconds) ** 2


def spread(variance: float) -> timedelta:
    """From the middle to the 10th or the 90th percentile."""
    return timedelta(seconds=round(P90 * sqrt(variance)))
