"""Two clocks: what a phone's showed, what ours did, and when an act happened by ours."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.scope import Principal
from app.identity.models import Device
from app.mobile import flags, policy, repository, rules
from app.mobile.flags import Doubt
from app.mobile.models import ClockSample
from app.mobile.policy import Limits
from app.mobile.rules import Rules
from app.organisation import service as organisation

KEPT = timedelta(days=90)
EVERY = timedelta(minutes=5)
"""A look at a clock that shows nothing new is kept this often; it is also a proof of contact."""
SAME_MS = 1_000
"""Skews that differ by less are one: the way there and back takes its time."""


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """What a phone's clocks showed when it sent: wall time with its offset, and the steady one."""

    at: datetime
    boot_id: str | None = None
    uptime_ms: int | None = None

    @property
    def offset_min(self) -> int | None:
        offset = self.at.utcoffset()
        return round(offset.total_seconds() / 60) if offset is not None else None


async def heard(session: AsyncSession, principal: Principal, shown: DeviceClock | None) -> None:
    """The phone spoke: its technician is on line, and its clock is compared with business time."""
    now = clock.now()
    if principal.device_id is not None:
        if shown is not None:
            await _compare(session, principal, principal.device_id, shown, now)
        skew_ms = policy.measured_skew_ms(shown.at, now) if shown else None
        await repository.device_heard(session, principal.device_id, now, skew_ms)
    if principal.technician_id is not None:
        await organisation.touch_presence(session, principal.technician_id, now)


async def _compare(
    session: AsyncSession,
    principal: Principal,
    device_id: UUID,
    shown: DeviceClock,
    now: datetime,
) -> None:
    sample = ClockSample(
        device_id=device_id,
        user_id=principal.id,
        at=now,
        device_at=shown.at,
        skew_ms=policy.measured_skew_ms(shown.at, now),
        offset_min=shown.offset_min,
        boot_id=shown.boot_id,
        uptime_ms=shown.uptime_ms,
    )
    before = await last_sample(session, device_id, principal.id)
    if before is None or _is_news(before, sample):
        session.add(sample)
        await session.flush()
        numbers = await rules.in_force(session)
        for doubt, key in doubts_of(before, sample, numbers):
            await flags.put(session, principal, None, doubt, key)


def _is_news(before: ClockSample, sample: ClockSample) -> bool:
    return (
        abs(sample.skew_ms - before.skew_ms) > SAME_MS
        or (sample.offset_min, sample.boot_id) != (before.offset_min, before.boot_id)
        or sample.at - before.at >= EVERY
    )


def doubts_of(
    before: ClockSample | None, sample: ClockSample, numbers: Rules
) -> list[tuple[Doubt, str]]:
    """What a new look at the clock tells the chief, each with the key that makes it one flag."""
    found: list[tuple[Doubt, str]] = []
    if abs(sample.skew_ms) > numbers["clock_off_s"] * 1000:
        data: dict[str, Any] = {"skew_s": round(sample.skew_ms / 1000)}
        found.append((Doubt("clock_off", data), f"{sample.device_id}:{sample.at:%Y%m%d}"))
    if before is None:
        return found
    key = f"{sample.device_id}:{sample.at.isoformat()}"
    moved_ms = sample.skew_ms - before.skew_ms
    if abs(moved_ms) > numbers["clock_jump_s"] * 1000:
        data = {"from_skew_s": round(before.skew_ms / 1000), "moved_s": round(moved_ms / 1000)}
        data |= {"last_seen_right_at": before.at.isoformat()}
        found.append((Doubt("clock_jump", data), key))
    if None not in (before.offset_min, sample.offset_min) and (
        before.offset_min != sample.offset_min
    ):
        data = {"from_offset_min": before.offset_min, "to_offset_min": sample.offset_min}
        found.append((Doubt("zone_changed", data), key))
    return found


async def last_sample(
    session: AsyncSession, device_id: UUID, user_id: UUID, boot_id: str | None = None
) -> ClockSample | None:
    """The newest look at the device's clock in this person's hands, of one boot if given."""
    query = (
        select(ClockSample)
        .where(ClockSample.device_id == device_id, ClockSample.user_id == user_id)
        .order_by(col(ClockSample.id).desc())
        .limit(1)
    )
    if boot_id is not None:
        query = query.where(ClockSample.boot_id == boot_id, col(ClockSample.uptime_ms).is_not(None))
    return (await session.exec(query)).one_or_none()


async def time_of(
    session: AsyncSession,
    device: Device,
    client_at: datetime,
    steady: tuple[str, int] | None,
    earliest: datetime | None,
    numbers: Rules,
) -> policy.Corrected:
    """When the act happened by our clock; `steady` is its (boot id, milliseconds).

    Also doubtful (`back_dated`): the phone was in touch well after the act, and well before now,
    without telling of it.
    """
    now = clock.now()
    steady_at = None
    if steady is not None:
        sample = await last_sample(session, device.id, device.user_id, steady[0])
        if sample is not None and sample.uptime_ms is not None:
            pace = clock.pace()
            steady_at = policy.steady_time(sample.at, sample.uptime_ms, steady[1], pace)
    back_dated = timedelta(seconds=numbers["back_dated_s"])
    limits = Limits(
        clock_off=timedelta(seconds=numbers["clock_off_s"]),
        back_dated=back_dated,
        future=timedelta(seconds=numbers["future_s"]),
    )
    when = policy.corrected(client_at, device.skew_ms, earliest, now, limits, steady_at)
    if "back_dated" in when.doubts or not await _in_touch(
        session, device, when.at + back_dated, now - back_dated
    ):
        return when
    return when._replace(doubts=(*when.doubts, "back_dated"))


async def _in_touch(
    session: AsyncSession, device: Device, since: datetime, until: datetime
) -> bool:
    if since > until:
        return False
    found = await session.execute(
        text(
            "SELECT EXISTS (SELECT FROM device_clock_samples WHERE device_id = :device"
            " AND user_id = :user AND at BETWEEN :since AND :until)"
        ),
        {"device": device.id, "user": device.user_id, "since": since, "until": until},
    )
    return bool(found.scalar_one())


async def purge_samples(session: AsyncSession) -> None:
    """Forget looks at clocks after 90 days."""
    await session.execute(
        text("DELETE FROM device_clock_samples WHERE at < :before"), {"before": clock.now() - KEPT}
    )
