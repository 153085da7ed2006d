"""Pure rules of the phone: whose clock is right, and what was doubtful about an act."""

from datetime import datetime, timedelta
from typing import NamedTuple

SKEW_SUSPICIOUS = timedelta(minutes=5)
"""A phone's clock that is further off is told to the reviewer (ARCHITECTURE, two clocks)."""
FRESH = timedelta(minutes=2)
"""A position older than this says where the phone was, not where it is."""
INSTANT = timedelta(seconds=2)
"""Nobody reads an order faster: a script accepts (DOMAIN section 6, 接单)."""
GEOFENCE_M = {"urban": 150, "rural": 500, "remote": 500}
"""Around the order's place, by zone (DOMAIN section 6, 到场签到)."""


class Corrected(NamedTuple):
    """When an act happened by our clock, and why that is doubtful."""

    at: datetime
    doubts: tuple[str, ...]


def measured_skew_ms(device_at: datetime, now: datetime) -> int:
    """Device clock minus ours in milliseconds, within the range of a 32-bit integer."""
    skew = round((device_at - now).total_seconds() * 1000)
    return max(-(2**31), min(2**31 - 1, skew))


def corrected(
    client_at: datetime, skew_ms: int | None, earliest: datetime | None, now: datetime
) -> Corrected:
    """The client's time without the skew, never in the future nor before `earliest`.

    `earliest` is the crew's act before, or when they got the order. Doubts: `clock_off` when the
    skew is large, `time_clamped` when the time had to be moved by more than a minute.
    """
    doubts = []
    skew = timedelta(milliseconds=skew_ms or 0)
    if abs(skew) > SKEW_SUSPICIOUS:
        doubts.append("clock_off")
    claimed = client_at - skew
    at = min(claimed, now)
    if earliest is not None:
        at = max(at, min(earliest, now))
    if abs(at - claimed) > timedelta(minutes=1):
        doubts.append("time_clamped")
    return Corrected(at, tuple(doubts))
