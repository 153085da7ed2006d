"""How often a stranger may ask for what a link shows, per address and per link, in this process."""

from math import ceil
from uuid import NAMESPACE_URL, uuid5

from app.core import clock
from app.identity.errors import TooManyRequests
from app.identity.limits import Buckets

PER_ADDRESS = (2.0, 60.0)
"""Requests a second, and at once: a whole house may share one address."""
PER_LINK = (0.5, 20.0)


class PublicLimits:
    """Counts requests without a sign-in."""

    def __init__(self) -> None:
        self._addresses = Buckets(*PER_ADDRESS)
        self._links = Buckets(*PER_LINK)

    def spend(self, address: str, link: str) -> None:
        """Count one request; raises TooManyRequests with the seconds to wait."""
        now = clock.monotonic()
        for whose, buckets, value in (
            ("address", self._addresses, address),
            ("link", self._links, link),
        ):
            wait_s = buckets.wait_s((whose, uuid5(NAMESPACE_URL, value)), 1, now, 1)
            if wait_s > 0:
                raise TooManyRequests(ceil(wait_s), f"requests per {whose}")
