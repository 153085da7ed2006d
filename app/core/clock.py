"""Business time and real time, the only place that reads a clock.

Business time may run scaled in the demo (shared epoch and rate); tokens, retries, polling and
upload expiry use real time. Every instant is timezone-aware UTC.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Business time = `business_epoch` + (real - `real_epoch`) x `rate`; rate 1 is ordinary."""

    real_epoch: datetime
    business_epoch: datetime
    rate: float

    def to_business(self, real: datetime) -> datetime:
        business = self.business_epoch + (real - self.real_epoch) * self.rate
        return business.astimezone(UTC)

    def to_real(self, business: datetime) -> datetime:
        real = self.real_epoch + (business - self.business_epoch) / self.rate
        return real.astimezone(UTC)


_scaled: ScaledClock | None = None
_frozen: datetime | None = None


def install(scaled: ScaledClock | None) -> None:
    """Run this process on `scaled`, or on ordinary time when None."""
    global _scaled
    _scaled = scaled


def real_now() -> datetime:
    """Wall time, for tokens, retries and expiry; never for service levels."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business time, for clocks, events, pay and plans."""
    if _frozen is not None:
        return _frozen
    real = real_now()
    return _scaled.to_business(real) if _scaled else real


def to_real(business: datetime) -> datetime:
    """When, in wall time, the business instant comes; used to schedule jobs."""
    return _scaled.to_real(business) if _scaled else business


def to_business(real: datetime) -> datetime:
    """The business instant that a wall instant means; used for device clocks."""
    return _scaled.to_business(real) if _scaled else real


def pace() -> float:
    """Business seconds per real second: 1 outside the demo."""
    return _scaled.rate if _scaled else 1.0


def monotonic() -> float:
    """Seconds for measuring durations of our own work."""
    return time.monotonic()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold business time still at `at`; for tests and replays."""
    global _frozen
    before, _frozen = _frozen, at
    try:
        yield
    finally:
        _frozen = before


def advance(by: timedelta) -> None:
    """Move a frozen clock forward; raises RuntimeError when it is not frozen."""
    global _frozen
    if _frozen is None:
        raise RuntimeError("only a frozen clock can be moved")
    _frozen += by
