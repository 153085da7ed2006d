"""Pure rules of the phone: whose clock is right, and what was doubtful about an act."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

FRESH = timedelta(minutes=2)
"""A position older than this says where the phone was, not where it is."""
INSTANT = timedelta(seconds=2)
"""Nobody reads an order faster: a script accepts (DOMAIN section 6, 接单)."""
DELAY = timedelta(minutes=1)
"""A request that is longer on its way says so by the time that passed, not by the clock."""
RECENT = timedelta(minutes=30)
"""Looks at a clock that tell of the same clock: crystals drift a second in half a day."""
MOVED = timedelta(minutes=1)
"""A time that had to be moved by more is told in the event."""


class Corrected(NamedTuple):
    """When an act happened by our clock, why that is doubtful, and what the phone claimed."""

    at: datetime
    doubts: tuple[str, ...]
    claimed: datetime
    """By our clock, before it was brought into what is possible."""


class Limits(NamedTuple):
    """From when on a time is doubtful."""

    clock_off: timedelta
    back_dated: timedelta
    future: timedelta


def measured_skew_ms(device_at: datetime, now: datetime) -> int:
    """Device clock minus ours in milliseconds, within the range of a 32-bit integer."""
    skew = round((device_at - now).total_seconds() * 1000)
    return max(-(2**31), min(2**31 - 1, skew))


def is_cut(skew_ms: int) -> bool:
    """Whether the skew is so large that `measured_skew_ms` could not tell it."""
    return skew_ms in (-(2**31), 2**31 - 1)


def least_delayed_ms(looks: Sequence[int]) -> int:
    """The truest of several measures of one clock, newest first; at least one.

    The way here only ever takes time, which makes a clock look behind: of measures that differ
    from the newest by no more than a delay can, the greatest is the least delayed. What differs
    by more is of before the clock was set.
    """
    most = looks[0] + DELAY // timedelta(milliseconds=1)
    return max(each for each in looks if each <= most)


def corrected(
    client_at: datetime,
    skew_ms: int | None,
    earliest: datetime | None,
    now: datetime,
    limits: Limits,
    steady_at: datetime | None = None,
) -> Corrected:
    """The time of the act by our clock, never in the future nor before `earliest`.

    `steady_at`, what the phone's steady clock tells, is taken for true; otherwise the client's
    time without the skew. `earliest` is the crew's act before, or when they got the order.
    Doubts: `clock_off` when a large skew had to be taken out, `time_clamped` when the time had to
    be moved, `future_time` and `back_dated` when it had to be moved by more than the limits.
    """
    doubts = []
    skew = timedelta(milliseconds=skew_ms or 0)
    if steady_at is None and abs(skew) > limits.clock_off:
        doubts.append("clock_off")
    claimed = steady_at if steady_at is not None else client_at - skew
    at, moved, _ = possible(claimed, earliest, now)
    doubts += moved
    if claimed - now > limits.future:
        doubts.append("future_time")
    if at - claimed > limits.back_dated:
        doubts.append("back_dated")
    return Corrected(at, tuple(doubts), claimed)


def possible(claimed: datetime, earliest: datetime | None, now: datetime) -> Corrected:
    """The claimed time brought between `earliest` and now; `time_clamped` when that moved it."""
    at = min(claimed, now)
    if earliest is not None:
        at = max(at, min(earliest, now))
    return Corrected(at, ("time_clamped",) if abs(at - claimed) > MOVED else (), claimed)


def steady_time(
    sample_at: datetime, sample_uptime_ms: int, uptime_ms: int, pace: float = 1.0
) -> datetime:
    """When the steady clock showed `uptime_ms`, from one look at it beside ours of the same boot.

    `pace` is business seconds per real second.
    """
    return sample_at - timedelta(milliseconds=(sample_uptime_ms - uptime_ms) * pace)


class Proof(NamedTuple):
    """How an arrival was shown."""

    proved: str | None
    """`code`, `place`, or None."""
    distance_m: int | None
    geofence_m: int
    code_elsewhere: bool


def arrival_proof(
    *,
    distance_m: int | None,
    accuracy_m: float | None,
    mock: bool,
    code_fits: bool,
    geofence_m: int,
    worst_accuracy_m: int,
    code_elsewhere_m: int,
) -> Proof:
    """Whether the technician was at the order's place (DOMAIN section 6, 到场签到).

    A code on the building counts; so does a position whose circle of accuracy touches the
    geofence, unless it is made up or too unsure. A position without accuracy shows nothing.
    """
    sure = not mock and accuracy_m is not None and accuracy_m <= worst_accuracy_m
    inside = distance_m is not None and sure and distance_m - (accuracy_m or 0) <= geofence_m
    elsewhere = code_fits and distance_m is not None and distance_m > code_elsewhere_m
    proved = "code" if code_fits else "place" if inside else None
    return Proof(proved, distance_m, geofence_m, elsewhere)


MOST_GAPS = 20


def gaps(last_seq: int, came: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of numbers above `last_seq` and below the highest of `came` that did not come."""
    found: list[tuple[int, int]] = []
    before = last_seq
    for seq in sorted(each for each in set(came) if each > last_seq):
        if seq > before + 1:
            found.append((before + 1, seq - 1))
        before = seq
    return found[:MOST_GAPS]
