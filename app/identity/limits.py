"""How much one phone, and one person, may ask of this process: requests and bytes.

Buckets fill in real time and live in the memory of one process: they keep a broken phone from
starving the others, and count nothing that would have to survive.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from uuid import UUID

from app.core import clock
from app.core.scope import Principal
from app.core.settings import Settings
from app.identity.errors import TooManyRequests

MOST_BUCKETS = 20_000
"""The longest unused are forgotten; they were full again anyway."""
PERSON_FACTOR = 2
"""A person may use two phones as fast as one."""


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Buckets:
    """Amounts per key: `burst` at once, then `rate` a second."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._of: OrderedDict[tuple[str, UUID], _Bucket] = OrderedDict()

    def wait_s(self, key: tuple[str, UUID], amount: float, now: float, factor: float) -> float:
        """Take `amount` and return 0, or take nothing and return the seconds until it is there.

        More than a whole burst passes when the bucket is full: it could never pass otherwise.
        """
        burst, rate = self.burst * factor, self.rate * factor
        bucket = self._of.pop(key, None) or _Bucket(burst, now)
        bucket.level = min(burst, bucket.level + (now - bucket.at) * rate)
        bucket.at = now
        self._of[key] = bucket
        if len(self._of) > MOST_BUCKETS:
            self._of.popitem(last=False)
        missing = min(amount, burst) - bucket.level
        if missing > 0:
            return missing / rate
        bucket.level -= amount
        return 0.0


class PhoneLimits:
    """The limits of this process; desk screens and API keys have none."""

    def __init__(self, settings: Settings) -> None:
        self._requests = Buckets(settings.phone_requests_per_s, settings.phone_requests_burst)
        self._bytes = Buckets(settings.phone_bytes_per_s, settings.phone_bytes_burst)

    def spend(self, principal: Principal, size_bytes: int) -> None:
        """Count one request of a phone; raises TooManyRequests with the seconds to wait."""
        if principal.device_id is None:
            return
        now = clock.monotonic()
        holders = (("device", principal.device_id, 1), ("user", principal.id, PERSON_FACTOR))
        for limit, buckets, amount in (
            ("requests", self._requests, 1),
            ("bytes", self._bytes, size_bytes),
        ):
            for whose, key, factor in holders:
                wait_s = buckets.wait_s((whose, key), amount, now, factor)
                if wait_s > 0:
                    raise TooManyRequests(ceil(wait_s), f"{limit} per {whose}")
