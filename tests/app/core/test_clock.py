"""Business time is UTC, in whatever offset the demo's epochs were given."""

from datetime import UTC, datetime, timedelta, timezone

from app.core.clock import ScaledClock

SHANGHAI = timezone(timedelta(hours=8))
REAL = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MORNING = datetime(2026, 1, 15, 7, 0, tzinfo=SHANGHAI)
SCALED = ScaledClock(REAL, MORNING, 12.0)


class TestScaledClock:
    def test_business_time_is_utc(self) -> None:
        at = SCALED.to_business(REAL + timedelta(minutes=5))
        assert at.isoformat() == "2026-01-15T00:00:00+00:00"

    def test_real_time_is_utc(self) -> None:
        shifted = ScaledClock(REAL.astimezone(SHANGHAI), MORNING, 12.0)
        at = shifted.to_real(MORNING + timedelta(hours=1))
        assert at.isoformat() == "2026-07-01T12:05:00+00:00"
