"""Waiting on the demo's scaled clock: business seconds in, real waiting out."""

import asyncio
from datetime import datetime, timedelta

from app.core import clock
from app.core.clock import ScaledClock


def start_clock(real_epoch: datetime, business_epoch: datetime, rate: float) -> ScaledClock:
    """Run this process on business time that is `business_epoch` at `real_epoch`."""
    scaled = ScaledClock(real_epoch, business_epoch, rate)
    clock.install(scaled)
    return scaled


async def until(at: datetime) -> None:
    """Return when business time has reached `at`; at once when it has passed."""
    left_s = (clock.to_real(at) - clock.real_now()).total_seconds()
    if left_s > 0:
        await asyncio.sleep(left_s)


async def pause(business_s: float) -> None:
    """Let `business_s` seconds of business time pass."""
    await until(clock.now() + timedelta(seconds=business_s))


def real_seconds(business_s: float) -> float:
    """How long `business_s` seconds of business time last by the wall clock."""
    now = clock.now()
    return (clock.to_real(now + timedelta(seconds=business_s)) - clock.to_real(now)).total_seconds()
