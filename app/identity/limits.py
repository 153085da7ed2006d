"""How much one phone, and one person, may ask of this process: requests and bytes.

Buckets fill in real time and live in the memory of one process: they keep a broken phone from
starving the others, and count nothing that would have to survive.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from uuid import UUID

from app.core import clock
from app.core.permissions import Permission
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

        An amount of 0 passes unless more was charged than there was.
        """
        bucket = self._filled(key, now, factor)
        missing = amount - bucket.level
        if missing > 0:
            return missing / (self.rate * factor)
        bucket.level -= amount
        return 0.0

    def charge(self, key: tuple[str, UUID], amount: float, now: float, factor: float) -> None:
        """Take what has come already, into debt if need be: whoever comes next waits for it."""
        self._filled(key, now, factor).level -= amount

    def _filled(self, key: tuple[str, UUID], now: float, factor: float) -> _Bucket:
        burst = self.burst * factor
        bucket = self._of.pop(key, None) or _Bucket(burst, now)
        bucket.level = min(burst, bucket.level + (now - bucket.at) * self.rate * factor)
        bucket.at = now
        self._of[key] = bucket
        if len(self._of) > MOST_BUCKETS:
            self._of.popitem(last=False)
        return bucket


class PhoneLimits:
    """The limits of this process on phones; desk screens and API keys have none."""

    def __init__(self, settings: Settings) -> None:
        self._requests = Buckets(settings.phone_requests_per_s, settings.phone_requests_burst)
        self._bytes = Buckets(settings.phone_bytes_per_s, settings.phone_bytes_burst)

    def admit(self, principal: Principal) -> None:
        """Count one request of a phone; raises TooManyRequests with the seconds to wait."""
        now = clock.monotonic()
        # Bytes are counted when they are here: a header may say anything, or nothing.
        for limit, buckets, amount in (("requests", self._requests, 1), ("bytes", self._bytes, 0)):
            for whose, key, factor in _holders(principal):
                wait_s = buckets.wait_s((whose, key), amount, now, factor)
                if wait_s > 0:
                    raise TooManyRequests(ceil(wait_s), f"{limit} per {whose}")

    def charge(self, principal: Principal, size_bytes: int) -> None:
        """Count bytes that a phone has sent."""
        now = clock.monotonic()
        for whose, key, factor in _holders(principal):
            self._bytes.charge((whose, key), size_bytes, now, factor)


def _holders(principal: Principal) -> Iterator[tuple[str, UUID, int]]:
    """Whose buckets count; a technician's sign-in that names no device is one by itself."""
    device_id = principal.device_id
    if device_id is None and principal.may(Permission.PHONE):
        device_id = principal.session_id
    if device_id is not None and not principal.is_api_key:
        yield "device", device_id, 1
        yield "user", principal.id, PERSON_FACTOR
